from collections.abc import Callable
from math import inf

import pytest
from pydantic import ValidationError

from desync_jobs.manifest.belonging import place_problems
from desync_jobs.manifest.job import Job
from desync_jobs.manifest.policy import PolicySpec
from desync_jobs.manifest.read import parse_document
from desync_jobs.manifest.stores import CacheSpec, StoreSpec

Problems = Callable[..., list[str]]
OPERATION = "version = 1\noperations.a = { kind = 'digest', blob = 'b' }\n"


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("chunks", "chunks"),
        ("/srv/chunks", "/srv/chunks"),
        ("../chunks/", "../chunks/"),
        ("-", "-"),
        ("a,b", "a,b"),
        ("a|b", "a|b"),
        ("host:dir", "host:dir"),
        ("file:dir", "file:dir"),
        ("100%25", "100%25"),
        ("file:///srv/chunks", "/srv/chunks"),
        ("FILE:///srv/chunks", "/srv/chunks"),
        ("file://localhost/srv/chunks", "/srv/chunks"),
        ("file:///srv/my%20chunks", "/srv/my chunks"),
    ],
)
def test_a_store_is_a_path_or_a_file_url(url: str, path: str) -> None:
    assert StoreSpec(url=url).directory == path
    assert CacheSpec(url=url).directory == path


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "a path may not be empty"),
        ("a\0b", "a path may not contain a NUL character"),
        ("file:///a%00b", "a path may not contain a NUL character"),
        ("file://", "a path may not be empty"),
        (
            "file://server/dir",
            "'file://server/dir' names another machine; a local store is file:///directory",
        ),
        (
            "file:///a?b",
            "'file:///a?b' has a '?' or '#', which a file:// URL writes as %3F or %23",
        ),
        (
            "file:///a#b",
            "'file:///a#b' has a '?' or '#', which a file:// URL writes as %3F or %23",
        ),
    ],
)
def test_a_store_that_is_no_directory_is_refused(url: str, message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        StoreSpec(url=url)

    assert str(caught.value.errors()[0]["ctx"]["error"]) == message


def test_a_url_that_cannot_be_split_is_a_problem_and_no_defect(problems: Problems) -> None:
    found = problems(
        "version = 1\n[stores.s]\nurl = 'file://[x/y'\n[operations.v]\nkind = 'verify'\nstore = 's'"
    )

    assert found == ["stores.s.url: 'file://[x/y' is not a URL"]


@pytest.mark.parametrize("level", [0, 20, -1])
def test_the_level_is_one_that_zstd_has(problems: Problems, level: int) -> None:
    found = problems(
        f"version = 1\n[stores.s]\nurl = 's'\nlevel = {level}\n"
        "[operations.v]\nkind = 'verify'\nstore = 's'"
    )

    assert found == [f"stores.s.level: should be from 1 to 19, not {level}"]


KEYS = {
    "compression": "'none'",
    "level": "1",
    "reads": "'own'",
    "encryption": "{}",
    "policy": "{ attempts = 1 }",
    "tls": "{ trust_insecure = true }",
    "http_auth": "{ env = 'A' }",
    "http_cookie": "{ env = 'A' }",
    "netrc": "true",
    "credentials": "{ anonymous = true }",
    "region": "'eu'",
    "options": "{ block_size = 1 }",
    "secret_options": "{ token = { env = 'A' } }",
}
CHUNK_FILES = {"compression", "level", "reads", "encryption"}


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("dir", CHUNK_FILES),
        ("https://h/", {*CHUNK_FILES, "policy", "tls", "http_auth", "http_cookie", "netrc"}),
        ("s3+https://h/b", {*CHUNK_FILES, "policy", "tls", "credentials", "region"}),
        ("s3://b", {*CHUNK_FILES, "policy", "tls", "credentials", "region"}),
        ("gs://b", {*CHUNK_FILES, "policy", "credentials"}),
        ("sftp://h/d", {*CHUNK_FILES, "policy"}),
        ("ssh://h/d", {"policy"}),
        ("oci+https://h/r", {*CHUNK_FILES, "policy", "tls", "credentials"}),
        ("memory://d", {*CHUNK_FILES, "policy", "options", "secret_options"}),
    ],
)
@pytest.mark.parametrize("section", ["stores", "caches"])
def test_a_key_belongs_to_some_kinds_of_places_and_is_refused_in_others(
    section: str, url: str, expected: set[str]
) -> None:
    refused = set()
    for key, value in KEYS.items():
        document = parse_document(
            f"{OPERATION}[{section}.s]\nurl = '{url}'\n{key} = {value}\n", "job.toml"
        )
        for problem in place_problems(document):
            assert problem.where[:3] == (section, "s", key)
            assert "does not have this, only" in problem.message
            refused.add(key)

    assert KEYS.keys() - refused == expected


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "http_auth = 'Bearer hunter2'",
            'http_auth: a secret does not stand in a manifest; write { env = "NAME" }',
        ),
        ("http_auth = {}", "http_auth: should say one place; write { env"),
        ("http_auth = { env = 'A', file = 'b' }", "http_auth: should say one place; write { env"),
        ("http_auth = { evn = 'A' }", "http_auth.evn: unknown key; did you mean 'env'?"),
        ("http_auth = { command = [] }", "http_auth.command: should have at least one entry"),
        ("http_auth = { env = '' }", "http_auth.env: should not be empty"),
        ("policy = { attemps = 1 }", "policy.attemps: unknown key; did you mean 'attempts'?"),
        ("policy = { attempts = 0 }", "policy.attempts: should be from 1 to 100, not 0"),
        ("policy = { timeout = '0s' }", "policy.timeout: '0s' should be more than nothing"),
        ("policy = { timeout = 60 }", "policy.timeout: 60 is not a duration"),
        ("policy = { bandwidth = 0 }", "policy.bandwidth: 0 should be more than nothing"),
        ("policy = { bandwidth = '1 KB' }", "policy.bandwidth: '1 KB' is ambiguous"),
        (
            "policy = { requests_per_second = 0 }",
            "policy.requests_per_second: should be a number of requests a second above 0",
        ),
        ("tls = { client_cert = 'c' }", "tls: client_cert and client_key are given together"),
        ("tls = { ca_only = true }", "tls: ca_only needs ca, the certificates that are trusted"),
        ("tls = { cacert = 'c' }", "tls.cacert: unknown key; there are ca, ca_only, client_cert"),
        ("hedge_after = 'soon'", "hedge_after: 'soon' is not a duration"),
        ("on_error = 'ignore'", "on_error: should be 'fail' or 'skip', not 'ignore'"),
    ],
)
def test_what_is_wrong_within_a_place_is_told_in_its_place(
    problems: Problems, line: str, message: str
) -> None:
    found = problems(f"{OPERATION}[stores.s]\nurl = 'https://h/'\n{line}\n")

    assert len(found) == 1
    assert found[0].startswith(f"stores.s.{message}")
    assert "hunter2" not in found[0]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ("access_key = { env = 'A' }", "access_key and secret_key are given together"),
        ("session_token = { env = 'A' }", "session_token needs access_key and secret_key"),
        ("anonymous = true, profile = 'p'", "should say one way: keys, a profile or file"),
        ("", "should say one way: keys, a profile or file"),
    ],
)
def test_credentials_are_given_in_one_way(problems: Problems, fields: str, message: str) -> None:
    found = problems(
        f"{OPERATION}[stores.s]\nurl = 's3+https://h/b'\ncredentials = {{ {fields} }}\n"
    )

    assert [one.partition(": ")[0] for one in found] == ["stores.s.credentials"]
    assert message in found[0]


