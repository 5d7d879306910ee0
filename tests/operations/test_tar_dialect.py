"""Archives in desync's dialect, which are written on request alone."""

import hashlib
import os
import struct
from pathlib import Path

import pytest

from desync_jobs.formats.catar.decode import Decoder
from desync_jobs.formats.catar.features import DESYNC_FLAGS
from desync_jobs.formats.catar.records import Entry, Filename, Record, Xattr
from tests.interop.casync import casync
from tests.trees import need_root
from tests.workspace import Workspace

DESYNCS = "2c9c4de267509be809d620ca05b28af90869e0bb889bd7b7cee61bf2da20ed17"
"""SHA-256 of the archive that desync makes of `tree`."""


@pytest.fixture
def tree(workspace: Workspace) -> Path:
    """A directory called `tree`, as the archive of desync's was made of."""
    need_root()
    top = workspace / "tree"
    (top / "d").mkdir(parents=True)
    (top / "a").write_bytes(b"hello\n")
    (top / "d" / "empty").touch()
    (top / "d" / "ln").symlink_to("../a")
    for path, mode in ((top / "a", 0o644), (top / "d" / "empty", 0o644)):
        path.chmod(mode)
    for path in (top / "d", top):
        path.chmod(0o755)
    for name in ("a", "d/empty", "d/ln", "d", "."):
        os.utime(top / name, ns=(0, 0), follow_symlinks=False)
    return top


def records(archive: Path) -> list[Record]:
    decoder = Decoder(archive.name)
    found = [item for item in decoder.feed(archive.read_bytes()) if isinstance(item, Record)]
    decoder.finish()
    return found


@pytest.mark.usefixtures("tree")
def test_an_archive_is_the_one_that_desync_makes(workspace: Workspace) -> None:
    ended = workspace.do("tar", directory="tree", archive="a.catar", dialect="desync")
    made = (workspace / "a.catar").read_bytes()

    assert ended.summary == (0, "done")
    assert (len(made), hashlib.sha256(made).hexdigest()) == (632, DESYNCS)


def test_attributes_are_kept_as_they_are_with_a_nul_after_each(
    workspace: Workspace, tree: Path
) -> None:
    capability = struct.pack("<5I", 0x2000001, 1 << 13, 0, 0, 0)
    for name, value in (("user.b", b"x"), ("security.capability", capability), ("user.a", b"")):
        os.setxattr(tree / "a", name, value)
    workspace.do("tar", directory="tree", archive="a.catar", dialect="desync")
    raw = (workspace / "a.catar").read_bytes()

    assert [one for one in records(workspace / "a.catar") if isinstance(one, Xattr)] == [
        Xattr(b"security.capability", capability),
        Xattr(b"user.a", b""),
        Xattr(b"user.b", b"x"),
    ]
    assert b"user.a\0\0" in raw
    assert b"user.b\0x\0" in raw


def test_w7_a_fifo_or_a_socket_leaves_no_name_behind_and_is_told(
    workspace: Workspace, tree: Path
) -> None:
    os.mkfifo(tree / "d" / "f")
    os.mknod(tree / "s", 0o140644)
    ended = workspace.do("tar", directory="tree", archive="a.catar", dialect="desync")
    names = [one.name for one in records(workspace / "a.catar") if isinstance(one, Filename)]

    assert names == [b"a", b"d", b"empty", b"ln"]
    assert ended.warnings == [
        "the FIFO 'f' has no place in an archive",
        "the socket 's' has no place in an archive",
    ]


def test_w7_casync_reads_what_has_fifos_and_sockets(workspace: Workspace, tree: Path) -> None:
    os.mkfifo(tree / "d" / "f")
    os.mknod(tree / "s", 0o140644)
    ended = workspace.do("tar", directory="tree", archive="a.catar")

    listed = casync(workspace.path, "list", "a.catar").splitlines()
    kinds = {line.split()[1]: line[0] for line in listed}

    assert ended.warnings == []
    assert (kinds["d/f"], kinds["s"]) == ("p", "s")


@pytest.mark.usefixtures("tree")
def test_what_is_left_out_is_left_out_and_the_flags_stay(workspace: Workspace) -> None:
    workspace.do(
        "tar",
        directory="tree",
        archive="a.catar",
        dialect="desync",
        without_features=["permissions", "nsec-time"],
    )
    entries = [one for one in records(workspace / "a.catar") if isinstance(one, Entry)]

    assert {one.feature_flags for one in entries} == {DESYNC_FLAGS}
    assert [oct(one.mode) for one in entries][:2] == ["0o40777", "0o100666"]


@pytest.mark.parametrize("dialect", ["casync", "desync"])
@pytest.mark.parametrize("digest", ["sha256", "sha512-256"])
@pytest.mark.usefixtures("tree")
def test_w9_an_index_tells_the_digest_of_its_chunks(
    workspace: Workspace, dialect: str, digest: str
) -> None:
    asked = {"directory": "tree", "dialect": dialect, "digest": digest}
    workspace.do("tar", index="a.caidx", store="store", **asked)
    workspace.do("tar", archive="a.catar", **asked)
    back = workspace.do("extract", index="a.caidx", stores=["store"], target="b.catar")

    assert workspace.index("a.caidx").algorithm.value == digest
    assert back.summary == (0, "done")
    assert (workspace / "b.catar").read_bytes() == (workspace / "a.catar").read_bytes()
