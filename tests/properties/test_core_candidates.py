"""The kernels agree with each other and with the definition of a candidate."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desync_jobs.core.buzhash import TABLE
from desync_jobs.core.kernel import Kernel
from tests.vectors.kernels import NAMES, require_kernel

blobs = st.one_of(
    st.binary(max_size=6000),
    st.builds(
        lambda seed, size: np.random.default_rng(seed).bytes(size),
        st.integers(0, 1 << 32),
        st.integers(0, 20000),
    ),
    st.builds(
        lambda unit, times, rest: unit * times + rest,
        st.binary(min_size=1, max_size=70),
        st.integers(0, 200),
        st.binary(max_size=100),
    ),
)
discriminators = st.one_of(
    st.integers(1, 300),
    st.integers(1, (1 << 32) - 1),
    st.builds(lambda odd, shift: odd << shift, st.integers(1, 31), st.integers(0, 27)),
)


@pytest.fixture(scope="module", params=NAMES)
def kernel(request: pytest.FixtureRequest) -> Kernel:
    return require_kernel(request.param)


def by_definition(data: bytes, discriminator: int) -> list[int]:
    """Roll over the bytes one by one, as the first programs did."""
    window = 0
    ends = []
    for end, byte in enumerate(data, 1):
        window = turned(window, 1) ^ int(TABLE[byte])
        if end > 48:
            window ^= turned(int(TABLE[data[end - 49]]), 16)
        if end >= 48 and window % discriminator == discriminator - 1:
            ends.append(end)
    return ends


def turned(word: int, count: int) -> int:
    return (word << count | word >> (32 - count)) & 0xFFFFFFFF


@settings(max_examples=300)
@given(data=blobs, discriminator=discriminators)
def test_all_searches_find_the_same(data: bytes, discriminator: int) -> None:
    native = require_kernel("native")
    from desync_jobs.core.native import candidates_any

    expected = require_kernel("portable").candidates(data, discriminator).tolist()

    assert native.candidates(data, discriminator).tolist() == expected
    assert candidates_any(data, discriminator).tolist() == expected


@settings(max_examples=300)
@given(data=st.binary(max_size=600), discriminator=discriminators)
def test_candidates_are_those_of_the_rolling_hash(
    kernel: Kernel, data: bytes, discriminator: int
) -> None:
    assert kernel.candidates(data, discriminator).tolist() == by_definition(data, discriminator)


@settings(max_examples=300)
@given(data=blobs, discriminator=st.integers(1, 100), place=st.floats(0, 1))
def test_two_slices_that_share_47_bytes_have_all_candidates_once(
    kernel: Kernel, data: bytes, discriminator: int, place: float
) -> None:
    middle = int(len(data) * place)
    before = max(0, middle - 47)
    left = kernel.candidates(data[:middle], discriminator)
    right = kernel.candidates(data[before:], discriminator) + before

    together = [*left.tolist(), *right.tolist()]
    assert together == kernel.candidates(data, discriminator).tolist()