def test_credentials_of_another_kind_of_place_are_refused(problems: Problems) -> None:
    found = problems(
        f"{OPERATION}[stores.s]\nurl = 's3+https://h/b'\n"
        "credentials = { username = { env = 'A' }, password = { env = 'B' } }\n"
    )

    only = "an S3 place does not have this, only an OCI registry; leave it out"
    assert found == [
        f"stores.s.credentials.username: {only}",
        f"stores.s.credentials.password: {only}",
    ]


@pytest.mark.parametrize("name", ["key", "secret", "access_token", "account_key", "password"])
def test_arguments_that_are_secrets_are_not_written_out(problems: Problems, name: str) -> None:
    found = problems(
        f"{OPERATION}[stores.s]\nurl = 'x://h/'\noptions = {{ {name} = 'hunter2', key_size = 1 }}\n"
    )

    message = (
        f'a secret does not stand in a manifest; write secret_options.{name} = {{ env = "NAME" }}'
    )
    assert found == [f"stores.s.options.{name}: {message}"]


@pytest.mark.parametrize("url", ["ssh://h/d", "oci+https://h/r"])
def test_an_index_store_is_a_place_that_keeps_indexes(problems: Problems, url: str) -> None:
    found = problems(f"{OPERATION}[index_stores.i]\nurl = '{url}'\n")

    assert len(found) == 1
    assert found[0].startswith("index_stores.i.url: ")
    assert found[0].endswith(" keeps no indexes")


def test_an_index_store_has_no_keys_of_chunks(problems: Problems) -> None:
    found = problems(f"{OPERATION}[index_stores.i]\nurl = 'https://h/'\ncompression = 'none'\n")

    assert len(found) == 1
    assert found[0].startswith("index_stores.i.compression: unknown key; there are credentials,")


def test_a_place_has_the_policy_of_its_job_but_for_its_own(job: Callable[..., Job]) -> None:
    spec = job(
        f"{OPERATION}[policy]\nattempts = 5\ndeadline = '1h'\nbandwidth = '10 MiB'\n"
        "[stores.s]\nurl = 'https://h/'\n"
        "policy = { attempts = 2, deadline = 'never', bandwidth = 'unlimited' }\n"
    ).spec

    merged = spec.stores["s"].policy.over(spec.policy)

    assert (merged.attempts, merged.deadline, merged.bandwidth) == (2, inf, inf)
    assert spec.policy.bandwidth == 10 << 20
    assert PolicySpec().over(spec.policy) == spec.policy
