"""Tar streams made of archives: types, modes and what no stream can hold."""

import stat
import tarfile
from io import BytesIO

import pytest

from desync_jobs.errors import EXIT_INVALID_DATA, EXIT_USAGE, ManifestError
from desync_jobs.formats.catar.records import (
    AclGroupObj,
    AclUser,
    Device,
    Fcaps,
    Filename,
    Group,
    Payload,
    QuotaProject,
    Selinux,
    Symlink,
    User,
    Xattr,
)
from tests.archives import END, Part, archive, directory, entry, file, regular
from tests.conftest import Run
from tests.workspace import Workspace

SECOND = 10**9
TIME = 1_500_000_000 * SECOND + 123_456_789


def kinds() -> list[Part]:
    """A node of every kind, with modes that have more than nine bits."""
    return [
        directory(0o1777, mtime_ns=TIME),
        *(Filename(b"block"), entry(stat.S_IFBLK | 0o660), Device(8, 1)),
        *(Filename(b"character"), entry(stat.S_IFCHR | 0o620), Device(4, 70_000)),
        *(Filename(b"fifo"), entry(stat.S_IFIFO | 0o600)),
        *(Filename(b"link"), entry(stat.S_IFLNK | 0o777, mtime_ns=-1_500_000_000)),
        Symlink(b"../x"),
        *(Filename(b"setgid"), directory(0o2775), END),
        *(Filename(b"setuid"), regular(0o4711, uid=3_000_000, gid=7), User(b"nobody-here")),
        *(Group(b"staff"), Xattr(b"user.a", b"\0\xff=\n"), Xattr(b"user.b", b"")),
        *(AclUser(5, 4, b"games"), AclUser(99_999, 6), AclGroupObj(1)),
        *(Selinux(b"system_u:object_r:bin_t:s0"), Fcaps(b"\1\0\0\2" + bytes(16))),
        *(QuotaProject(7), Payload(5), b"setid"),
        *(Filename(b"socket"), entry(stat.S_IFSOCK | 0o755)),
        END,
    ]


def members(data: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=BytesIO(data), mode="r:") as tar:
        return {member.name: member for member in tar.getmembers()}


def test_w10_types_and_modes_are_those_of_the_archive(workspace: Workspace) -> None:
    (workspace / "a.catar").write_bytes(archive(kinds()))
    for form in ("pax", "gnu"):
        workspace.do("untar", archive="a.catar", tar_stream="a.tar", tar_format=form)
        found = members((workspace / "a.tar").read_bytes())

        assert {name: (one.type, one.mode) for name, one in found.items()} == {
            ".": (tarfile.DIRTYPE, 0o1777),
            "block": (tarfile.BLKTYPE, 0o660),
            "character": (tarfile.CHRTYPE, 0o620),
            "fifo": (tarfile.FIFOTYPE, 0o600),
            "link": (tarfile.SYMTYPE, 0o777),
            "setgid": (tarfile.DIRTYPE, 0o2775),
            "setuid": (tarfile.REGTYPE, 0o4711),
        }
        numbers = [(found[name].devmajor, found[name].devminor) for name in ("block", "character")]
        assert numbers == [(8, 1), (4, 70_000)]
        assert (found["setuid"].uid, found["setuid"].gid) == (3_000_000, 7)
        assert (found["setuid"].uname, found["setuid"].gname) == ("nobody-here", "staff")
        assert found["link"].linkname == "../x"


def test_w10_attributes_and_exact_times_are_in_extended_headers(workspace: Workspace) -> None:
    (workspace / "a.catar").write_bytes(archive(kinds()))
    ended = workspace.do("untar", archive="a.catar", tar_stream="a.tar")
    found = members((workspace / "a.tar").read_bytes())

    assert found["."].pax_headers == {"mtime": "1500000000.123456789"}
    assert found["link"].pax_headers == {"mtime": "-1.5"}
    assert found["fifo"].pax_headers == {}
    assert found["setuid"].pax_headers == {
        "uid": "3000000",
        "SCHILY.xattr.security.capability": "\1\0\0\2" + "\0" * 16,
        "RHT.security.selinux": "system_u:object_r:bin_t:s0",
        "SCHILY.acl.access": (
            "user::rwx,user:games:r--:5,user:99999:rw-,group::--x,mask::--x,other::--x"
        ),
        "SCHILY.xattr.user.a": "\0\udcff=\n",
        "SCHILY.xattr.user.b": "",
    }
    assert ended.warnings == [
        "the quota project of 'setuid' has no place in a tar stream of the format pax",
        "the socket 'socket' has no place in a tar stream of the format pax",
    ]


