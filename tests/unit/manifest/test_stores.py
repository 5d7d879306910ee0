from collections.abc import Callable

import pytest
from pydantic import ValidationError

from desync_jobs.manifest.stores import CacheSpec, StoreSpec

Problems = Callable[..., list[str]]


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
    assert StoreSpec(url=url).path == path
    assert CacheSpec(url=url).path == path


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


@pytest.mark.parametrize("scheme", ["https", "s3+https", "sftp", "ssh", "gs", "oci+https", "x"])
def test_other_kinds_of_stores_are_one_clear_problem(problems: Problems, scheme: str) -> None:
    found = problems(
        f"version = 1\n[stores.s]\nurl = '{scheme}://host/dir|other'\n"
        "[operations.v]\nkind = 'verify'\nstore = 's'"
    )

    assert found == [
        (
            f"stores.s.url: {scheme}:// is not possible: this version reads local stores only; "
            "give a directory or a file:// URL"
        )
    ]


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
