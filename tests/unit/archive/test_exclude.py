import os
from pathlib import Path

import pytest

from desync_jobs.archive.exclude import NOTHING_EXCLUDED, Exclusion, parse_rules, read_rules
from desync_jobs.errors import SourceError


@pytest.mark.parametrize(
    ("text", "excluded"),
    [
        (b"*.o", [b"a.o"]),
        (b"  a.o \r\n# kept\n\n", [b"a.o"]),
        (b"?", [b"x"]),
        (b"[a-c]*\n!*.o", []),
        (b"*\n!a.o\n", [b"x", "é".encode()]),
        (b".*", [b".a.o"]),
        (b"a.o/", []),
        (b"/x", [b"x"]),
        (b"x/y", []),
        (rb"\x", [b"x"]),
    ],
)
def test_a_file_says_what_is_left_out_of_its_directory(text: bytes, excluded: list[bytes]) -> None:
    names = [b"a.o", b".a.o", b"x", "é".encode()]
    exclusion = Exclusion(parse_rules(text))

    assert [name for name in names if exclusion.excludes(name, directory=False)] == excluded


def test_a_pattern_without_a_slash_counts_in_every_directory_below() -> None:
    exclusion = Exclusion(parse_rules(b"x\n/y\nd/z\nd/*/w")).below(b"d")

    found = [name for name in (b"x", b"y", b"z", b"w") if exclusion.excludes(name, directory=False)]
    assert found == [b"x", b"z"]
    assert exclusion.below(b"any").excludes(b"w", directory=False)
    assert not exclusion.below(b"any").excludes(b"z", directory=False)


def test_what_is_for_directories_says_nothing_of_files() -> None:
    exclusion = Exclusion(parse_rules(b"x/")).below(b"d")

    assert not exclusion.excludes(b"x", directory=False)
    assert not exclusion.excludes(b"x", directory=True)  # the slash anchors it
    assert Exclusion(parse_rules(b"x/")).excludes(b"x", directory=True)


def test_a_file_below_takes_back_what_one_above_left_out() -> None:
    above = Exclusion(parse_rules(b"*.o"))
    below = above.below(b"d").extended(parse_rules(b"!keep.o"))

    assert below.excludes(b"a.o", directory=False)
    assert not below.excludes(b"keep.o", directory=False)
    assert above.excludes(b"keep.o", directory=False)


@pytest.mark.parametrize("line", [b"/", b"a/../b", b"!", b"./a"])
def test_a_pattern_that_names_nothing_is_refused(line: bytes) -> None:
    with pytest.raises(SourceError, match="which names nothing below its directory"):
        parse_rules(line)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: path.mkdir(), "cannot be read: Is a directory"),
        (lambda path: path.symlink_to("missing"), "cannot be read: No such file or directory"),
        (lambda path: path.write_bytes(b"#" * ((1 << 20) + 1)), "has more than 1048576 bytes"),
    ],
)
def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path, make: object, reason: str) -> None:
    assert callable(make)
    make(tmp_path / ".caexclude")
    folder = os.open(tmp_path, os.O_RDONLY)
    try:
        with pytest.raises(SourceError, match=f"its .caexclude {reason}"):
            read_rules(folder)
    finally:
        os.close(folder)


def test_without_rules_nothing_is_left_out() -> None:
    assert not NOTHING_EXCLUDED.below(b"d").excludes(b"x", directory=True)
