"""RangeCopier where blocks can be shared and where they cannot."""

import os
import random
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desync_jobs.assembly.cloning import Brought, RangeCopier
from desync_jobs.assembly.placing import Target
from tests.filesystems.conftest import SHARING, Disk
from tests.filesystems.extents import flagged_shared, in_the_same_place, mapped

KIB: Final = 1 << 10
BLOCK: Final = 4 * KIB
DATA: Final = random.Random(1).randbytes(64 * KIB)
RAGGED: Final = DATA[: 50 * KIB + 123]
"""Ends within a block."""
OLD: Final = b"o" * 80 * KIB


Opening = Callable[..., Target]


@contextmanager
def files() -> Iterator[Opening]:
    """Lend a function that opens files by path, having written `content` where that is given."""
    opened: list[int] = []

    def open_file(path: Path, content: bytes | None = None, mode: int = os.O_RDWR) -> Target:
        if content is not None:
            path.write_bytes(content)
        opened.append(os.open(path, mode))
        return Target(opened[-1], os.fspath(path))

    try:
        yield open_file
    finally:
        for fd in opened:
            os.close(fd)


@pytest.fixture
def opening() -> Iterator[Opening]:
    with files() as open_file:
        yield open_file


def content(file: Target) -> bytes:
    return Path(file.name).read_bytes()


def replaced(old: bytes, new: bytes, offset: int) -> bytes:
    return old[:offset] + new + old[offset + len(new) :]


@pytest.mark.parametrize(
    ("source_offset", "target_offset", "length", "shared"),
    [
        pytest.param(0, 0, 16 * KIB, (0, 16 * KIB), id="aligned from the first block on"),
        pytest.param(8 * KIB, 20 * KIB, 8 * KIB, (20 * KIB, 28 * KIB), id="aligned elsewhere"),
        pytest.param(100, 100, 16 * KIB, (4 * KIB, 16 * KIB), id="unaligned head and tail"),
        pytest.param(4 * KIB + 1, 12 * KIB + 1, 20 * KIB - 1, (16 * KIB, 32 * KIB), id="head"),
        pytest.param(4 * KIB, 0, 9 * KIB, (0, 8 * KIB), id="tail"),
        pytest.param(8 * KIB - 1, 4 * KIB - 1, 4 * KIB + 2, (4 * KIB, 8 * KIB), id="one block"),
        pytest.param(1, 1, 8 * KIB - 2, None, id="two parts of blocks"),
        pytest.param(10, 10, 1000, None, id="less than a block"),
        pytest.param(0, 0, 0, None, id="nothing"),
        pytest.param(0, 1, 16 * KIB, None, id="incongruent by one byte"),
        pytest.param(512, 1024, 30 * KIB, None, id="incongruent by a sector"),
    ],
)
def test_whole_blocks_are_shared_and_the_ends_copied(
    disk: Disk,
    opening: Opening,
    source_offset: int,
    target_offset: int,
    length: int,
    shared: tuple[int, int] | None,
) -> None:
    source = opening(disk.folder / "source", DATA, os.O_RDONLY)
    target = opening(disk.folder / "target", OLD)
    expected = [shared] if shared and disk.shares else []
    cloned = sum(end - begin for begin, end in expected)
    brought = RangeCopier().copy(source, source_offset, target, target_offset, length)
    moved = DATA[source_offset : source_offset + length]

    assert content(target) == replaced(OLD, moved, target_offset)
    assert content(source) == DATA
    assert brought == Brought(cloned, length - cloned)
    if expected:
        assert flagged_shared(target.fd) == in_the_same_place(source.fd, target.fd) == expected


@pytest.mark.parametrize("mount", ["ext4"], indirect=True)
def test_where_blocks_cannot_be_shared_each_file_keeps_its_own(
    disk: Disk, opening: Opening
) -> None:
    source = opening(disk.folder / "source", DATA)
    target = opening(disk.folder / "target", b"")
    brought = RangeCopier().copy(source, 0, target, 0, len(DATA))

    assert brought == Brought(0, len(DATA))
    assert (flagged_shared(target.fd), in_the_same_place(source.fd, target.fd)) == ([], [])


def test_to_clone_brings_all_or_nothing(disk: Disk, opening: Opening) -> None:
    source = opening(disk.folder / "source", DATA)
    target = opening(disk.folder / "target", OLD)
    copier = RangeCopier()
    aligned = copier.clone(source, 100, target, 100, 16 * KIB)
    after = content(target)
    askew = copier.clone(source, 1, target, 40 * KIB, 16 * KIB)

    assert aligned == (12 * KIB if disk.shares else 0)
    assert after == (replaced(OLD, DATA[100 : 100 + 16 * KIB], 100) if disk.shares else OLD)
    assert askew == 0
    assert content(target) == after


