import itertools
import random
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from desync_jobs.assembly.blob_reader import BlobReader
from desync_jobs.core.chunk import ChunkID
from desync_jobs.errors import (
    ChunkInvalidError,
    ChunkMissingError,
    InvalidDataError,
    StoreError,
)
from desync_jobs.formats.index import Index
from desync_jobs.stores.base import Chunk, Fetched
from desync_jobs.testing.faulty import Fault, FaultyStore
from desync_jobs.testing.memory import MemoryStore
from tests.unit.assembly.indexes import ALGORITHM, index_of

MAXIMUM = 5000
ZEROS = bytes(MAXIMUM)
DISTINCT = [random.Random(seed).randbytes(500 + 31 * seed) for seed in range(140)]
PARTS = [*random.Random(3).choices([*DISTINCT, ZEROS, ZEROS], k=900), *DISTINCT, bytes(777)]
BLOB = b"".join(PARTS)
INDEX = index_of(PARTS, MAXIMUM)


class Asked(MemoryStore):
    """Remembers what it was asked, batch by batch, and answers when it is let."""

    def __init__(self, parts: Sequence[bytes] = DISTINCT) -> None:
        super().__init__("store", [Chunk(ALGORITHM.of(part), part) for part in parts])
        self.batches: list[list[ChunkID]] = []
        self.let = threading.Event()
        self.let.set()

    @property
    def asked(self) -> list[ChunkID]:
        return [one for batch in self.batches for one in batch]

    def fetch(self, ids: Sequence[ChunkID]) -> list[Fetched]:
        self.batches.append(list(ids))
        assert self.let.wait(10)
        return super().fetch(ids)


@pytest.fixture
def store() -> Asked:
    return Asked()


@pytest.fixture
def reader(store: Asked) -> Iterator[BlobReader]:
    opened = BlobReader(INDEX, store)
    yield opened
    opened.close()


def scattered(count: int, seed: int, longest: int = 20_000) -> Iterator[tuple[int, int]]:
    rng = random.Random(seed)
    for _ in range(count):
        yield rng.randrange(len(BLOB) + 100), rng.randrange(longest)


def test_reads_at_random_and_in_a_row_are_the_blob(reader: BlobReader) -> None:
    assert reader.size == len(BLOB)
    for offset, length in scattered(1000, seed=1):
        assert reader.read(offset, length) == BLOB[offset : offset + length]
    whole = b"".join(reader.read(at, 7000) for at in range(0, len(BLOB), 7000))

    assert whole == BLOB
    assert reader.read(0, len(BLOB) + 1) == BLOB
    assert reader.read(len(BLOB), 10) == b""
    assert reader.read(5, 0) == b""


def test_eight_readers_get_the_blob_and_no_chunk_is_fetched_twice(
    reader: BlobReader, store: Asked
) -> None:
    def read(seed: int) -> bool:
        return all(
            reader.read(offset, length) == BLOB[offset : offset + length]
            for offset, length in scattered(125, seed)
        )

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(read, range(8)))

    assert len(store.asked) == len(set(store.asked))


def test_what_one_read_needs_is_one_batch_without_zeros(reader: BlobReader, store: Asked) -> None:
    begin, end = INDEX.start(100), INDEX.end(139)

    assert reader.read(begin + 1, end - begin - 2) == BLOB[begin + 1 : end - 1]
    needed = dict.fromkeys(map(ALGORITHM.of, (one for one in PARTS[100:140] if one != ZEROS)))
    assert store.batches == [list(needed)]


def test_zeros_ask_nobody() -> None:
    index = index_of([ZEROS, ZEROS, bytes(12)], MAXIMUM)
    store = Asked([])
    reader = BlobReader(index, store)

    assert reader.read(0, 1 << 20) == bytes(2 * MAXIMUM + 12)
    assert store.batches == []
    reader.close()


def test_extents_are_holes_where_whole_chunks_are_zeros(reader: BlobReader, store: Asked) -> None:
    for offset, length in [(0, len(BLOB)), *scattered(200, seed=5, longest=60_000)]:
        found = list(reader.extents(offset, length))

        assert sum(one.length for one in found) == len(BLOB[offset : offset + length])
        assert all(one.length > 0 for one in found)
        assert all(a.hole != b.hole for a, b in itertools.pairwise(found))
        at = offset
        for one in found:
            for place in (at, at + one.length - 1):
                assert (PARTS[INDEX.ended_by(place)] in (ZEROS, bytes(777))) == one.hole
            at += one.length
    assert store.batches == []


def test_an_empty_blob_has_no_bytes_and_no_extents() -> None:
    reader = BlobReader(index_of([]), Asked([]))

    assert (reader.size, reader.read(0, 10), list(reader.extents(0, 10))) == (0, b"", [])
    reader.close()


