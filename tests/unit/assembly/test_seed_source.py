import os
import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from desync_jobs.assembly.seed_source import SeedSource, shares_chunks
from desync_jobs.assembly.seeding import OpenSeed
from desync_jobs.core.chunk import ChunkID
from desync_jobs.core.kernel import best
from desync_jobs.core.sizes import ChunkSizes
from desync_jobs.errors import ChunkMissingError
from desync_jobs.formats.index import Index
from desync_jobs.stores.base import Chunk, Presence
from desync_jobs.testing.memory import MemoryStore
from tests.unit.assembly.indexes import ALGORITHM, index_of

CHUNKS = [random.Random(seed).randbytes(500 + 31 * seed) for seed in range(60)]
LIMIT = 1 << 20

Open = Callable[..., OpenSeed]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    """Return a function that opens a seed of some chunks, whose blob is in fact `blob`."""
    fds: list[int] = []

    def open_seed(name: str, chunks: Sequence[bytes], blob: bytes | None = None) -> OpenSeed:
        (tmp_path / name).write_bytes(b"".join(chunks) if blob is None else blob)
        fds.append(os.open(tmp_path / name, os.O_RDONLY))
        return OpenSeed(fds[-1], name, index_of(chunks))

    yield open_seed
    for fd in fds:
        os.close(fd)


def ids(chunks: Sequence[bytes]) -> list[ChunkID]:
    return [ALGORITHM.of(chunk) for chunk in chunks]


def store_of(chunks: Sequence[bytes]) -> MemoryStore:
    return MemoryStore("store", [Chunk(ALGORITHM.of(chunk), chunk) for chunk in chunks])


def source_of(seeds: Sequence[OpenSeed], store: MemoryStore, limit: int = LIMIT) -> SeedSource:
    return SeedSource(seeds, store, best(), limit)


def plain(source: SeedSource, chunks: Sequence[bytes]) -> list[bytes]:
    answers = source.fetch(ids(chunks))
    return [bytes(answer.plain) for answer in answers if isinstance(answer, Chunk)]


def requests(store: MemoryStore) -> int:
    return store.counts()["store"].requests


def test_chunks_come_from_the_seed_and_the_rest_from_upstream(opened: Open) -> None:
    store = store_of(CHUNKS)
    source = source_of([opened("seed", CHUNKS[20:40])], store)
    asked = [CHUNKS[50], *CHUNKS[15:25], CHUNKS[39], CHUNKS[0]]

    assert plain(source, asked) == asked
    assert requests(store) == len([50, 15, 16, 17, 18, 19, 0])
    assert source.lacking() == {}


def test_answers_come_in_the_order_asked_repeats_too(opened: Open) -> None:
    store = store_of(CHUNKS)
    source = source_of([opened("seed", CHUNKS[:5] * 3)], store)
    asked = [CHUNKS[3], CHUNKS[9], CHUNKS[3], CHUNKS[0], CHUNKS[9]]

    assert plain(source, asked) == asked
    assert requests(store) == 2


def test_seeds_are_asked_in_order_and_only_for_what_is_left(opened: Open) -> None:
    first = opened("first", CHUNKS[:10], b"x" * len(b"".join(CHUNKS[:10])))
    second = opened("second", CHUNKS[5:20])
    store = store_of(CHUNKS)
    source = source_of([first, second], store)

    assert plain(source, CHUNKS[:20]) == CHUNKS[:20]
    assert requests(store) == 5
    assert source.lacking() == {"first is not what its index says": 10}


def test_no_ids_ask_nobody(opened: Open) -> None:
    store = store_of(CHUNKS)
    source = source_of([opened("seed", CHUNKS[:5]), opened("empty", [])], store)

    assert source.fetch([]) == []
    assert requests(store) == 0


