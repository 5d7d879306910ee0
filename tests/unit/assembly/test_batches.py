import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from desync_jobs.assembly.batches import batches, size_batches, spans
from desync_jobs.core.chunk import DigestAlgorithm
from desync_jobs.core.sizes import ChunkSizes, CutMode
from desync_jobs.formats.flags import blob_flags
from desync_jobs.formats.index import Index

SIZES = st.lists(st.integers(1, 5 << 20), max_size=300)


def index_with(sizes: list[int]) -> Index:
    return Index(
        blob_flags(DigestAlgorithm.SHA512_256, CutMode.CASYNC),
        ChunkSizes(1, 64, 8 << 20),
        np.cumsum(sizes, dtype=np.uint64),
        np.zeros((len(sizes), 32), np.uint8),
    )


@given(SIZES)
def test_spans_cover_the_index_in_bounded_pieces(sizes: list[int]) -> None:
    found = list(spans(index_with(sizes)))

    assert [p for first, last in found for p in range(first, last)] == list(range(len(sizes)))
    for first, last in found:
        assert last - first <= 64
        assert sum(sizes[first:last]) <= 8 << 20 or last - first == 1


@given(SIZES, st.randoms())
def test_batches_keep_the_order_of_any_positions(sizes: list[int], chooser: object) -> None:
    positions = list(range(len(sizes)))
    chooser.shuffle(positions)  # type: ignore[attr-defined] # random.Random
    found = list(batches(index_with(sizes), np.array(positions, np.int64)))

    assert [p for batch in found for p in batch.tolist()] == positions
    for batch in found:
        assert len(batch) <= 64
        assert sum(sizes[p] for p in batch.tolist()) <= 8 << 20 or len(batch) == 1


def test_a_chunk_larger_than_a_batch_stands_alone() -> None:
    assert list(size_batches(np.array([1, 100 << 20, 1, 1]))) == [(0, 1), (1, 2), (2, 4)]
