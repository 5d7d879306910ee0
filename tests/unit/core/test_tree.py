"""Entries made and compared in C: what is given to it, and what it refuses."""

import os
import struct
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from desync_jobs.archive import straight
from desync_jobs.core.tree import TREE
from tests.vectors.kernels import require_kernel

KIND = struct.Struct("=7I")
EVERYTHING = 7


@pytest.fixture
def tree() -> ModuleType:
    require_kernel("native")
    assert TREE is not None
    return TREE


@pytest.fixture
def folder(tmp_path: Path) -> int:
    # It is closed with the process.
    return os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)


def job(folder: int, name: bytes, content: bytes, hidden: bytes = b".hidden") -> tuple[object, ...]:
    numbers = (EVERYTHING, 0o640, os.geteuid(), os.getegid(), 1_500_000_000)
    return (folder, hidden, name, content, False, *numbers)


def test_bits_of_what_is_wanted_are_the_same_on_both_sides(tree: ModuleType) -> None:
    names = ("WANTS_MODE", "WANTS_OWNER", "WANTS_TIME", "WANTS_PROJECT")

    assert [getattr(tree, one) for one in names] == [getattr(straight, one) for one in names]


def test_what_was_made_is_right_and_nothing_else_is(
    tree: ModuleType, folder: int, tmp_path: Path
) -> None:
    jobs = [job(folder, b"a", b"one"), job(folder, b"b", b"two")]

    assert tree.make(jobs) == b"\1\1"
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]
    assert tree.compare(jobs, 0, 0) == b"\1\1"
    (tmp_path / "a").write_bytes(b"six")
    assert tree.compare([*jobs, job(folder, b"c", b"")], 0, 0) == b"\0\1\0"


def test_what_cannot_be_made_leaves_nothing(tree: ModuleType, folder: int, tmp_path: Path) -> None:
    (tmp_path / "d" / "x").mkdir(parents=True)

    assert tree.make([job(folder, b"d", b"in its way"), job(folder, b"n" * 256, b"")]) == b"\0\0"
    assert os.listdir(tmp_path) == ["d"]
    assert tree.make([job(folder, b"d", b"in its way", hidden=b"d")]) == b"\0"
    assert os.listdir(tmp_path / "d") == ["x"]


def test_no_link_is_followed(tree: ModuleType, folder: int, tmp_path: Path) -> None:
    (tmp_path / "there").write_bytes(b"one")
    (tmp_path / "link").symlink_to("there")

    assert tree.make([job(folder, b"new", b"two", hidden=b"link")]) == b"\0"
    assert tree.compare([job(folder, b"link", b"one")], 0, 0) == b"\0"
    assert (tmp_path / "there").read_bytes() == b"one"


@pytest.mark.parametrize("target", [b"a\0b", memoryview(b"x"), bytearray(b"x")])
def test_targets_are_bytes_that_end_with_a_nul(
    tree: ModuleType, folder: int, target: bytes
) -> None:
    with pytest.raises(ValueError, match="a link has its target as bytes without a NUL"):
        tree.make([(folder, b"h", b"l", target, True, 0, 0, 0, 0, 0)])


@pytest.mark.parametrize(
    ("at", "room", "kinds"),
    [
        (-1, 9, b""),
        (3, 9, b""),
        (0, -1, b""),
        (0, 9, b"x"),
        (0, 9, KIND.pack(63, 0, 0, 0, 0, 0, 0) + bytes(63)),
        (0, 9, KIND.pack(65, 0, 0, 0, 0, 0, 0) + bytes(64)),
        (0, 9, KIND.pack(0xFFFFFFFF, 0, 0, 0, 0, 0, 0) + bytes(64)),
    ],
)
def test_places_and_kinds_that_are_none_are_refused(
    tree: ModuleType, folder: int, at: int, room: int, kinds: bytes
) -> None:
    with pytest.raises(ValueError, match="no place in an archive, or no kinds of nodes"):
        tree.grow(b"ab", at, folder, 0, b"", room, kinds, 1, 1, 1, 0, 0)


OWNERS = struct.Struct("=3I")


def gathered(
    tree: ModuleType, top: Path, names: list[bytes], owners: bytes | None = None, room: int = 999
) -> list[int]:
    fd = os.open(top, os.O_RDONLY | os.O_DIRECTORY)
    try:
        mine = OWNERS.pack(os.geteuid(), os.getegid(), 0) if owners is None else owners
        device, out, links = os.fstat(fd).st_dev, bytearray(room), bytes(len(names))
        found: list[int] = tree.gather(out, fd, device, names, links, mine, 0, 1, 1, 0, 1)
    finally:
        os.close(fd)
    return found


def test_files_are_gathered_up_to_the_first_that_is_not_plain(
    tree: ModuleType, tmp_path: Path
) -> None:
    for name in ("a", "b", "d"):
        (tmp_path / name).write_bytes(b"12345")
    (tmp_path / "c").symlink_to("a")
    node = 16 + 2 + 64 + 16 + 5

    assert gathered(tree, tmp_path, [b"a", b"b", b"c", b"d"]) == [node, 2 * node]
    assert gathered(tree, tmp_path, [b"gone", b"a"]) == []
    assert gathered(tree, tmp_path, [b"a", b"b"], room=2 * node - 1) == [node]
    assert gathered(tree, tmp_path, [b"a", b"b"], owners=b"") == []


def test_a_file_that_becomes_shorter_while_it_is_read_is_not_gathered(tree: ModuleType) -> None:
    # The kernel says that it has 4096 bytes.
    top = Path("/sys/kernel")
    if not (top / "fscaps").exists():
        pytest.skip("this system shows no such file")

    assert gathered(tree, top, [b"fscaps"], room=9999) == []


@pytest.mark.parametrize(
    ("names", "owners"),
    [
        ([b"x"] * 65, b""),
        ([b"x"], b"short"),
        ([b"x"], OWNERS.pack(0, 0, 1)),
        ([b"x"], OWNERS.pack(0, 0, 0xFFFFFFFF)),
    ],
)
def test_names_and_owners_that_are_none_are_refused(
    tree: ModuleType, tmp_path: Path, names: list[bytes], owners: bytes
) -> None:
    with pytest.raises(ValueError, match="no names of files and links, or no owners"):
        gathered(tree, tmp_path, names, owners)


def test_without_a_compiler_there_is_nothing() -> None:
    code = (
        "import sys; sys.modules['desync_jobs.core._tree'] = None;"
        "from desync_jobs.core.tree import TREE; sys.exit(TREE is not None)"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
