import builtins
import random
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeAlias

import numpy as np
import pytest
from numpy.typing import NDArray

from desync_jobs.core import kernel as kernels
from desync_jobs.core.buzhash import TABLE
from desync_jobs.core.kernel import Kernel
from tests.vectors.inputs import ctr
from tests.vectors.kernels import require_kernel

Search: TypeAlias = Callable[
    [bytes, NDArray[np.uint32], int, int, NDArray[np.int64]], tuple[int, int]
]


@pytest.fixture(params=["candidates", "candidates_any"])
def search(request: pytest.FixtureRequest) -> Search:
    """Each of the compiled searches: the one for this processor, and the one for all."""
    require_kernel("native")
    from desync_jobs.core import _kernel

    found: Search = getattr(_kernel, request.param)
    return found


def ends(search: Search, data: bytes, table: NDArray[np.uint32], discriminator: int) -> list[int]:
    out = np.empty(len(data) + 4096, np.int64)
    count, after = search(data, table, discriminator, 0, out)
    assert after == len(data) + 1
    return [int(end) for end in out[:count]]


@pytest.mark.parametrize("size", [0, 1, 47, 48, 49, 111, 112, 2094, 2095, 2096, 4142, 4143, 4144])
@pytest.mark.parametrize("discriminator", [1, 3])
def test_searches_agree_at_the_edges_of_windows_and_blocks(
    search: Search, size: int, discriminator: int
) -> None:
    data = ctr(size, b"edge")
    expected = require_kernel("portable").candidates(data, discriminator)

    assert ends(search, data, TABLE, discriminator) == expected.tolist()


@pytest.mark.parametrize(
    "discriminator", [2, 5, 64, 192, 3075, 4096, 12318, 49535, 49536, 202440, 886711, 1 << 20]
)
def test_searches_agree_on_random_bytes(search: Search, discriminator: int) -> None:
    data = ctr(1 << 20)
    expected = require_kernel("portable").candidates(data, discriminator)

    assert ends(search, data, TABLE, discriminator) == expected.tolist()


