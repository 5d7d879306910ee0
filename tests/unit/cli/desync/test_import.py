"""Command lines and configurations of desync, as manifests."""

import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path

import pytest
import tomli

from desync_jobs.cli.main import main
from desync_jobs.manifest.load import job_from_document

CONFIG: Mapping[str, Mapping[str, Mapping[str, object]]] = {
    "s3-credentials": {
        "http://localhost": {"access-key": "HIDDEN-A", "secret-key": "HIDDEN-B"},
        "https://127.0.0.1:8000": {"aws-credentials-file": "/aws", "aws-profile": "p"},
    },
    "oci-credentials": {"oci+https://r.example.org/*": {"username": "u", "secret": "HIDDEN-C"}},
    "store-options": {
        "https://192.168.1.1/store": {"client-cert": "/c", "client-key": "/k", "error-retry": 1},
        "https://example.com/*/*/": {"http-auth": "Bearer HIDDEN-D"},
        "/local/cache": {"uncompressed": True, "timeout": 5},
        "s3+http://localhost/images": {"uncompressed": True},
    },
}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", os.fspath(tmp_path))
    names = ("S3_ACCESS_KEY", "S3_SECRET_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    for name in (*names, "DESYNC_HTTP_AUTH", "DESYNC_ENCRYPTION_KEY"):
        monkeypatch.setenv(name, "")  # so that what an import sets is taken back
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_command_line_is_printed_with_what_it_means_otherwise_to_desync(
    capfd: pytest.CaptureFixture[str],
) -> None:
    line = "S3_ACCESS_KEY=HIDDEN /usr/bin/desync --verbose prune -s /srv/store a.caibx"

    assert main(["import", "--", *line.split()]) == 0

    text = capfd.readouterr().out
    document = tomli.loads(text)
    assert document["operations"]["prune"]["indexes"] == ["a.caibx"]
    assert text.startswith("# A job asks nobody. ")
    assert "\n# This removes compressed and plain chunks that no index needs, " in text
    assert "\n# Set in the environment, as before: S3_ACCESS_KEY.\n" in text
    assert "HIDDEN" not in text


def test_a_command_line_is_what_the_command_itself_prints(
    capfd: pytest.CaptureFixture[str],
) -> None:
    line = ["extract", "-s", "/a", "-s", "http://h/b|http://i/b", "-c", "/c", "i.caibx", "out"]

    main([*line, "--print-manifest"])
    own = capfd.readouterr().out
    main(["import", "desync", *line])

    imported = capfd.readouterr().out
    assert "".join(one for one in imported.splitlines(keepends=True) if one[0] != "#") == own


def test_a_comma_and_a_wait_are_told_of(capfd: pytest.CaptureFixture[str]) -> None:
    main(["import", "--", "desync", "list-chunks", "-b", "1s", "a,b.caibx"])

    comments = [one for one in capfd.readouterr().out.splitlines() if one.startswith("#")]
    assert [one[:20] for one in comments] == ["# A comma is a part ", "# Waits between atte"]


def test_variables_before_a_command_decide_what_it_is(capfd: pytest.CaptureFixture[str]) -> None:
    line = ["DESYNC_HTTP_AUTH=Bearer HIDDEN", "desync", "chunk-server", "-s", "/srv", "-l", ":1"]
    assert main(["import", "--", *line]) == 0

    text = capfd.readouterr().out
    server = tomli.loads(text)["operations"]["serve-chunks"]
    assert server["authorization"] == {"env": "DESYNC_HTTP_AUTH"}
    assert "HIDDEN" not in text


def test_a_digest_before_mtree_is_that_of_the_index_that_is_read(
    capfd: pytest.CaptureFixture[str],
) -> None:
    line = "desync --digest sha256 mtree -i -s /srv a.caidx"
    assert main(["import", "--", *line.split()]) == 0

    document = tomli.loads(capfd.readouterr().out)
    assert document["index_digest"] == "sha256"
    assert "digest" not in document["operations"]["mtree"]


def test_one_flag_may_have_several_addresses(capfd: pytest.CaptureFixture[str]) -> None:
    line = "desync index-server -s /srv -l :80,[::1]:81 --listen=:82,:83"
    assert main(["import", "--", *line.split()]) == 0

    text = capfd.readouterr().out
    server = tomli.loads(text)["operations"]["serve-indexes"]
    assert server["listen"] == [":80", "[::1]:81", ":82", ":83"]
    assert "comma" not in text


def test_secrets_on_a_command_line_are_told_by_the_variables_that_have_them(
    capfd: pytest.CaptureFixture[str],
) -> None:
    line = "desync chunk-server -s /srv --authorization=HIDDEN --encryption-key HIDDEN"
    assert main(["import", "--", *line.split()]) == 0

    text = capfd.readouterr().out
    assert "# Set DESYNC_HTTP_AUTH in the environment to what --authorization has on" in text
    assert "# Set DESYNC_ENCRYPTION_KEY in the environment to what --encryption-key has on" in text
    assert "HIDDEN" not in text


@pytest.mark.parametrize("words", [["desync"], ["desync", "nothing"], ["desync", "doctor"]])
def test_what_is_no_command_of_desync_is_refused(
    capfd: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert main(["import", "--", *words]) == 64
    assert "is no command of desync that does something" in capfd.readouterr().err


def test_a_command_line_that_is_wrong_is_refused_as_the_command_does(
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert main(["import", "--", "desync", "extract", "i.caibx", "out"]) == 64
    written = capfd.readouterr()
    assert written.out == ""
    assert "missing option '-s' / '--store'" in written.err
    assert "see 'desync-run extract --help'" in written.err


def test_each_location_of_a_configuration_becomes_a_store(
    home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (home / "c.json").write_text(json.dumps(CONFIG))

    assert main(["import", "--config", "c.json"]) == 0

    text = capfd.readouterr().out
    assert "HIDDEN" not in text
    stores = tomli.loads(text)["stores"]
    assert stores["https-192.168.1.1-store"] == {
        "url": "https://192.168.1.1/store",
        "policy": {"attempts": 1},
        "tls": {"client_cert": "/c", "client_key": "/k"},
    }
    assert stores["https-example.com-name-name"] == {
        "url": "https://example.com/name/name/",
        "http_auth": {"env": "HTTPS_EXAMPLE_COM_HTTP_AUTH"},
    }
    assert stores["local-cache"] == {"url": "/local/cache", "compression": "none"}
    assert stores["s3-http-localhost-images"] == {
        "url": "s3+http://localhost/images",
        "compression": "none",
        "credentials": {
            "access_key": {"env": "HTTP_LOCALHOST_ACCESS_KEY"},
            "secret_key": {"env": "HTTP_LOCALHOST_SECRET_KEY"},
        },
    }
    assert stores["s3-https-127.0.0.1-8000-bucket"] == {
        "url": "s3+https://127.0.0.1:8000/bucket",
        "credentials": {"file": "/aws", "profile": "p"},
    }
    assert stores["oci-https-r.example.org-name"]["credentials"] == {
        "username": {"env": "OCI_HTTPS_R_EXAMPLE_ORG_USERNAME"},
        "password": {"env": "OCI_HTTPS_R_EXAMPLE_ORG_SECRET"},
    }
    assert len(stores) == 6
    assert "# Left out, which such a place does not have: timeout.\n[stores.local-cache]" in text
    assert "#   HTTP_LOCALHOST_ACCESS_KEY: access-key of s3-credentials 'http://localhost'" in text


def test_secrets_are_written_to_files_for_their_owner_where_that_is_asked_for(
    home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (home / "c.json").write_text(json.dumps(CONFIG))

    for _ in range(2):
        assert main(["import", "--config", "c.json", "--secrets-dir", "secrets"]) == 0

    text = capfd.readouterr().out
    assert "HIDDEN" not in text
    assert 'file = "secrets/HTTP_LOCALHOST_ACCESS_KEY"' in text
    files = {path.name: path for path in (home / "secrets").iterdir()}
    assert files["HTTPS_EXAMPLE_COM_HTTP_AUTH"].read_text() == "Bearer HIDDEN-D"
    assert len(files) == 5
    assert {stat.S_IMODE(path.stat().st_mode) for path in files.values()} == {0o600}


def test_a_configuration_that_no_manifest_can_say_is_refused_and_writes_nothing(
    home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    options = {"https://h/": {"client-cert": "/c", "http-auth": "x"}}
    (home / "c.json").write_text(json.dumps({"store-options": options}))

    assert main(["import", "--config", "c.json", "--secrets-dir", "secrets"]) == 64

    assert "client_cert and client_key are given together" in capfd.readouterr().err
    assert not (home / "secrets").exists()


def test_an_import_is_a_manifest_but_for_its_operations(
    home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (home / "c.json").write_text(json.dumps(CONFIG))
    main(["import", "--config", "c.json"])
    document = tomli.loads(capfd.readouterr().out)

    store = next(iter(document["stores"]))
    operations = {"v": {"kind": "verify", "store": store}}
    assert job_from_document({**document, "operations": operations}, "/", "x").spec.stores


def test_without_a_configuration_there_is_nothing_to_import(
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert main(["import"]) == 64
    assert "there is no configuration of desync" in capfd.readouterr().err


def test_a_configuration_is_printed_without_its_secrets(
    home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (home / "c.json").write_text(json.dumps({**CONFIG, "other": {}}))

    assert main(["config", "--config", "c.json"]) == 0

    printed = capfd.readouterr()
    assert "HIDDEN" not in printed.out
    document = json.loads(printed.out)
    assert document["store-options"] == {
        **CONFIG["store-options"],
        "https://example.com/*/*/": {"http-auth": "***"},
    }
    assert printed.err == "desync-run: warning: c.json: other is not known\n"


def test_an_empty_configuration_is_written_once_for_its_owner(
    home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = home / ".config" / "desync" / "config.json"

    assert main(["config"]) == 0
    assert json.loads(capfd.readouterr().out) == dict.fromkeys(CONFIG)
    assert not path.exists()

    assert main(["config", "-w"]) == 0
    assert json.loads(path.read_text()) == dict.fromkeys(CONFIG)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600

    path.write_text(json.dumps(CONFIG))
    assert main(["config", "-w"]) == 0
    assert json.loads(path.read_text()) == CONFIG


def test_secrets_of_different_places_have_different_names(
    home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    options = {"http://h/a": {"http-auth": "one"}, "http://h-a": {"http-auth": "two"}}
    (home / "c.json").write_text(json.dumps({"store-options": options}))

    assert main(["import", "--config", "c.json", "--secrets-dir", "s"]) == 0

    stores = tomli.loads(capfd.readouterr().out)["stores"].values()
    found = {one["url"]: (home / one["http_auth"]["file"]).read_text() for one in stores}
    assert found == {"http://h/a": "one", "http://h-a": "two"}


def test_a_location_with_a_line_end_stays_within_its_comment(
    home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    document = {"store-options": {"/a*\n[limits]": {"no\nkey": 1}}, "no\nsection": {}}
    (home / "c.json").write_text(json.dumps(document))

    assert main(["import", "--config", "c.json"]) == 0

    assert set(tomli.loads(capfd.readouterr().out)) == {"version", "stores"}