def test_readers_of_the_same_place_cause_one_request(store: Asked, reader: BlobReader) -> None:
    store.let.clear()
    begun = threading.Barrier(9)

    def read() -> bytes:
        begun.wait(10)
        return reader.read(INDEX.start(900), 100)

    with ThreadPoolExecutor(8) as threads:
        futures = [threads.submit(read) for _ in range(8)]
        begun.wait(10)
        store.let.set()

        start = INDEX.start(900)
        assert {future.result(10) for future in futures} == {BLOB[start : start + 100]}
    assert len(store.batches) == 1


def test_memory_is_bounded_and_what_was_used_last_stays(store: Asked) -> None:
    reader = BlobReader(INDEX, store, memory=40_000)

    for offset, length in scattered(300, seed=2):
        reader.read(offset, length)
        assert reader.remembered <= 40_000
    start = INDEX.start(len(INDEX) - 2)
    reader.read(start, 10)
    before = len(store.batches)
    reader.read(start + 10, 10)

    assert len(store.batches) == before
    reader.close()


def test_a_chunk_larger_than_the_memory_is_fetched_once_for_all_its_parts() -> None:
    large = random.Random(1).randbytes(4000)
    store = Asked([large])
    reader = BlobReader(index_of([large]), store, memory=1000)

    assert b"".join(reader.read(at, 500) for at in range(0, 4000, 500)) == large
    assert len(store.batches) == 1
    reader.close()


def test_a_failure_is_told_once_and_the_next_read_returns_the_bytes() -> None:
    faulty = FaultyStore(Asked(), [Fault("fetch", 1, StoreError("store x: no answer"))])
    reader = BlobReader(INDEX, faulty)
    start = INDEX.start(950)

    with pytest.raises(StoreError, match="no answer"):
        reader.read(start, 100)
    assert reader.read(start, 100) == BLOB[start : start + 100]
    reader.close()


def test_a_missing_chunk_is_an_error_of_the_reads_that_need_it(store: Asked) -> None:
    reader = BlobReader(INDEX, store)
    gone = INDEX.id(len(INDEX) - 2)
    kept = store.plain.pop(gone)
    start = INDEX.start(len(INDEX) - 2)

    with pytest.raises(ChunkMissingError, match=gone.hex()):
        reader.read(start, 1)
    before = INDEX.start(len(INDEX) - 3)
    assert reader.read(before, start - before) == BLOB[before:start]
    store.plain[gone] = kept
    assert reader.read(start, 1) == BLOB[start : start + 1]
    reader.close()


def test_a_chunk_that_is_not_what_its_id_says_is_never_served(store: Asked) -> None:
    reader = BlobReader(INDEX, store)
    store.plain[INDEX.id(len(INDEX) - 2)] += b"!"

    with pytest.raises(ChunkInvalidError):
        reader.read(INDEX.start(len(INDEX) - 2), 1)
    reader.close()


@pytest.mark.parametrize("claimed", [999, 1001])
def test_an_index_that_lies_about_a_length_is_an_error_even_for_a_chunk_in_memory(
    claimed: int,
) -> None:
    part = random.Random(1).randbytes(1000)
    honest = index_of([part, part])
    ends = honest.ends.copy()
    ends[1] = 1000 + claimed
    index = Index(honest.flags, honest.sizes, ends, honest.ids)
    reader = BlobReader(index, Asked([part]))

    assert reader.read(0, 1000) == part
    with pytest.raises(InvalidDataError, match=f"the index says {claimed}"):
        reader.read(1000, 1)
    reader.close()


def test_what_comes_next_is_fetched_before_it_is_asked_for(store: Asked) -> None:
    reader = BlobReader(INDEX, store)
    for at in range(0, 20_000, 4000):
        reader.read(at, 4000)
    reader.close()  # waits for what is under way

    assert len(store.asked) == len(set(store.asked))
    needed = {INDEX.id(at) for at in range(INDEX.ended_by(20_000))}
    assert len(set(store.asked) - needed) > 20


def test_reads_at_random_fetch_nothing_in_advance(store: Asked) -> None:
    reader = BlobReader(INDEX, store)
    needed: set[ChunkID] = set()
    for offset, length in scattered(25, seed=11, longest=300):
        reader.read(offset, length)
        last = INDEX.ended_by(min(offset + length, len(BLOB)) - 1)
        needed |= {INDEX.id(at) for at in range(INDEX.ended_by(offset), last + 1)}
    reader.close()

    assert set(store.asked) <= needed


def test_a_failure_of_what_is_fetched_in_advance_is_nobodys() -> None:
    failed: list[ChunkID] = []

    class Failing(Asked):
        def fetch(self, ids: Sequence[ChunkID]) -> list[Fetched]:
            if threading.current_thread().name.startswith("read-ahead"):
                failed.extend(ids)
                raise StoreError("store x: no answer")
            return super().fetch(ids)

    reader = BlobReader(INDEX, Failing())
    for at in (0, 4000, 8000):
        assert reader.read(at, 4000) == BLOB[at : at + 4000]
    reader.close()  # waits for what is under way

    assert failed
    assert reader.read(12_000, 9000) == BLOB[12_000:21_000]