@pytest.mark.parametrize("kept", [0, 700, 3_000])
def test_a_seed_that_ends_early_lacks_the_rest(opened: Open, kept: int) -> None:
    seed = opened("seed", CHUNKS[:10], b"".join(CHUNKS[:10])[:kept])
    whole = sum(seed.index.end(at) <= kept for at in range(10))
    store = store_of(CHUNKS)
    source = source_of([seed], store)

    assert plain(source, CHUNKS[:10]) == CHUNKS[:10]
    assert requests(store) == 10 - whole
    assert source.lacking() == {"seed is not what its index says": 10 - whole}


def test_a_seed_that_cannot_be_read_lacks_everything_and_says_why(
    opened: Open, tmp_path: Path
) -> None:
    index = opened("seed", CHUNKS[:10]).index
    fd = os.open(tmp_path / "seed", os.O_WRONLY)
    source = source_of([OpenSeed(fd, "seed x", index)], store_of(CHUNKS))
    found = plain(source, CHUNKS[:10])
    os.close(fd)

    assert found == CHUNKS[:10]
    assert source.lacking() == {"seed x: cannot be read at 0: Bad file descriptor": 10}


def test_what_upstream_lacks_is_its_answer(opened: Open) -> None:
    source = source_of([opened("seed", CHUNKS[:2])], store_of(CHUNKS[:1]))
    found, missing = source.fetch(ids([CHUNKS[1], CHUNKS[5]]))

    assert isinstance(found, Chunk)
    assert isinstance(missing, ChunkMissingError)
    assert str(missing) == f"chunk {ALGORITHM.of(CHUNKS[5]).hex()} is missing from store"


def test_upstream_answers_for_itself(opened: Open) -> None:
    store = store_of(CHUNKS[:1])
    source = source_of([opened("seed", CHUNKS)], store)

    assert source.name == "store"
    assert source.presence(ids(CHUNKS[:2])) == [Presence.YES, Presence.NO]
    assert source.stored_sizes(ids(CHUNKS[:2])) == store.stored_sizes(ids(CHUNKS[:2]))
    assert source.counts() == store.counts()


def test_rows_that_lie_about_lengths_take_no_more_memory_than_the_largest_chunk(
    opened: Open,
) -> None:
    honest = opened("seed", CHUNKS[:50])
    sizes = ChunkSizes(1, 64, 128 << 20)
    ends = np.arange(1, 51, dtype=np.uint64) * np.uint64(128 << 20)
    lying = Index(honest.index.flags, sizes, ends, honest.index.ids)
    store = store_of(CHUNKS)
    source = source_of([OpenSeed(honest.fd, "seed", lying)], store, limit=4096)

    assert plain(source, CHUNKS[:50]) == CHUNKS[:50]
    assert source.lacking() == {"seed is not what its index says": 50}


def test_ids_that_begin_alike_are_told_apart(opened: Open) -> None:
    """The first eight bytes find a place; all of them decide."""
    seed = opened("seed", CHUNKS[:10])
    alike = seed.index.id(3)[:8] + bytes(24)
    source = source_of([seed], store_of([]))
    (answer,) = source.fetch([alike])

    assert isinstance(answer, ChunkMissingError)
    assert source.lacking() == {}


def test_threads_share_a_source(opened: Open) -> None:
    damaged = bytearray(b"".join(CHUNKS[:40]))
    damaged[0] ^= 0xFF
    store = store_of(CHUNKS)
    source = source_of([opened("seed", CHUNKS[:40], bytes(damaged))], store)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: plain(source, CHUNKS), range(40)))

    assert found == [CHUNKS] * 40
    assert source.lacking() == {"seed is not what its index says": 40}


@pytest.mark.parametrize(
    ("seed", "wanted", "shares"),
    [
        (CHUNKS[:5], CHUNKS[4:9], True),
        (CHUNKS[:5], CHUNKS[5:9], False),
        ([], CHUNKS[:5], False),
        (CHUNKS[:5], [], False),
    ],
)
def test_a_seed_can_serve_where_it_shares_a_chunk(
    seed: list[bytes], wanted: list[bytes], shares: bool
) -> None:
    assert shares_chunks(index_of(seed), index_of(wanted).ids) is shares
