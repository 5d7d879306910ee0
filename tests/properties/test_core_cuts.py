"""Cuts are those of a chunker that reads byte by byte, for any sizes and slicing."""

import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desync_jobs.core.buzhash import TABLE
from desync_jobs.core.chunker import CutSelector, cuts
from desync_jobs.core.kernel import Kernel, best
from desync_jobs.core.sizes import ChunkSizes, CutMode
from tests.vectors.inputs import ctr
from tests.vectors.kernels import NAMES, require_kernel


@pytest.fixture(scope="module", params=NAMES)
def kernel(request: pytest.FixtureRequest) -> Kernel:
    return require_kernel(request.param)


@st.composite
def sizes_and_modes(draw: st.DrawFn) -> tuple[ChunkSizes, CutMode]:
    """Draw any sizes that the mode can cut with, mostly near the window's 48 bytes."""
    mode = draw(st.sampled_from(CutMode))
    least = 48 if mode is CutMode.DESYNC_1_0 else 1
    minimum = draw(st.integers(least, 200))
    average = draw(st.one_of(st.just(minimum), st.integers(minimum, 600)))
    maximum = draw(st.one_of(st.just(average), st.integers(average, 3000)))
    fixed = minimum == maximum
    return ChunkSizes(minimum, average, maximum if fixed else max(48, maximum)), mode


blobs = st.one_of(
    st.builds(
        lambda size, seed: ctr(size, bytes([seed])), st.integers(0, 6000), st.integers(0, 99)
    ),
    st.builds(
        lambda size, zeros, seed: ctr(size, bytes([seed])) + bytes(zeros) + ctr(size),
        st.integers(0, 2000),
        st.integers(0, 4000),
        st.integers(0, 99),
    ),
    st.binary(max_size=300),
)


def byte_by_byte(data: bytes, sizes: ChunkSizes, mode: CutMode) -> list[int]:
    """Cut as casync and desync do: one byte at a time, everything forgotten after a cut."""
    quotient = sizes.average / (-1.42888852e-7 * sizes.average + 1.33237515)
    discriminator = math.trunc(quotient)
    first = sizes.minimum + 1
    if mode is CutMode.CASYNC:
        discriminator = min(max(discriminator, sizes.minimum), sizes.maximum)
        first = sizes.minimum
    fixed = sizes.minimum == sizes.average == sizes.maximum
    ends = []
    start = window = 0
    for end in range(1, len(data) + 1):
        window = turned(window, 1) ^ int(TABLE[data[end - 1]])
        if end - start > 48:
            window ^= turned(int(TABLE[data[end - 49]]), 16)
        tested = end - start >= max(first, 48) and not fixed
        if (tested and window % discriminator == discriminator - 1) or (
            end - start == sizes.maximum
        ):
            ends.append(end)
            start, window = end, 0
    return ends + [len(data)] * (start < len(data))


def turned(word: int, count: int) -> int:
    return (word << count | word >> (32 - count)) & 0xFFFFFFFF


@settings(max_examples=300)
@given(data=blobs, how=sizes_and_modes())
def test_cuts_are_those_of_a_byte_by_byte_chunker(
    kernel: Kernel, data: bytes, how: tuple[ChunkSizes, CutMode]
) -> None:
    assert cuts(data, *how, kernel) == byte_by_byte(data, *how)


@settings(max_examples=300)
@given(data=blobs, how=sizes_and_modes(), places=st.lists(st.floats(0, 1), max_size=6))
def test_any_slicing_gives_the_same_cuts(
    data: bytes, how: tuple[ChunkSizes, CutMode], places: list[float]
) -> None:
    sizes, mode = how
    candidates = best().candidates(data, sizes.discriminator(mode))
    selector = CutSelector(sizes, mode)
    found = []
    stops = [0, *sorted(int(place * len(data)) for place in places), len(data)]
    for before, after in pairwise(stops):
        inside = candidates[(candidates > before) & (candidates <= after)]
        certain = selector.feed(inside, after)
        assert all(cut <= after for cut in certain)
        found += certain

    assert found + selector.finish(len(data)) == cuts(data, sizes, mode, best())


@settings(max_examples=300)
@given(data=blobs, how=sizes_and_modes())
def test_chunks_make_up_the_blob_within_their_sizes(
    data: bytes, how: tuple[ChunkSizes, CutMode]
) -> None:
    sizes, mode = how
    ends = cuts(data, sizes, mode, best())
    lengths = [end - start for start, end in pairwise([0, *ends])]

    assert sum(lengths) == len(data)
    assert all(1 <= length <= sizes.maximum for length in lengths)
    assert all(length >= sizes.minimum for length in lengths[:-1])