@pytest.mark.parametrize(
    "discriminator",
    [
        *range(1, 34),
        *(1 << shift for shift in range(6, 32)),
        *(5 << shift for shift in range(3, 29)),
        12318,
        49535,
        202440,
        886711,
        0x7FFFFFFF,
        0xFFFFFFFE,
        0xFFFFFFFF,
        *random.Random(4).choices(range(1, 1 << 32), k=40),
        *random.Random(5).choices(range(1, 1 << 18), k=40),
    ],
)
def test_searches_take_exactly_the_hashes_with_the_right_remainder(
    search: Search, discriminator: int
) -> None:
    # With a table of chosen words, a byte and 47 zeros hash to that word, turned by 0 to 47.
    chance = random.Random(discriminator)
    last = (1 << 32) // discriminator
    words = [0, 1, 2, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFD, 0xFFFFFFFE, 0xFFFFFFFF]
    words += [
        (quotient * discriminator + offset) % (1 << 32)
        for quotient in (1, 2, last // 2, last - 1, last, *chance.choices(range(last + 1), k=30))
        for offset in (-2, -1, 0)
    ]
    words += chance.choices(range(1 << 32), k=256 - len(words))
    data = b"".join(bytes([number]) + bytes(47) for number in range(1, 256)) + bytes(47)
    expected = [
        48 * (number - 1) + 1 + turn
        for number in range(1, 256)
        for turn in range(48)
        if rotated(words[number], turn) % discriminator == discriminator - 1
    ]

    # The zeros in front bring every end past the first window.
    found = ends(search, bytes(48) + data, np.array(words, np.uint32), discriminator)
    assert [end - 48 for end in found if 48 < end <= 48 + 255 * 48] == expected


def rotated(word: int, count: int) -> int:
    count %= 32
    return (word << count | word >> (32 - count)) & 0xFFFFFFFF


def test_a_search_goes_on_where_its_room_ended(search: Search) -> None:
    data = ctr(10000)
    out = np.empty(2048 + 100, np.int64)
    found: list[int] = []
    first = 0
    while first <= len(data):
        count, first = search(data, TABLE, 1, first, out)
        found += out[:count].tolist()

    assert found == list(range(48, 10001))


def test_a_search_refuses_a_table_or_a_room_that_is_too_small(search: Search) -> None:
    with pytest.raises(ValueError, match="the table does not have 256 words"):
        search(bytes(100), TABLE[:255], 5, 0, np.empty(4096, np.int64))
    with pytest.raises(ValueError, match="out does not have room for 2048 aligned words"):
        search(bytes(100), TABLE, 5, 0, np.empty(2047, np.int64))


def test_every_end_is_a_candidate_where_the_discriminator_is_one(kernel: Kernel) -> None:
    assert np.array_equal(kernel.candidates(bytes(70000), 1), np.arange(48, 70001))


@pytest.mark.parametrize("discriminator", [3943, 673487, 2655559241])
def test_zeros_are_candidates_for_the_divisors_of_their_hash_only(
    kernel: Kernel, discriminator: int
) -> None:
    assert len(kernel.candidates(bytes(5000), discriminator)) == 5000 - 47
    assert len(kernel.candidates(bytes(5000), discriminator - 1)) == 0


@pytest.mark.parametrize("discriminator", [0, -1, 1 << 32])
def test_a_discriminator_out_of_range_is_refused(kernel: Kernel, discriminator: int) -> None:
    with pytest.raises(ValueError, match=rf"discriminator {discriminator} is not in 1..4294967295"):
        kernel.candidates(bytes(100), discriminator)


def test_candidates_of_any_contiguous_buffer_are_those_of_its_bytes(kernel: Kernel) -> None:
    data = ctr(5000)
    expected = kernel.candidates(data, 50).tolist()
    words = np.frombuffer(data, np.uint64)

    assert kernel.candidates(bytearray(data), 50).tolist() == expected
    assert kernel.candidates(memoryview(b"x" + data)[1:], 50).tolist() == expected
    assert kernel.candidates(words.data, 50).tolist() == expected


def test_scattered_bytes_are_refused(kernel: Kernel) -> None:
    with pytest.raises(BufferError, match="not C-contiguous"):
        kernel.candidates(memoryview(bytes(1000))[::2], 50)
    with pytest.raises(BufferError, match="not C-contiguous"):
        kernel.sha512_256([b"a", memoryview(bytes(1000))[::2], *([b"b"] * 9)])


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_any_number_of_threads_finds_the_same_candidates(kernel: Kernel, threads: int) -> None:
    data = ctr(1 << 20)
    slices = [data[max(0, at - 47) : at + 100000] for at in range(0, len(data), 100000)]
    with ThreadPoolExecutor(threads) as pool:
        found = list(pool.map(lambda piece: kernel.candidates(piece, 1000), slices))
    starts = [max(0, at - 47) for at in range(0, len(data), 100000)]

    together = np.concatenate([ends + start for ends, start in zip(found, starts, strict=True)])
    assert np.array_equal(together, kernel.candidates(data, 1000))


def test_the_best_kernel_is_the_native_one() -> None:
    native = require_kernel("native")

    assert kernels.best().name == native.name == "native"
    assert native.detail.startswith("boundaries: compiled")


def test_without_the_extension_the_portable_kernel_is_best(monkeypatch: pytest.MonkeyPatch) -> None:
    known = builtins.__import__

    def without_extension(
        name: str,
        globals_: Mapping[str, object] | None = None,
        locals_: Mapping[str, object] | None = None,
        names: Sequence[str] | None = (),
        level: int = 0,
    ) -> object:
        if name == "desync_jobs.core" and "native" in (names or ()):
            raise ImportError(name)
        return known(name, globals_, locals_, names or (), level)

    monkeypatch.setattr(builtins, "__import__", without_extension)

    assert kernels.native() is None
    assert kernels.best().detail == "boundaries: NumPy; digests: hashlib"


def test_a_processor_without_avx_512_digests_with_hashlib(monkeypatch: pytest.MonkeyPatch) -> None:
    require_kernel("native")
    monkeypatch.setattr("desync_jobs.core.native.LANES", 0)
    kernel = kernels.native()

    assert kernel is not None
    assert kernel.detail.endswith("digests: hashlib")
    assert kernel.sha512_256([b"a"]) == require_kernel("portable").sha512_256([b"a"])