@pytest.mark.parametrize(
    ("size", "shared", "after"),
    [
        pytest.param(0, len(RAGGED), len(RAGGED), id="an empty target"),
        pytest.param(len(RAGGED) - 1, len(RAGGED), len(RAGGED), id="a shorter target"),
        pytest.param(len(RAGGED), len(RAGGED), len(RAGGED), id="a target as long"),
        pytest.param(len(RAGGED) + 1, 48 * KIB, len(RAGGED) + 1, id="a target longer by a byte"),
        pytest.param(80 * KIB, 48 * KIB, 80 * KIB, id="a longer target"),
    ],
)
def test_the_last_block_of_a_source_is_shared_where_the_target_ends_there_too(
    disk: Disk, opening: Opening, size: int, shared: int, after: int
) -> None:
    source = opening(disk.folder / "source", RAGGED)
    target = opening(disk.folder / "target", OLD[:size])
    brought = RangeCopier().copy(source, 0, target, 0, len(RAGGED))
    cloned = shared if disk.shares else 0

    assert content(target) == RAGGED + OLD[len(RAGGED) : after]
    assert brought == Brought(cloned, len(RAGGED) - cloned)


@pytest.mark.parametrize("offset", [0, 48 * KIB, 50 * KIB, len(RAGGED), 60 * KIB, 1 << 40])
@pytest.mark.parametrize("size", [0, len(OLD)])
def test_a_source_that_ends_early_brings_what_it_has(
    disk: Disk, opening: Opening, offset: int, size: int
) -> None:
    source = opening(disk.folder / "source", RAGGED)
    target = opening(disk.folder / "target", OLD[:size])
    there = RAGGED[offset:][: 30 * KIB]
    place = offset % BLOCK
    brought = RangeCopier().copy(source, offset, target, place, 30 * KIB)
    expected = replaced(OLD[:size].ljust(place, b"\0"), there, place) if there else OLD[:size]

    assert sum(brought) == len(there)
    assert content(target) == expected


def test_ranges_of_one_file_are_brought_to_other_places_of_it(disk: Disk, opening: Opening) -> None:
    both = opening(disk.folder / "both", DATA)
    copier = RangeCopier()
    aligned = copier.copy(both, 0, both, 32 * KIB, 16 * KIB)
    beyond = copier.copy(both, 10, both, 64 * KIB + 10, 8 * KIB)
    askew = copier.copy(both, 5, both, 20 * KIB, 1000)
    expected = replaced(DATA, DATA[: 16 * KIB], 32 * KIB)
    expected = replaced(expected, bytes(10) + DATA[10 : 8 * KIB + 10], 64 * KIB)
    expected = replaced(expected, DATA[5:1005], 20 * KIB)

    assert content(both) == expected
    assert (aligned.cloned, beyond.cloned) == ((16 * KIB, 4 * KIB) if disk.shares else (0, 0))
    assert askew == Brought(0, 1000)


def test_neighbours_of_a_range_stay_as_they_are(disk: Disk, opening: Opening) -> None:
    source = opening(disk.folder / "source", DATA)
    target = opening(disk.folder / "target", OLD)
    # Not written out yet, in the very blocks where head and tail go.
    os.pwrite(target.fd, b"before", 94)
    os.pwrite(target.fd, b"after", 100 + 16 * KIB)
    RangeCopier().copy(source, 100, target, 100, 16 * KIB)
    expected = replaced(OLD, b"before", 94)
    expected = replaced(expected, DATA[100 : 100 + 16 * KIB] + b"after", 100)

    assert content(target) == expected


def test_what_a_source_got_just_now_is_brought(disk: Disk, opening: Opening) -> None:
    source = opening(disk.folder / "source", DATA)
    target = opening(disk.folder / "target", bytes(len(DATA)))
    os.pwrite(source.fd, b"new" * 5000, 3000)
    RangeCopier().copy(source, 0, target, 0, len(DATA))
    # Nor does either file see what the other gets afterwards.
    os.pwrite(source.fd, b"later", 8 * KIB)
    os.pwrite(target.fd, b"changed", 16 * KIB)
    expected = replaced(DATA, b"new" * 5000, 3000)

    assert content(target) == replaced(expected, b"changed", 16 * KIB)
    assert content(source) == replaced(expected, b"later", 8 * KIB)


@pytest.mark.parametrize("mount", SHARING, indirect=True)
def test_holes_stay_holes_where_blocks_are_shared(disk: Disk, opening: Opening) -> None:
    source = opening(disk.folder / "source", b"")
    os.pwrite(source.fd, DATA[: 8 * KIB], 1 << 20)
    os.ftruncate(source.fd, 4 << 20)
    target = opening(disk.folder / "target", OLD)
    brought = RangeCopier().copy(source, 0, target, 0, 4 << 20)

    assert brought == Brought(4 << 20, 0)
    assert content(target) == content(source)
    assert mapped(target.fd) == [(1 << 20, (1 << 20) + 8 * KIB)]


def test_a_source_in_a_folder_that_cannot_be_written_is_shared_as_well(
    disk: Disk, opening: Opening
) -> None:
    folder = disk.folder / "sources"
    folder.mkdir()
    source = opening(folder / "source", DATA, os.O_RDONLY)
    folder.chmod(0o555)
    target = opening(disk.folder / "target", b"", os.O_WRONLY)
    brought = RangeCopier().copy(source, 0, target, 0, len(DATA))

    assert brought.cloned == (len(DATA) if disk.shares else 0)
    assert content(target) == DATA
    assert os.listdir(folder) == ["source"]
    assert sorted(os.listdir(disk.folder)) == ["sources", "target"]


