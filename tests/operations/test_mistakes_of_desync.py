"""Mistakes that desync makes with archives and this program does not.

Their numbers (W5 to W12) are in the names of tests here and beside what they are about: W5 to W9
where archives are made, W10 where tar streams are written.
"""

import re
import stat

import pytest

from desync_jobs.errors import EXIT_FAILED
from desync_jobs.formats.catar.records import Device, Filename, Symlink
from tests.archives import END, Part, archive, directory, entry, file
from tests.workspace import Workspace

NANOSECONDS = 1_577_836_800 * 10**9 + 5


def test_w10_an_mtree_has_character_devices_and_all_bits_of_modes(workspace: Workspace) -> None:
    parts: list[Part] = [
        directory(0o1777),
        *(Filename(b"tty"), entry(stat.S_IFCHR | 0o6620), Device(4, 0)),
        END,
    ]
    (workspace / "a.catar").write_bytes(archive(parts))
    lines = workspace.do("mtree", archive="a.catar", style="desync").output.decode().splitlines()

    assert lines[1].startswith(". type=dir mode=1777 ")
    assert lines[2].startswith("tty type=char mode=6620 ")


def test_w11_an_mtree_has_nine_digits_of_nanoseconds_whatever_has_them(
    workspace: Workspace,
) -> None:
    parts: list[Part] = [
        directory(mtime_ns=NANOSECONDS),
        *(Filename(b"d"), entry(stat.S_IFBLK | 0o600, mtime_ns=NANOSECONDS), Device(8, 0)),
        *(Filename(b"e"), directory(mtime_ns=NANOSECONDS), END),
        *file(b"f", b""),
        END,
    ]
    (workspace / "a.catar").write_bytes(archive(parts))
    _, *lines = (
        workspace.do("mtree", archive="a.catar", style="desync").output.decode().splitlines()
    )

    assert [bool(re.search(r" time=\d+\.\d{9}( |$)", line)) for line in lines] == [True] * 4
    assert "time=1577836800.000000005" in lines[0]


def test_w12_a_file_of_an_archive_does_not_remove_a_directory(workspace: Workspace) -> None:
    (workspace / "a.catar").write_bytes(archive([directory(), *file(b"x", b"new"), END]))
    (workspace / "there" / "x" / "deep").mkdir(parents=True)
    (workspace / "there" / "x" / "deep" / "mine").write_bytes(b"mine")
    refused = workspace.do("untar", archive="a.catar", target="there", same_owner=False)
    kept = (workspace / "there" / "x" / "deep" / "mine").read_bytes()
    asked = workspace.do("untar", archive="a.catar", target="there", same_owner=False, replace=True)

    assert refused.summary == (EXIT_FAILED, "failed")
    assert "replace = true, --replace" in refused.message
    assert kept == b"mine"
    assert asked.summary == (0, "done")
    assert (workspace / "there" / "x").read_bytes() == b"new"


@pytest.mark.parametrize("style", ["casync", "desync"])
def test_no_name_or_target_adds_a_word_or_a_line_to_an_mtree(
    workspace: Workspace, style: str
) -> None:
    """desync wrote names as they are once (its pull request 344)."""
    name = b"a mode=7777\npasswd type=file uid=0 \\#"
    parts: list[Part] = [
        directory(),
        *(Filename(name), entry(stat.S_IFLNK | 0o777), Symlink(b"x uid=0\n. type=dir mode=0777")),
        END,
    ]
    (workspace / "a.catar").write_bytes(archive(parts))
    ended = workspace.do("mtree", archive="a.catar", style=style)
    lines = [line for line in ended.output.decode("ascii").splitlines() if line[0] != "#"]

    assert len(lines) == 2
    assert lines[1].startswith(
        "a\\040mode=7777\\012passwd\\040type=file\\040uid=0\\040\\134\\043 type=link "
    )
    words = lines[1].split(" ")
    assert [word.partition("=")[0] for word in words].count("uid") == 1
    assert "x\\040uid=0\\012.\\040type=dir\\040mode=0777" in lines[1]
