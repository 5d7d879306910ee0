import re

import pytest

from desync_jobs.manifest.indexes import split_index_url
from desync_jobs.manifest.locations import Kind, Location, parse_location, resolved


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://h/dir/", {"kind": Kind.HTTP, "host": "h", "path": "/dir/"}),
        ("HTTP://Host:8080", {"kind": Kind.HTTP, "scheme": "http", "host": "host", "port": 8080}),
        ("http://[::1]:80/a%20b", {"kind": Kind.HTTP, "host": "::1", "port": 80, "path": "/a%20b"}),
        (
            "s3+https://s3.example.org/bucket/a/b/?lookup=dns",
            {
                "kind": Kind.S3,
                "host": "s3.example.org",
                "bucket": "bucket",
                "path": "a/b",
                "lookup": "dns",
            },
        ),
        (
            "s3+http://127.0.0.1:9000/bucket",
            {"kind": Kind.S3, "host": "127.0.0.1", "port": 9000, "bucket": "bucket"},
        ),
        ("s3://Bucket/a%20b", {"kind": Kind.S3, "bucket": "Bucket", "path": "a b"}),
        ("gs://bucket/a/b/", {"kind": Kind.GS, "bucket": "bucket", "path": "a/b"}),
        ("gs://bucket", {"kind": Kind.GS, "bucket": "bucket"}),
        (
            "sftp://me@h:2222/srv/my%20chunks",
            {
                "kind": Kind.SFTP,
                "user": "me",
                "host": "h",
                "port": 2222,
                "path": "/srv/my chunks",
            },
        ),
        ("ssh://h/srv/chunks", {"kind": Kind.SSH, "host": "h", "path": "/srv/chunks"}),
        (
            "oci+https://registry.example.org/team/chunks",
            {"kind": Kind.OCI, "host": "registry.example.org", "path": "team/chunks"},
        ),
        ("memory://a/b", {"kind": Kind.OTHER, "path": "a/b"}),
        ("abfs://c@account/dir", {"kind": Kind.OTHER, "path": "c@account/dir"}),
        ("a|b", {"kind": Kind.DIRECTORY, "scheme": "file", "path": "a|b"}),
    ],
)
def test_every_form_of_url_is_taken_apart(url: str, expected: dict[str, object]) -> None:
    scheme = url.partition("://")[0]
    wanted = Location(**{"text": url, "scheme": scheme, **expected})  # type: ignore[arg-type] # fields by name

    assert parse_location(url) == wanted


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("https://", "https:// needs the name of a host after it"),
        ("https://u:p@h/", "a user or password may not stand in this URL; give http_auth"),
        ("https://u@h/", "a user or password may not stand in this URL; give http_auth"),
        ("https://h/dir?token=x", "'https://h/dir?token=x' has a '?', which would be lost"),
        ("https://h/#a", "'https://h/#a' has a '#', which is written as %23"),
        ("https://h:99999/", "'https://h:99999/' is not a URL"),
        ("https://[x/", "'https://[x/' is not a URL"),
        ("https://h/a b", "'https://h/a b' has a space or a control character"),
        ("https://h/a\nb", "'https://h/a\\nb' has a space or a control character"),
        ("https://-h/", "'-h' cannot be the name of a host"),
        ("ssh://-oProxyCommand=x/d", "'-oproxycommand=x' cannot be the name of a host"),
        ("ssh://-oProxyCommand=x@h/d", "'-oProxyCommand=x' cannot be the name of a user"),
        ("ssh://u:p@h/d", "a password may not stand in a URL"),
        ("ssh://h", "ssh:// needs a directory after the host"),
        ("sftp://h/", "sftp:// needs a directory after the host"),
        ("s3+https://k:s@h/b", "a user or password may not stand in this URL; give credentials"),
        ("s3+https://h", "s3+https:// needs a bucket, which '' cannot be"),
        ("s3+https://h//p", "s3+https:// needs a bucket, which '' cannot be"),
        ("s3+https://h/b/../c", "a prefix may not have '.' or '..' in it"),
        ("s3+https://h/b?lookup=x", "after '?' only lookup=auto, lookup=dns or lookup=path"),
        ("s3+https://h/b?lookup=dns&x=1", "after '?' only lookup=auto, lookup=dns"),
        ("s3+https://h/b?", "after '?' only lookup=auto, lookup=dns or lookup=path"),
        ("s3://h:9000/b", "s3:// names a bucket of AWS; for another server write s3+https://"),
        ("s3://", "s3:// needs a bucket, which '' cannot be"),
        ("gs:///p", "gs:// needs a bucket, which '' cannot be"),
        ("oci+https://h", "'' cannot be a repository"),
        ("oci+https://h/Team", "'Team' cannot be a repository"),
        ("x://u:p@h/", "a password may not stand in a URL; give it under options"),
    ],
)
def test_a_url_that_would_be_misread_is_refused(url: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        parse_location(url)


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("s3+https://h:9000/b", "https://h:9000"),
        ("s3+http://[::1]/b", "http://[::1]"),
        ("oci+http://h:5000/r", "http://h:5000"),
        ("https://h/x", "https://h"),
        ("s3://b/p", None),
        ("ssh://h/p", None),
        ("/dir", None),
    ],
)
def test_the_endpoint_is_the_server_without_a_path(url: str, endpoint: str | None) -> None:
    assert parse_location(url).endpoint == endpoint


def test_a_url_is_never_rewritten_and_a_path_is_made_absolute() -> None:
    assert resolved("/jobs", "https://h/a/../b//c") == "https://h/a/../b//c"
    assert resolved("/jobs", "../a//b") == "/a/b"
    assert resolved("/jobs", "file:///a%20b") == "/a b"


@pytest.mark.parametrize(
    ("url", "place", "name"),
    [
        ("https://h/a/x.caibx", "https://h/a/", "x.caibx"),
        ("https://h/x%20y.caibx", "https://h/", "x y.caibx"),
        ("s3+https://h/b/p/x.caibx?lookup=path", "s3+https://h/b/p/?lookup=path", "x.caibx"),
        ("gs://b/x.caibx", "gs://b/", "x.caibx"),
        ("sftp://u@h/srv/x.caibx", "sftp://u@h/srv/", "x.caibx"),
        ("memory://a/x.caibx", "memory://a/", "x.caibx"),
    ],
)
def test_an_index_is_a_name_in_a_place(url: str, place: str, name: str) -> None:
    assert split_index_url(parse_location(url)) == (place, name)


@pytest.mark.parametrize(
    "url",
    [
        "https://h/",
        "https://h",
        "https://h/a/",
        "https://h/a/..",
        "https://h/a%2Fb",
        "https://h/a%00b",
        "s3+https://h/bucket",
        "gs://bucket",
        "ssh://h/srv/x.caibx",
        "oci+https://h/team/x.caibx",
    ],
)
def test_a_url_of_an_index_has_a_name_and_a_place_that_keeps_indexes(url: str) -> None:
    with pytest.raises(ValueError, match=r"the name of an index|keeps no indexes|needs a bucket"):
        split_index_url(parse_location(url))