def test_what_gnus_format_cannot_hold_is_told(workspace: Workspace) -> None:
    (workspace / "a.catar").write_bytes(archive(kinds()))
    ended = workspace.do("untar", archive="a.catar", tar_stream="a.tar", tar_format="gnu")

    assert ended.summary == (0, "done")
    assert [
        message.removesuffix(" has no place in a tar stream of the format gnu")
        for message in ended.warnings
    ] == [
        "RHT.security.selinux of 'setuid'",
        "SCHILY.acl.access of 'setuid'",
        "SCHILY.xattr.security.capability of 'setuid'",
        "SCHILY.xattr.user.a of 'setuid'",
        "SCHILY.xattr.user.b of 'setuid'",
        "the fraction of a second in the time of '.' and 1 other",
        "the quota project of 'setuid'",
        "the socket 'socket'",
    ]


def test_a_name_that_gnus_format_cannot_hold_is_told_and_not_cut(workspace: Workspace) -> None:
    parts: list[Part] = [
        directory(),
        Filename(b"a"),
        regular(uid=5),
        User(b"u" * 40),
        Payload(0),
        END,
    ]
    (workspace / "a.catar").write_bytes(archive(parts))
    ended = workspace.do("untar", archive="a.catar", tar_stream="a.tar", tar_format="gnu")
    pax = workspace.do("untar", archive="a.catar", tar_stream="-")

    assert ended.warnings == [
        "a name of an owner of 'a' has no place in a tar stream of the format gnu"
    ]
    assert members((workspace / "a.tar").read_bytes())["a"].uname == ""
    assert members(pax.output)["a"].uname == "u" * 40


def test_what_is_not_wanted_is_neither_written_nor_told(workspace: Workspace) -> None:
    (workspace / "a.catar").write_bytes(archive(kinds()))
    ended = workspace.do(
        "untar", archive="a.catar", tar_stream="a.tar", with_features=["permissions", "fifos"]
    )
    found = members((workspace / "a.tar").read_bytes())

    assert ended.warnings == []
    assert list(found) == [".", "fifo", "setgid", "setuid"]
    assert (found["setuid"].mode, found["setuid"].mtime, found["setuid"].uname) == (0o4711, 0, "")
    assert ended.statistics["entries_left_out"] == 4


def test_the_content_of_files_follows_their_headers(workspace: Workspace) -> None:
    large = bytes(range(256)) * 1000
    parts = [directory(), *file(b"a", b"x" * 512), *file(b"b", b""), *file(b"c", large), END]
    (workspace / "a.catar").write_bytes(archive(parts))
    workspace.do("untar", archive="a.catar", tar_stream="a.tar")
    data = (workspace / "a.tar").read_bytes()

    with tarfile.open(fileobj=BytesIO(data), mode="r:") as tar:
        contents = [tar.extractfile(name) for name in ("a", "b", "c")]
        assert [one and one.read() for one in contents] == [b"x" * 512, b"", large]
    assert len(data) == 512 * (1 + 2 + 1 + 1 + 500 + 2)


def test_an_archive_that_is_damaged_leaves_the_old_stream(workspace: Workspace) -> None:
    (workspace / "a.catar").write_bytes(archive(kinds())[:-1])
    (workspace / "a.tar").write_bytes(b"old")
    ended = workspace.do("untar", archive="a.catar", tar_stream="a.tar")

    assert ended.summary == (EXIT_INVALID_DATA, "failed")
    assert (workspace / "a.tar").read_bytes() == b"old"


def test_the_command_writes_a_stream(workspace: Workspace, desync_run: Run) -> None:
    (workspace / "a.catar").write_bytes(archive(kinds()))
    pax = desync_run("untar", "-q", "--output-format", "pax", "a.catar", "-")
    gnu = desync_run("untar", "-q", "--output-format=gnu-tar", "a.catar", "a.tar")

    assert (pax.returncode, gnu.returncode) == (0, 0)
    assert list(members(pax.stdout)) == list(members((workspace / "a.tar").read_bytes()))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "give either target or tar_stream"),
        ({"target": "d", "tar_stream": "t"}, "give either target or tar_stream"),
        ({"target": "d", "tar_format": "gnu"}, "is about tar streams; give tar_stream"),
        ({"tar_stream": "t", "atomic": True}, "is about trees on disk; give target"),
    ],
)
def test_keys_that_contradict_each_other_are_refused(
    workspace: Workspace, fields: dict[str, object], message: str
) -> None:
    with pytest.raises(ManifestError, match=message):
        workspace.do("untar", archive="a.catar", **fields)


def test_a_stream_does_not_take_the_place_of_what_is_read(workspace: Workspace) -> None:
    (workspace / "a.catar").write_bytes(archive(kinds()))
    (workspace / "same").hardlink_to(workspace / "a.catar")
    ended = workspace.do("untar", archive="a.catar", tar_stream="same")

    assert ended.summary == (EXIT_USAGE, "failed")
    assert "is the same file as" in ended.message
