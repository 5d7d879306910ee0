"""What desync's configuration makes of a command line, as `--print-manifest` shows it."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import tomli

from desync_jobs.cli.desync.lookup import same_place
from desync_jobs.cli.main import main

KEY = "ab" * 32


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without a configuration, and an environment without credentials."""
    for name in list(os.environ):
        if name.startswith(("S3_", "AWS_", "DESYNC_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", os.fspath(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def configure(home: Path, document: object) -> str:
    path = home / ".config" / "desync" / "config.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))
    return os.fspath(path)


def manifest(capfd: pytest.CaptureFixture[str], line: str) -> tuple[dict[str, Any], str]:
    code = main([*line.split(), "--print-manifest"])
    written = capfd.readouterr()
    assert code == 0, written.err
    return tomli.loads(written.out), written.err


def refused(capfd: pytest.CaptureFixture[str], line: str) -> str:
    assert main([*line.split(), "--print-manifest"]) == 64
    return capfd.readouterr().err


EVERYTHING: Mapping[str, object] = {
    "n": 4,
    "client-cert": "c.pem",
    "client-key": "k.pem",
    "ca-cert": "ca.pem",
    "trust-insecure": True,
    "http-auth": "Bearer hidden",
    "http-cookie": "a=hidden",
    "timeout": 30_000_000_000,
    "error-retry": 7,
    "error-retry-base-interval": 250_000_000,
    "skip-verify": True,
    "uncompressed": True,
    "encryption": True,
    "encryption-algorithm": "aes-256-gcm",
    "encryption-key": KEY,
}


def test_every_option_of_a_store_becomes_a_key_of_the_manifest(
    home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = configure(home, {"store-options": {"https://h/store": EVERYTHING}})

    document, errors = manifest(capfd, "extract -s https://h/store/ i.caibx out")

    def secret(key: str) -> dict[str, object]:
        return {"file": path, "key": ["store-options", "https://h/store", key]}

    assert document["stores"]["store"] == {
        "url": "https://h/store/",
        "policy": {"attempts": 7, "backoff": "250ms", "timeout": "30s"},
        "tls": {
            "ca": "ca.pem",
            "ca_only": True,
            "client_cert": "c.pem",
            "client_key": "k.pem",
            "trust_insecure": True,
        },
        "http_auth": secret("http-auth"),
        "http_cookie": secret("http-cookie"),
        "skip_verify": True,
        "compression": "none",
        "encryption": {"key": secret("encryption-key"), "algorithm": "aes-256-gcm"},
    }
    assert errors == ""


def test_what_a_place_does_not_have_is_told_and_left_out(
    home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = configure(home, {"store-options": {str(home / "s"): EVERYTHING}})

    document, errors = manifest(capfd, "extract -s s i.caibx out")

    assert set(document["stores"]["store"]) == {"url", "skip_verify", "compression", "encryption"}
    assert errors == (
        f"desync-run: warning: {path}: {home}/s: ca-cert, client-cert, client-key, error-retry, "
        "error-retry-base-interval, http-auth, http-cookie, timeout, trust-insecure: a directory "
        "does not have this\n"
    )


def test_the_place_of_an_index_is_asked_as_the_configuration_says(
    home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    configure(home, {"store-options": {"http://h/*": {"http-auth": "x", "uncompressed": False}}})

    document, _ = manifest(capfd, "verify-index http://h/indexes/i.caibx blob")

    assert document["index_stores"]["index-1"]["url"] == "http://h/indexes/"
    assert document["index_stores"]["index-1"]["http_auth"]["key"][-1] == "http-auth"


def test_indexes_are_not_encrypted(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = configure(home, {"store-options": {"http://h/": {"encryption": True}}})

    assert refused(capfd, "verify-index http://h/i.caibx blob") == (
        f"desync-run: {path}: store-options 'http://h/': encryption is asked for, but indexes are "
        "not encrypted; keep them elsewhere than the chunks\n"
    )


def test_a_key_without_encryption_is_refused(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    configure(home, {"store-options": {"/s": {"encryption-key": KEY}}})

    message = refused(capfd, "verify -s /s")

    assert 'not "encryption": true' in message
    assert KEY not in message


def test_two_keys_for_one_place_are_refused(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = configure(home, {"store-options": {"http://h/s/": {}, "http://h/*": {}}})

    assert refused(capfd, "extract -s http://h/s i out") == (
        f"desync-run: {path}: store-options: http://h/s is meant by 'http://h/s/' and "
        "'http://h/*'; keep one\n"
    )


def test_what_is_not_known_is_told_by_name(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = configure(home, {"store-option": {}, "store-options": {"/s": {"uncompresed": True}}})

    _, errors = manifest(capfd, "verify -s /t")

    assert errors == (
        f"desync-run: warning: {path}: store-option is not known; did you mean 'store-options'?\n"
        f"desync-run: warning: {path}: store-options '/s': uncompresed is not known; did you mean "
        "'uncompressed'?\n"
    )


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"store-options": {"/s": {"timeout": "30s"}}}, "timeout should be a whole number"),
        ({"store-options": {"/s": {"uncompressed": 1}}}, "uncompressed should be true or false"),
        ({"store-options": []}, "store-options should be an object"),
        ({"s3-credentials": {"https://h": "x"}}, "s3-credentials 'https://h' should be an object"),
    ],
)
def test_a_value_of_another_kind_is_refused(
    home: Path, capfd: pytest.CaptureFixture[str], document: object, message: str
) -> None:
    configure(home, document)

    assert message in refused(capfd, "verify -s /t")


def test_the_command_line_counts_before_the_configuration(
    home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    configure(home, {"store-options": {"https://h": EVERYTHING}})
    given = "-e 2 --client-cert= --client-key= -t=false --ca-cert mine.pem"

    document, _ = manifest(capfd, f"extract {given} -s https://h/ i.caibx out")

    store = document["stores"]["store"]
    assert document["policy"] == {"attempts": 2}
    assert store["policy"] == {"backoff": "250ms", "timeout": "30s"}
    assert store["tls"] == {"ca": "mine.pem", "ca_only": True}


def test_explicit_zeros_and_negative_times_mean_what_they_do_to_desync(
    home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    options = {"error-retry": 0, "error-retry-base-interval": 0, "timeout": -1}
    configure(home, {"store-options": {"http://h": options}})

    document, _ = manifest(capfd, "extract -s http://h i out")

    assert document["stores"]["store"]["policy"] == {
        "attempts": 1,
        "backoff": "0ms",
        "timeout": "24h",
    }


S3 = {"access-key": "hidden-name", "secret-key": "hidden"}


@pytest.mark.parametrize("key", ["https://s3.example.org:9000", "https://s3.*.org:9000/"])
def test_keys_of_s3_are_those_of_the_server(
    home: Path, capfd: pytest.CaptureFixture[str], key: str
) -> None:
    path = configure(home, {"s3-credentials": {key: {**S3, "aws-region": "here"}}})

    document, _ = manifest(capfd, "make -s s3+https://s3.example.org:9000/b/p i blob")

    assert document["stores"]["store"] == {
        "url": "s3+https://s3.example.org:9000/b/p",
        "region": "here",
        "credentials": {
            "access_key": {"file": path, "key": ["s3-credentials", key, "access-key"]},
            "secret_key": {"file": path, "key": ["s3-credentials", key, "secret-key"]},
        },
    }


def test_a_profile_of_a_credentials_file_is_named(
    home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    entry = {"aws-credentials-file": "/etc/aws", "aws-profile": "p"}
    configure(home, {"s3-credentials": {"http://h": entry}})

    document, _ = manifest(capfd, "verify -s s3+http://h/b")

    assert document["stores"]["store"]["credentials"] == {"file": "/etc/aws", "profile": "p"}


@pytest.mark.parametrize("variable", ["S3_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY"])
def test_the_environment_counts_before_keys_of_the_configuration(
    home: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
) -> None:
    configure(home, {"s3-credentials": {"http://h": S3}})
    monkeypatch.setenv(variable, "x")

    document, _ = manifest(capfd, "verify -s s3+http://h/b")

    assert document["stores"]["store"] == {"url": "s3+http://h/b"}


def test_a_registry_is_asked_as_the_configuration_says_unless_the_environment_does(
    home: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = {"username": "u", "secret": "hidden"}
    path = configure(home, {"oci-credentials": {"oci+https://r/*": entry}})

    document, _ = manifest(capfd, "verify -s oci+https://r/repo")
    monkeypatch.setenv("DESYNC_OCI_USERNAME", "x")
    without, _ = manifest(capfd, "verify -s oci+https://r/repo")

    keys = ["oci-credentials", "oci+https://r/*"]
    assert document["stores"]["store"]["credentials"] == {
        "username": {"file": path, "key": [*keys, "username"]},
        "password": {"file": path, "key": [*keys, "secret"]},
    }
    assert without["stores"]["store"] == {"url": "oci+https://r/repo"}


def test_a_configuration_may_be_named_before_the_command_or_after_it(
    home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (home / "c.json").write_text(json.dumps({"store-options": {"s": {"uncompressed": True}}}))
    lines = [
        "--config c.json verify -s s",
        "--config=c.json verify -s s",
        "verify --config c.json -s s",
    ]

    for line in lines:
        document, _ = manifest(capfd, line)
        assert document["stores"]["store"] == {"url": "s", "compression": "none"}


def test_a_configuration_that_was_named_has_to_be_there(
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert (
        refused(capfd, "--config none.json verify -s s") == "desync-run: none.json: no such file\n"
    )


@pytest.mark.parametrize(
    ("pattern", "location", "same"),
    [
        ("http://h/store", "http://h/store/", True),
        ("http://h/store/", "http://h/store", True),
        ("http://h/*", "http://h/a/b", False),
        ("http://h/*/", "http://h/a", True),
        ("http*://h/a", "https://h/a", True),
        ("http://h/a", "https://h/a", False),
        ("http://h/[ab]", "http://h/b", True),
        ("http://h/[^ab]", "http://h/b", False),
        ("http://h/a", "/a", False),
        ("/srv/../srv/s", "/srv/s/", True),
        ("/srv/*", "/srv/s", True),
        ("/srv/*", "/srv/s/t", False),
        ("/srv/?", "/srv/st", False),
        ("/srv/[", "/srv/a", False),
        ("s3+http://h/b?lookup=path", "s3+http://h/b?lookup=path", True),
    ],
)
def test_a_key_is_that_of_the_places_that_it_matches(
    pattern: str, location: str, *, same: bool
) -> None:
    assert same_place(pattern, location) is same
