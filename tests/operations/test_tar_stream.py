"""Archives made of tar streams: whatever their order, their members and their faults."""

import gzip
import lzma
import os
import stat
import tarfile
from collections.abc import Callable, Sequence

import pytest

from desync_jobs.archive.tar_walk import TarWalk
from desync_jobs.errors import EXIT_FAILED, EXIT_INVALID_DATA, EXIT_USAGE, ManifestError
from desync_jobs.formats.catar.node import Node
from desync_jobs.formats.catar.records import Device, Symlink, Xattr
from tests.conftest import Run
from tests.interop.casync import casync
from tests.interop.tars import gnu_tar
from tests.tarballs import (
    END,
    LINK,
    SYMLINK,
    Given,
    contents,
    folder,
    global_header,
    stream,
    tree_of,
)
from tests.workspace import SMALL, Ended, How, Workspace, chunk_files

ROOT = folder("./")
MADE = (
    "nothing tells of 3 directories, such as 'usr'; made with the mode 0755, the owner 0:0 and "
    "the time 0"
)


class Archives:
    """Archives of streams, in one workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    def do(self, members: Sequence[Given | bytes], **fields: object) -> Ended:
        return self.of(stream(members), **fields)

    def of(self, data: bytes, **fields: object) -> Ended:
        (self.workspace / "a.tar").write_bytes(data)
        return self.workspace.do("tar", tar_stream="a.tar", archive="a.catar", **fields)

    def bytes(self) -> bytes:
        return (self.workspace / "a.catar").read_bytes()

    def node(self, path: str) -> Node:
        return tree_of(self.bytes())[path][0].node


@pytest.fixture
def archives(workspace: Workspace) -> Archives:
    return Archives(workspace)


def test_w5_members_in_any_order_are_sorted_and_none_is_lost(archives: Archives) -> None:
    ended = archives.do(
        [Given("z/b", b"1"), Given("a", b"2"), folder("z"), ROOT, Given("z/a/x", b"3"), Given("m")]
    )

    assert ended.summary == (0, "done")
    assert contents(archives.bytes()) == {
        ".": None,
        "a": b"2",
        "m": b"",
        "z": None,
        "z/a": None,
        "z/a/x": b"3",
        "z/b": b"1",
    }
    assert list(tree_of(archives.bytes())) == [".", "a", "m", "z", "z/a", "z/a/x", "z/b"]


def test_w5_casync_extracts_all_of_a_stream_that_is_in_no_order(archives: Archives) -> None:
    archives.do([Given("z/b", b"1"), Given("a", b"2"), ROOT, Given("c", b"4"), Given("b/x", b"3")])
    path = archives.workspace.path
    casync(path, "--without=privileged", "extract", "a.catar", "out")

    found = {str(one.relative_to(path / "out")) for one in (path / "out").rglob("*")}
    assert found == {"a", "b", "b/x", "c", "z", "z/b"}


def test_w5_missing_parents_are_made_and_told(archives: Archives) -> None:
    ended = archives.do([ROOT, Given("usr/lib/x", b"x"), Given("usr/bin/y", b"y")])
    made = archives.node("usr/lib").entry

    assert (made.mode, made.uid, made.gid, made.mtime_ns) == (0o40755, 0, 0, 0)
    assert ended.warnings == [f"{archives.workspace / 'a.tar'}: {MADE}"]


def test_w5_each_hard_link_is_a_copy_with_the_metadata_of_its_file(archives: Archives) -> None:
    file = Given("a", b"content", fields={"uid": 7, "pax_headers": {"SCHILY.xattr.user.x": "1"}})
    ended = archives.do(
        [ROOT, file, Given("b/c", kind=LINK, target="./a"), Given("d", kind=LINK, target="b/c")]
    )
    linked = archives.node("d")

    assert ended.summary == (0, "done")
    assert contents(archives.bytes()) == {
        ".": None,
        "a": b"content",
        "b": None,
        "b/c": b"content",
        "d": b"content",
    }
    assert linked.entry.uid == 7
    assert linked.xattrs == (Xattr(b"user.x", b"1"),)


def test_a_hard_link_is_what_its_target_was_when_it_came(archives: Archives) -> None:
    archives.do([ROOT, Given("a", b"old"), Given("b", kind=LINK, target="a"), Given("a", b"new")])

    assert contents(archives.bytes()) == {".": None, "a": b"new", "b": b"old"}


def test_a_symbolic_link_can_have_hard_links(archives: Archives) -> None:
    archives.do([ROOT, Given("a", kind=SYMLINK, target="x"), Given("b", kind=LINK, target="a")])

    assert archives.node("b").body == Symlink(b"x")


def test_the_last_of_several_members_with_one_path_counts(archives: Archives) -> None:
    ended = archives.do(
        [
            *(ROOT, Given("a", b"old"), folder("d"), Given("d/x", b"1"), Given("e", b"file")),
            *(folder("d/", mode=0o700), Given("./a", b"new"), folder("e"), Given("e/y", b"2")),
            *(folder("f"), Given("f", b"was a directory")),
        ]
    )

    assert ended.summary == (0, "done")
    assert contents(archives.bytes()) == {
        ".": None,
        "a": b"new",
        "d": None,
        "d/x": b"1",
        "e": None,
        "e/y": b"2",
        "f": b"was a directory",
    }
    assert archives.node("d").entry.mode == 0o40700


def test_w5_global_headers_count_for_what_follows_them_and_are_no_members(
    archives: Archives,
) -> None:
    archives.do(
        [
            *(global_header({"comment": "0" * 40, "uid": "5"}), ROOT, Given("a")),
            *(global_header({"uid": "6", "mtime": "1.25"}), Given("b", fields={"gid": 3})),
            Given("c", fields={"pax_headers": {"uid": "8"}}),
        ]
    )

    assert [archives.node(path).entry.uid for path in (".", "a", "b", "c")] == [5, 5, 6, 8]
    assert archives.node("b").entry.mtime_ns == 1_250_000_000
    assert archives.node("b").entry.gid == 3


@pytest.mark.parametrize("root", [True, False])
def test_w5_a_stream_with_a_root_has_that_whether_one_is_added_or_not(
    archives: Archives, root: bool
) -> None:
    ended = archives.do([folder("./", mode=0o711), Given("./a", b"1")], add_root=root)

    assert (ended.summary, ended.warnings) == ((0, "done"), [])
    assert archives.node(".").entry.mode == 0o40711
    assert contents(archives.bytes()) == {".": None, "a": b"1"}


def test_an_added_root_has_a_sane_time_and_everything_in_it(archives: Archives) -> None:
    ended = archives.do([folder("b"), Given("a", b"1"), Given("b/c", b"2")], add_root=True)
    entry = archives.node(".").entry

    assert (ended.summary, ended.warnings) == ((0, "done"), [])
    assert (entry.mode, entry.uid, entry.gid, entry.mtime_ns) == (0o40755, 0, 0, 0)
    assert contents(archives.bytes()) == {".": None, "a": b"1", "b": None, "b/c": b"2"}


def test_the_only_directory_at_the_top_is_the_root_unless_one_is_added(archives: Archives) -> None:
    members = [folder("box", mode=0o700), Given("box/a", b"1")]
    archives.do(members)
    alone = contents(archives.bytes())
    archives.do(members, add_root=True)

    assert alone == {".": None, "a": b"1"}
    assert contents(archives.bytes()) == {".": None, "box": None, "box/a": b"1"}


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([folder("a"), folder("b"), Given("c/d"), folder("e")], "(a, b, c, …)"),
        ([Given("a")], "(a)"),
        ([], "(it is empty)"),
    ],
)
def test_w5_a_stream_without_one_root_is_refused_unless_one_is_added(
    archives: Archives, members: list[Given], message: str
) -> None:
    ended = archives.do(members)
    added = archives.do(members, add_root=True)

    assert ended.summary == (EXIT_INVALID_DATA, "failed")
    assert ended.message == (
        f"{archives.workspace / 'a.tar'}: has no directory that everything is in {message}; "
        "add one: add_root = true, --tar-add-root"
    )
    assert added.summary == (0, "done")


def test_the_slash_at_the_beginning_of_paths_is_left_out_and_told(archives: Archives) -> None:
    ended = archives.do(
        [ROOT, Given("/etc/a", b"1"), Given("//b", kind=LINK, target="/etc/a")],
    )

    assert contents(archives.bytes()) == {".": None, "b": b"1", "etc": None, "etc/a": b"1"}
    assert "the / at the beginning of '/etc/a' and 2 others has no place in an archive" in (
        ended.warnings
    )


def test_names_that_mean_something_elsewhere_are_names(archives: Archives) -> None:
    names = [".wh.gone", ".wh..wh..opq", "back\\slash", "new\nline", "…", "a:b"]
    archives.do([ROOT, *(Given(name, b"x") for name in names)])

    assert contents(archives.bytes()) == {".": None, **dict.fromkeys(names, b"x")}


def test_kinds_modes_and_devices_are_kept(archives: Archives) -> None:
    numbers = {"devmajor": 259, "devminor": 70_000, "mode": 0o640}
    archives.do(
        [
            *(ROOT, Given("setuid", fields={"mode": 0o6755}), folder("sticky", mode=0o1777)),
            Given("block", kind=tarfile.BLKTYPE, fields=numbers),
            Given("character", kind=tarfile.CHRTYPE, fields=numbers),
            Given("contiguous", b"x", kind=tarfile.CONTTYPE),
            Given("fifo", kind=tarfile.FIFOTYPE),
        ]
    )

    assert {
        path: stat.filemode(one.node.entry.mode)
        for path, (one, _) in tree_of(archives.bytes()).items()
    } == {
        ".": "drwxr-xr-x",
        "block": "brw-r-----",
        "character": "crw-r-----",
        "contiguous": "-rw-r--r--",
        "fifo": "prw-r--r--",
        "setuid": "-rwsr-sr-x",
        "sticky": "drwxrwxrwt",
    }
    assert archives.node("character").body == Device(259, 70_000)


@pytest.mark.parametrize(
    ("written", "nanoseconds"),
    [
        ("1.000000001", 1_000_000_001),
        ("1700000000.123456789", 1_700_000_000_123_456_789),
        ("1700000000.1234567899", 1_700_000_000_123_456_789),
        ("-1.5", -1_500_000_000),
        ("-0.0000000011", -2),
        ("9223372036.854775807", (1 << 63) - 1),
        ("8.", 8_000_000_000),
    ],
)
def test_a_time_is_exact(archives: Archives, written: str, nanoseconds: int) -> None:
    archives.do([ROOT, Given("a", fields={"pax_headers": {"mtime": written}})])

    assert archives.node("a").entry.mtime_ns == nanoseconds


def test_what_an_archive_cannot_hold_is_told(archives: Archives) -> None:
    headers = {
        "SCHILY.xattr.security.note": "1",
        "SCHILY.xattr.user.kept": "2",
        "SCHILY.fflags": "nodump,undel",
        "SCHILY.acl.ace": "owner@:r:allow",
    }
    owner = {"uid": 5, "uname": "domain\\somebody", "pax_headers": headers}
    ended = archives.do(
        [ROOT, Given("a", fields=owner), Given("b", fields=owner)], exclude_nodump=False
    )

    assert ended.warnings == [
        "the access list of NFS of 'a' and 1 other has no place in an archive",
        "the attribute security.note of 'a' and 1 other has no place in an archive",
        "the file flag undel of 'a' and 1 other has no place in an archive",
        "the owner's name b'domain\\\\somebody' of 'a' and 1 other has no place in an archive",
    ]
    assert archives.node("a").xattrs == (Xattr(b"user.kept", b"2"),)


def test_what_is_not_asked_for_is_neither_told_nor_understood(archives: Archives) -> None:
    headers = {
        "SCHILY.fflags": "undel",
        "SCHILY.acl.ace": "owner@:r:allow",
        "SCHILY.acl.access": "user::rw-,user:no-such-user:r--,group::r--,mask::r--,other::---",
        "SCHILY.xattr.security.note": "1",
    }
    owner = {"uid": 5, "uname": "domain\\somebody", "pax_headers": headers}
    ended = archives.do([ROOT, Given("a", fields=owner)], with_features=["unix"])

    assert (ended.summary, ended.warnings) == ((0, "done"), [])


def test_the_dialect_of_desync_has_lists_and_labels_as_attributes(archives: Archives) -> None:
    headers = {
        "SCHILY.acl.access": "user::rw-,user:5:r--,group::r--,mask::r--,other::---",
        "SCHILY.xattr.user.x": "1",
        "RHT.security.selinux": "label",
    }
    archives.do([ROOT, Given("a", fields={"pax_headers": headers})], dialect="desync")
    found = archives.node("a")

    assert [one.name for one in found.xattrs] == [
        b"security.selinux",
        b"system.posix_acl_access",
        b"user.x",
    ]
    assert found.entry.mode == 0o100640


def test_features_leave_out_what_they_leave_out_of_directories(archives: Archives) -> None:
    nodump = {"pax_headers": {"SCHILY.fflags": "nodump"}}
    members = [
        *(ROOT, Given(".caexclude", b"*.o\n"), Given("x.o"), folder("d", **nodump), Given("d/x")),
        *(Given("keep", fields={"uid": 3}), Given("l", kind=SYMLINK, target="x")),
    ]
    archives.do(members, without_features=["all"])
    few = archives.node("keep").entry
    plain = contents(archives.bytes())
    archives.do(members, exclude_file=False, exclude_nodump=False)

    assert list(plain) == [".", ".caexclude", "keep"]
    assert (few.mode, few.uid, few.mtime_ns) == (0o100666, 0, 0)
    assert list(contents(archives.bytes())) == [
        *(".", ".caexclude", "d", "d/x", "keep", "l", "x.o")
    ]


def test_the_chunks_of_a_stream_from_a_pipe_are_those_of_its_archive(archives: Archives) -> None:
    workspace = archives.workspace
    data = stream([ROOT, *(Given(f"f{number}", os.urandom(70_000)) for number in range(5))])
    archives.of(data)
    asked = {"tar_stream": "-", "store": "store", "chunk_size": SMALL}
    ended = workspace.do("tar", How(given=data), index="a.caidx", **asked)
    workspace.do("extract", index="a.caidx", stores=["store"], target="copy")

    assert ended.statistics["chunks_stored"] == len(chunk_files(workspace / "store")) > 10
    assert (workspace / "copy").read_bytes() == archives.bytes()
    assert sorted(os.listdir(workspace.path)) == ["a.caidx", "a.catar", "a.tar", "copy", "store"]


def test_the_command_reads_standard_input_and_writes_standard_output(desync_run: Run) -> None:
    data = stream([folder("b"), Given("b/a", b"1")])
    ran = desync_run("tar", "--input-format=tar", "--tar-add-root", "-q", "-", "-", given=data)

    assert ran.returncode == 0
    assert contents(ran.stdout) == {".": None, "b": None, "b/a": b"1"}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "give either directory or tar_stream"),
        ({"directory": "d", "tar_stream": "t"}, "give either directory or tar_stream"),
        ({"directory": "d", "add_root": True}, "is about tar streams; give tar_stream"),
        ({"tar_stream": "t", "one_file_system": True}, "is about directories"),
        ({"tar_stream": "t", "dialect": "desync", "with_features": ["unix"]}, "always claims"),
    ],
)
def test_keys_that_contradict_each_other_are_refused(
    workspace: Workspace, fields: dict[str, object], message: str
) -> None:
    with pytest.raises(ManifestError, match=message):
        workspace.do("tar", archive="a.catar", **fields)


@pytest.mark.parametrize(
    ("name", "code", "message"),
    [
        ("no.tar", EXIT_FAILED, "{}/no.tar: tar stream does not exist"),
        (".", EXIT_FAILED, "{} is a directory; give it as directory"),
        (
            "same",
            EXIT_USAGE,
            "{0}/a.catar is the same file as {0}/same, which is read; name another",
        ),
    ],
)
def test_what_is_no_stream_is_refused(
    workspace: Workspace, name: str, code: int, message: str
) -> None:
    (workspace / "a.catar").write_bytes(stream([ROOT]))
    (workspace / "same").hardlink_to(workspace / "a.catar")
    ended = workspace.do("tar", tar_stream=name, archive="a.catar")

    assert ended.summary == (code, "failed")
    assert ended.message == message.format(workspace.path)


def test_a_plan_tells_the_size_of_a_stream_that_is_a_file(archives: Archives) -> None:
    workspace = archives.workspace
    (workspace / "a.tar").write_bytes(stream([ROOT]))
    spec = {"kind": "tar", "tar_stream": "a.tar", "index": "a.caidx", "store": "store"}
    (step,) = workspace.plan({"tar": spec}).steps
    (read,) = step.cost.reads

    assert (read.place, read.bytes, read.exact) == ("tar stream", 1536, True)
    assert step.reason == "a tar stream is always read"


FILE = Given("f", b"content" * 100)
TIMED = Given("t", fields={"pax_headers": {"mtime": "1.5"}})
HUGE = Given(
    "s", b"x", fields={"pax_headers": {"GNU.sparse.size": str(1 << 50), "GNU.sparse.map": "0,1"}}
)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (stream([ROOT, FILE])[:1400], "at byte 512: the stream ends at byte 1400, within 'f'"),
        (stream([ROOT, FILE])[:700], "ends at byte 700, within a header"),
        (ROOT.bytes() + TIMED.bytes()[:1024] + END, "ends at byte 1536, within a member"),
        (ROOT.bytes() + TIMED.bytes()[:1024], "ends at byte 1536, within a member"),
        (b"", "is empty"),
        (stream([ROOT]) + b"more", "goes on at byte 1536, after its end"),
        (stream([ROOT]) + stream([FILE]), "goes on at byte 1536, after its end"),
        (ROOT.bytes() + b"x" * 512 + FILE.bytes(), "at byte 512: no header: it has no checksum"),
        (b"not a tar stream at all" * 100, "at byte 0: no header"),
        (stream([ROOT, Given("../x")]), "'../x' at byte 512: has .. in its path"),
        (stream([ROOT, Given("a/../../x")]), "has .. in its path, which could lead out"),
        (
            stream([ROOT, Given("l", kind=LINK, target="f"), FILE]),
            "a hard link to 'f', which is no",
        ),
        (stream([ROOT, Given("l", kind=LINK, target="l")]), "a hard link to 'l', which is no file"),
        (stream([ROOT, folder("d"), Given("l", kind=LINK, target="d")]), "a hard link to 'd'"),
        (
            stream([ROOT, FILE, Given("f/x")]),
            "'f/x' at byte 2048: is in 'f', which is no directory",
        ),
        (stream([ROOT, Given("d/x"), Given("d")]), "is a directory that has entries, and later"),
        (stream([Given(".")]), "is the top of the tree, and no directory"),
        (
            stream([ROOT, Given("x", kind=b"Z")]),
            "a member 'x' of the type 'Z', which is not known",
        ),
        (stream([ROOT, Given("x", kind=b"M")]), "a member that began in another volume"),
        (stream([ROOT, Given("n" * 256)]), "has a name of more than 255 bytes"),
        (stream([ROOT, HUGE]), "makes more than 1,099,511,627,776 bytes of holes"),
        (stream([ROOT, Given("x", fields={"uid": 65535})]), "x: no archive can have an owner with"),
        (
            stream([ROOT, Given("x", fields={"uid": -5})], tarfile.GNU_FORMAT),
            "an owner with the number",
        ),
        (
            stream([ROOT, Given("x", kind=tarfile.CHRTYPE, fields={"devmajor": 4096})]),
            "x: a DEVICE",
        ),
        (stream([ROOT, Given("x", kind=SYMLINK)]), "x: a SYMLINK record"),
        (
            stream([ROOT, Given("x", fields={"pax_headers": {"mtime": "1e400"}})]),
            "with the time b'1e400'",
        ),
        (
            stream([ROOT, Given("x", fields={"pax_headers": {"mtime": "99999999999999"}})]),
            "x: no archive can have its time",
        ),
        (
            stream([ROOT, Given("x", fields={"pax_headers": {"SCHILY.acl.access": "user::rw"}})]),
            "x: its access list has b'user::rw', which is none of its entries",
        ),
        (
            stream(
                [
                    ROOT,
                    Given(
                        "x",
                        fields={
                            "pax_headers": {
                                "SCHILY.acl.access": "user::rw-,group::r--,other::r--,"
                                "user:no-such-user:r--,mask::r--"
                            }
                        },
                    ),
                ]
            ),
            "x: its access list names b'no-such-user', who is not known here",
        ),
    ],
)
def test_a_stream_that_becomes_no_archive_is_one_clear_error(
    archives: Archives, data: bytes, message: str
) -> None:
    (archives.workspace / "a.catar").write_bytes(b"old")
    ended = archives.of(data)

    assert ended.only.status.value == "failed"
    assert ended.result.exit_code in (EXIT_INVALID_DATA, EXIT_FAILED)
    assert ended.message.startswith(str(archives.workspace / "a.tar"))
    assert message in ended.message
    assert archives.bytes() == b"old"


def test_a_stream_without_the_mark_of_its_end_is_taken_and_told(archives: Archives) -> None:
    ended = archives.of(ROOT.bytes() + FILE.bytes())
    once = archives.of(ROOT.bytes() + FILE.bytes() + bytes(512))
    message = "ends without the mark of its end; it may have been cut off"

    assert [ended.summary, once.summary] == [(0, "done"), (0, "unchanged")]
    assert ended.warnings == once.warnings == [f"{archives.workspace / 'a.tar'}: {message}"]


def test_zeros_after_the_end_are_nothing(archives: Archives) -> None:
    assert archives.of(stream([ROOT]) + bytes(1 << 20)).warnings == []


def test_compressed_data_that_are_damaged_or_a_bomb_are_one_clear_error(
    archives: Archives,
) -> None:
    packed = gzip.compress(stream([ROOT, Given("a", bytes(1 << 21))]))
    broken = archives.of(packed[:-30])
    bomb = archives.of(packed, max_expansion="1 MiB")
    right = archives.of(packed)

    assert broken.summary == (EXIT_INVALID_DATA, "failed")
    assert "a.tar: cannot be decompressed: Compressed file ended" in broken.message
    assert bomb.summary == (EXIT_INVALID_DATA, "failed")
    assert "bytes where it is decompressed; raise max_expansion" in bomb.message
    assert right.summary == (0, "done")


def test_xz_takes_no_more_memory_than_its_presets_need(archives: Archives) -> None:
    greedy = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 1 << 30}]
    data = stream([ROOT, FILE])
    ended = archives.of(lzma.compress(data, filters=greedy))
    right = archives.of(lzma.compress(data, preset=9))
    cut = archives.of(lzma.compress(data)[:-20])

    assert ended.summary == (EXIT_INVALID_DATA, "failed")
    assert "a.tar: cannot be decompressed: Memory usage limit exceeded" in ended.message
    assert right.summary == (0, "done")
    assert "a.tar: cannot be decompressed: it ends before it is complete" in cut.message


def test_the_copies_of_linked_files_have_a_limit(archives: Archives) -> None:
    members = [
        ROOT,
        Given("a", bytes(1 << 20)),
        *(Given(f"l{n}", kind=LINK, target="a") for n in range(5)),
    ]
    ended = archives.do(members, max_expansion="4100 KiB")

    assert ended.summary == (EXIT_INVALID_DATA, "failed")
    assert "'l4' at byte" in ended.message
    assert archives.do(members, max_expansion="5200 KiB").summary == (0, "done")


def test_an_old_directory_is_a_file_with_a_slash(archives: Archives) -> None:
    header = bytearray(Given("old/").bytes(tarfile.USTAR_FORMAT))
    header[156:157] = b"\0"
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    archives.do([ROOT, bytes(header)])

    assert stat.S_ISDIR(archives.node("old").entry.mode)


def test_w8_a_stream_that_changes_while_it_is_read_is_an_error(
    archives: Archives, monkeypatch: pytest.MonkeyPatch
) -> None:
    survey, path = TarWalk.survey, archives.workspace / "a.tar"

    def change(walk: TarWalk, check: Callable[[], None]) -> None:
        survey(walk, check)
        with path.open("ab") as file:
            file.write(bytes(512))

    monkeypatch.setattr(TarWalk, "survey", change)
    ended = archives.do([ROOT, FILE])

    assert ended.summary == (EXIT_FAILED, "failed")
    assert ended.message == f"{path}: changed while it was read"


def test_the_label_and_the_lists_of_gnu_tars_are_no_files(archives: Archives) -> None:
    tree = archives.workspace / "tree"
    (tree / "d").mkdir(parents=True)
    (tree / "d" / "x").write_bytes(b"x")
    gnu_tar(tree, "-c", "-V", "a label", "-g", "../snapshot", "-f", "../a.tar", ".")
    ended = archives.of((archives.workspace / "a.tar").read_bytes())

    assert contents(archives.bytes()) == {".": None, "d": None, "d/x": b"x"}
    assert ended.warnings == [
        f"{archives.workspace / 'a.tar'}: the label of its volume has no place in an archive"
    ]
