import os
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from desync_jobs.assembly.extracting import (
    copy_within,
    fetch_into,
    zero_within,
)
from desync_jobs.assembly.placing import Target
from desync_jobs.assembly.workers import Workers
from desync_jobs.core.chunk import ChunkID
from desync_jobs.core.kernel import best
from desync_jobs.core.ranges import Ranges
from desync_jobs.core.segments import Assembly, assign
from desync_jobs.errors import BlobMismatchError, ChunkMissingError, InvalidDataError, TargetError
from desync_jobs.formats.index import Index
from desync_jobs.formats.unique import unique_chunks
from desync_jobs.stores.base import Chunk, Fetched, Presence, StoredSize
from desync_jobs.stores.counters import Counts
from tests.unit.assembly.indexes import ALGORITHM, index_of

ZEROS = bytes(5000)
DISTINCT = [random.Random(seed).randbytes(500 + 31 * seed) for seed in range(150)]


def blob_chunks() -> list[bytes]:
    chooser = random.Random(9)
    return [*chooser.choices([*DISTINCT, ZEROS], k=700), *DISTINCT]


class Remembered:
    """A source over chunks in memory that counts what it is asked."""

    name = "memory"

    def __init__(self, chunks: Sequence[bytes]) -> None:
        self._chunks = {ALGORITHM.of(chunk): chunk for chunk in chunks}
        self.asked: list[ChunkID] = []

    def fetch(self, ids: Sequence[ChunkID]) -> list[Fetched]:
        self.asked += ids
        return [
            Chunk(one, self._chunks[one])
            if one in self._chunks
            else ChunkMissingError(one, self.name)
            for one in ids
        ]

    def presence(self, ids: Sequence[ChunkID]) -> list[Presence]:
        return [Presence.YES if one in self._chunks else Presence.NO for one in ids]

    def stored_sizes(self, ids: Sequence[ChunkID]) -> list[StoredSize]:
        return [StoredSize(Presence.UNKNOWN, (self.name,)) for _ in ids]

    def counts(self) -> dict[str, Counts]:
        return {}


def planned(index: Index, right: Sequence[bool]) -> Assembly:
    first, group = unique_chunks(index.ids)
    zero = ALGORITHM.of(ZEROS)
    groups = [n for n, position in enumerate(first.tolist()) if index.id(position) == zero]
    return assign(first, group, np.array(groups, np.int64), np.array(right, np.bool_))


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Target]:
    fd = os.open(tmp_path / "target", os.O_RDWR | os.O_CREAT)
    yield Target(fd, "target")
    os.close(fd)


def content(target: Target) -> bytes:
    return os.pread(target.fd, os.fstat(target.fd).st_size, 0)


def test_each_distinct_chunk_is_asked_for_once(target: Target, workers: Workers) -> None:
    chunks = blob_chunks()
    index = index_of(chunks)
    source = Remembered(chunks)
    assembly = planned(index, [False] * len(index))
    os.ftruncate(target.fd, index.blob_size)

    written = list(fetch_into(target, index, assembly.fetched, source, workers))

    assert content(target) == b"".join(chunks)
    assert len(source.asked) == len(set(source.asked)) == len(DISTINCT)
    assert sum(len(one.places) for one in written) == len(assembly.fetched.places)
    assert sum(one.size for one in written) + len(ZEROS) * len(assembly.zeros) == index.blob_size
    assert assembly.positions == len(index)


def test_only_wrong_places_are_written_and_right_ones_serve_them(
    target: Target, workers: Workers
) -> None:
    chunks = blob_chunks()
    index = index_of(chunks)
    chooser = random.Random(3)
    right = [chooser.random() < 0.6 for _ in chunks]
    start = [c if flag else b"\xee" * len(c) for c, flag in zip(chunks, right, strict=True)]
    os.pwrite(target.fd, b"".join(start), 0)
    assembly = planned(index, right)
    source = Remembered(chunks)

    for part in (
        copy_within(target, index, assembly.copied, workers, best()),
        fetch_into(target, index, assembly.fetched, source, workers),
        zero_within(target, index, assembly.zeros),
    ):
        list(part)

    assert content(target) == b"".join(chunks)
    held = {ALGORITHM.of(c) for c, flag in zip(chunks, right, strict=True) if flag}
    assert not held & set(source.asked)


def test_a_missing_chunk_is_raised_as_itself(target: Target, workers: Workers) -> None:
    index = index_of(DISTINCT)
    assembly = planned(index, [False] * len(index))

    with pytest.raises(
        ChunkMissingError, match=f"chunk {index.id(149).hex()} is missing from memory"
    ):
        list(fetch_into(target, index, assembly.fetched, Remembered(DISTINCT[:-1]), workers))


def test_a_chunk_of_another_length_than_the_index_says_is_refused(
    target: Target, workers: Workers
) -> None:
    index = index_of(DISTINCT)
    ends = index.ends.copy()
    ends[-1] += 1
    lying = Index(index.flags, index.sizes, ends, index.ids)
    assembly = planned(lying, [False] * len(index))

    with pytest.raises(InvalidDataError, match=r"has 5119 bytes, the index says 5120"):
        list(fetch_into(target, lying, assembly.fetched, Remembered(DISTINCT), workers))


def test_a_target_that_changed_under_a_copy_is_noticed(target: Target, workers: Workers) -> None:
    index = index_of([DISTINCT[0], DISTINCT[0]])
    os.ftruncate(target.fd, index.blob_size)
    assembly = planned(index, [True, False])

    with pytest.raises(BlobMismatchError, match="target is not what its index describes"):
        list(copy_within(target, index, assembly.copied, workers, best()))


def test_a_full_disk_is_one_error(workers: Workers) -> None:
    index = index_of(DISTINCT)
    fd = os.open("/dev/full", os.O_RDWR)
    assembly = planned(index, [False] * len(index))

    with pytest.raises(
        TargetError, match="full: cannot be written: No space left on device; make room"
    ):
        list(fetch_into(Target(fd, "full"), index, assembly.fetched, Remembered(DISTINCT), workers))
    os.close(fd)


def test_zeros_become_holes_where_the_file_system_can(target: Target) -> None:
    chunk = bytes(1 << 20)
    index = index_of([chunk] * 8)
    os.pwrite(target.fd, b"\xff" * index.blob_size, 0)

    list(zero_within(target, index, Ranges(np.array([0, 5, 7]), np.array([3, 6, 8]))))

    assert os.pread(target.fd, 3 << 20, 0) == bytes(3 << 20)
    assert os.pread(target.fd, 2 << 20, 3 << 20) == b"\xff" * (2 << 20)
    assert os.fstat(target.fd).st_blocks * 512 <= 3 << 20