@pytest.mark.parametrize("inwards", [False, True], ids=["out", "in"])
def test_ranges_are_copied_between_file_systems(
    disk: Disk, opening: Opening, tmp_path: Path, inwards: bool
) -> None:
    folders = [tmp_path, disk.folder] if inwards else [disk.folder, tmp_path]
    source = opening(folders[0] / "source", DATA)
    target = opening(folders[1] / "target", OLD)
    copier = RangeCopier()
    first = copier.copy(source, 0, target, 4 * KIB, 16 * KIB)
    second = copier.copy(source, 16 * KIB + 1, target, 20 * KIB, 16 * KIB)

    assert [first, second] == [Brought(0, 16 * KIB)] * 2
    assert content(target) == replaced(
        OLD, DATA[: 16 * KIB] + DATA[16 * KIB + 1 : 32 * KIB + 1], 4 * KIB
    )


def test_a_block_device_is_a_source(
    disk: Disk, opening: Opening, attach: Callable[[bytes], str]
) -> None:
    source = opening(Path(attach(DATA)), mode=os.O_RDONLY)
    target = opening(disk.folder / "target", b"")
    copier = RangeCopier()
    brought = copier.copy(source, 100, target, 100, 16 * KIB)
    short = copier.copy(source, 60 * KIB, target, 60 * KIB, 16 * KIB)

    assert (brought, short) == (Brought(0, 16 * KIB), Brought(0, 4 * KIB))
    assert content(target) == (
        bytes(100) + DATA[100 : 100 + 16 * KIB] + bytes(44 * KIB - 100) + DATA[60 * KIB :]
    )


def test_a_block_device_is_a_target(
    disk: Disk, opening: Opening, attach: Callable[[bytes], str]
) -> None:
    source = opening(disk.folder / "source", DATA)
    target = opening(Path(attach(OLD)))
    brought = RangeCopier().copy(source, 4 * KIB, target, 8 * KIB, 30 * KIB)

    assert brought == Brought(0, 30 * KIB)
    assert content(target) == replaced(OLD, DATA[4 * KIB : 34 * KIB], 8 * KIB)


@dataclass(frozen=True, slots=True)
class Move:
    source: str
    source_offset: int
    target: str
    target_offset: int
    length: int

    @property
    def overlaps(self) -> bool:
        return (
            self.source == self.target
            and abs(self.source_offset - self.target_offset) < self.length
        )

    def within(self, files: Mapping[str, bytearray]) -> int:
        """Do it in memory; returns how many bytes there were to move."""
        piece = files[self.source][self.source_offset :][: self.length]
        target = files[self.target]
        if piece:
            target += bytes(max(self.target_offset - len(target), 0))
            target[self.target_offset : self.target_offset + len(piece)] = piece
        return len(piece)


NAMES = st.sampled_from(["one", "two"])
BLOCKS = st.integers(0, 5).map(lambda blocks: blocks * BLOCK)
PLACES = st.one_of(BLOCKS, BLOCKS.map(lambda place: place + 7), st.integers(0, 5 * BLOCK))
MOVES = st.builds(Move, NAMES, PLACES, NAMES, PLACES, PLACES).filter(lambda one: not one.overlaps)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(sizes=st.tuples(PLACES, PLACES), moves=st.lists(MOVES, max_size=8), seed=st.integers(0, 99))
def test_any_ranges_come_out_as_they_do_in_memory(
    disk: Disk, sizes: tuple[int, int], moves: list[Move], seed: int
) -> None:
    chooser = random.Random(seed)
    model = {
        name: bytearray(chooser.randbytes(size))
        for name, size in zip(["one", "two"], sizes, strict=True)
    }
    copier = RangeCopier()
    with files() as open_file:
        opened = {name: open_file(disk.folder / name, bytes(model[name])) for name in model}
        for move in moves:
            source, target = opened[move.source], opened[move.target]
            brought = copier.copy(
                source, move.source_offset, target, move.target_offset, move.length
            )

            assert sum(brought) == move.within(model)
            assert {name: content(file) for name, file in opened.items()} == model


def test_threads_bring_their_ranges_at_the_same_time(disk: Disk, opening: Opening) -> None:
    chooser = random.Random(3)
    source = opening(disk.folder / "source", chooser.randbytes(4 << 20))
    target = opening(disk.folder / "target", b"o" * (4 << 20))
    cuts = sorted({0, 4 << 20, *(chooser.randrange(4 << 20) for _ in range(150))})
    copier = RangeCopier()

    def bring(begin: int, end: int) -> int:
        return sum(copier.copy(source, begin, target, begin, end - begin))

    with ThreadPoolExecutor(4) as pool:
        brought = list(pool.map(bring, cuts[:-1], cuts[1:]))

    assert sum(brought) == 4 << 20
    assert content(target) == content(source)
