"""What GNU tar and bsdtar write becomes the archive of the tree that they extract from it."""

import bz2
import gzip
import lzma
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from tests.interop.tars import BSD_FORMATS, EVERYTHING, GNU_FORMATS, bsdtar, gnu_tar, plain_times
from tests.trees import grow, need_root
from tests.workspace import Ended, How, Workspace

WITHOUT = ["sockets", "chattr"]
"""What no tar stream has, or no tar can set without root of a real machine."""


def zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


@pytest.fixture
def tree(workspace: Workspace) -> Path:
    """A tree of every kind of entry, with hard links and holes, called `tree`."""
    need_root()
    top = workspace / "tree"
    grow(top, 33)
    file = top / "links" / "first"
    file.parent.mkdir()
    file.write_bytes(b"the content of three names")
    os.setxattr(file, "security.capability", bytes.fromhex("01000002" + "00" * 16))
    os.link(file, top / "another")
    os.link(file, file.with_name("z"))
    os.link(next(path for path in top.rglob("*") if path.is_symlink()), top / "linked link")
    with (top / "sparse").open("wb") as sparse:
        sparse.truncate(3_000_001)
        sparse.seek(1 << 20)
        sparse.write(b"x" * 5000)
    (top / ("long" * 40) / ("deep" * 40)).mkdir(parents=True)
    (top / ("long" * 40) / ("deep" * 40) / ("n" * 120)).write_bytes(b"y")
    os.utime(top, (7, 7))
    return top


def archived(workspace: Workspace, output: str, name: str = "", **source: object) -> Ended:
    """Archive what every stream has; the oldest format has no names of owners."""
    without = [*WITHOUT, "user-names"] if name.startswith("v7") else WITHOUT
    return workspace.do("tar", archive=output, without_features=without, **source)


def test_a_posix_stream_of_gnu_tar_has_everything_of_the_tree(
    workspace: Workspace, tree: Path
) -> None:
    gnu_tar(tree, "-c", "--format=posix", *EVERYTHING, "-S", "-f", "../tree.tar", ".")
    ended = archived(workspace, "stream.catar", tar_stream="tree.tar")
    archived(workspace, "tree.catar", directory="tree")

    assert (ended.summary, ended.warnings) == ((0, "done"), [])
    assert (workspace / "stream.catar").read_bytes() == (workspace / "tree.catar").read_bytes()


def test_a_pax_stream_of_bsdtar_has_everything_of_the_tree(
    workspace: Workspace, tree: Path
) -> None:
    bsdtar(tree, "-c", "--format=pax", "--acls", "--xattrs", "-f", "../tree.tar", ".")
    ended = archived(workspace, "stream.catar", tar_stream="tree.tar")
    archived(workspace, "tree.catar", directory="tree")

    assert (ended.summary, ended.warnings) == ((0, "done"), [])
    assert (workspace / "stream.catar").read_bytes() == (workspace / "tree.catar").read_bytes()


@pytest.mark.parametrize(
    ("name", "sparse"),
    [*((name, "") for name in GNU_FORMATS), *((name, "-S") for name in GNU_FORMATS[2:])],
)
def test_a_stream_of_gnu_tar_in_any_format_is_what_it_extracts(
    workspace: Workspace, tree: Path, name: str, sparse: str
) -> None:
    plain_times(tree)
    allowed = (0,) if name in ("gnu", "posix") else (0, 2)
    written = ["-c", f"--format={name}", *sparse.split(), "-f", "../tree.tar", "."]
    gnu_tar(tree, *written, allowed=allowed)
    (workspace / "back").mkdir()
    gnu_tar(workspace / "back", "-x", "-p", "--same-owner", "-f", "../tree.tar")
    ended = archived(workspace, "stream.catar", name, tar_stream="tree.tar")
    archived(workspace, "back.catar", name, directory="back")

    assert (ended.summary, ended.warnings) == ((0, "done"), [])
    assert (workspace / "stream.catar").read_bytes() == (workspace / "back.catar").read_bytes()


@pytest.mark.parametrize("name", BSD_FORMATS)
def test_a_stream_of_bsdtar_in_any_format_is_what_it_extracts(
    workspace: Workspace, tree: Path, name: str
) -> None:
    plain_times(tree)
    # What it extracts of attributes has some of them twice.
    written = ("-c", f"--format={name}", "--no-xattrs", "-f", "../tree.tar", ".")
    bsdtar(tree, *written, allowed=(0, 1))
    (workspace / "back").mkdir()
    bsdtar(workspace / "back", "-x", "-p", "-f", "../tree.tar", allowed=(0, 1))
    os.utime(workspace / "back", (7, 7))
    ended = archived(workspace, "stream.catar", name, tar_stream="tree.tar")
    archived(workspace, "back.catar", name, directory="back")

    assert (ended.summary, ended.warnings) == ((0, "done"), [])
    assert (workspace / "stream.catar").read_bytes() == (workspace / "back.catar").read_bytes()


@pytest.mark.parametrize("version", ["0.0", "0.1", "1.0"])
def test_each_form_of_a_sparse_file_has_its_holes(
    workspace: Workspace, tree: Path, version: str
) -> None:
    with (tree / "sparse").open("r+b") as file:
        for at in range(0, 3_000_000, 50_000):
            file.seek(at)
            file.write(b"island")
    gnu_tar(
        tree, "-cS", "--format=posix", f"--sparse-version={version}", "-f", "../s.tar", "sparse"
    )
    ended = workspace.do("tar", tar_stream="s.tar", archive="s.catar", add_root=True)

    assert ended.summary == (0, "done")
    assert (tree / "sparse").read_bytes() in (workspace / "s.catar").read_bytes()


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress, zstd, bytes])
def test_a_compressed_stream_comes_through_a_pipe_as_well(
    workspace: Workspace, tree: Path, compress: Callable[[bytes], bytes]
) -> None:
    gnu_tar(tree, "-c", "--format=posix", "-f", "../plain.tar", ".")
    plain = (workspace / "plain.tar").read_bytes()
    # Several parts, as programs write that compress in parallel.
    packed = compress(plain[:5000]) + compress(plain[5000:])
    ended = workspace.do("tar", How(given=packed), tar_stream="-", archive="stream.catar")
    workspace.do("tar", tar_stream="plain.tar", archive="plain.catar")

    assert ended.summary == (0, "done")
    assert (workspace / "stream.catar").read_bytes() == (workspace / "plain.catar").read_bytes()
