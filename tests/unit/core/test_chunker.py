import hashlib
import json
import struct
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

from desync_jobs.core.chunker import CutSelector, cuts
from desync_jobs.core.kernel import Kernel
from desync_jobs.core.sizes import DEFAULT_SIZES, WINDOW_SIZE, ChunkSizes, CutMode
from tests.vectors.inputs import ctr, gold, named

ROWS: Final[list[dict[str, Any]]] = json.loads(
    Path(__file__).parents[2].joinpath("vectors", "casync-indexes.json").read_text()
)
CASYNC, DESYNC = CutMode.CASYNC, CutMode.DESYNC_1_0


def digest_of(ends: list[int]) -> str:
    return hashlib.sha256(struct.pack(f"<{len(ends)}Q", *ends)).hexdigest()


def lengths_of(ends: list[int]) -> list[int]:
    return [end - start for start, end in zip([0, *ends], ends, strict=False)]


def cuts_in_slices(
    data: bytes, sizes: ChunkSizes, mode: CutMode, kernel: Kernel, count: int
) -> list[int]:
    """Cut as several workers do: each searches its slice and the 47 bytes before it."""
    selector = CutSelector(sizes, mode)
    found = []
    start = 0
    for number in range(1, count + 1):
        end = len(data) * number // count
        before = max(0, start - (WINDOW_SIZE - 1))
        candidates = kernel.candidates(data[before:end], sizes.discriminator(mode))
        found += selector.feed(candidates + before, end)
        start = end
    return found + selector.finish(len(data))


# What the format's own vectors say.


@pytest.mark.parametrize("mode", CutMode)
def test_vector_a_random_bytes(kernel: Kernel, mode: CutMode) -> None:
    ends = cuts(ctr(1048576), DEFAULT_SIZES, mode, kernel)

    assert lengths_of(ends) == [
        *(80921, 57299, 49192, 49960, 59423, 52114, 88424, 46418),
        *(100282, 92236, 99913, 16782, 72780, 41585, 38454, 102793),
    ]
    assert digest_of(ends) == "1c48dbaba5be1896648f16fd599e4436bc4f4a1108e05306267da56aab1889b7"


@pytest.mark.parametrize("mode", CutMode)
def test_vector_b_multiples_of_the_golden_ratio(kernel: Kernel, mode: CutMode) -> None:
    ends = cuts(gold(8388608), DEFAULT_SIZES, mode, kernel)

    assert len(ends) == 127
    assert lengths_of(ends)[:12] == [
        *(49967, 25492, 46498, 208745, 42863, 18494),
        *(70531, 26677, 262144, 89771, 152407, 21607),
    ]
    assert digest_of(ends) == "e6a8792936ff1d0a18397e6e9fb6d672af74d17bfe8babe7f8659c1c25794847"


def test_vector_c_casync_cuts_at_exactly_the_minimum(kernel: Kernel) -> None:
    ends = cuts(ctr(65536), ChunkSizes(64, 256, 1024), CASYNC, kernel)

    assert len(ends) == 237
    assert ends[99:101] == [27856, 27920]
    assert digest_of(ends) == "ef43804ce6edf579285d848c65b72e5cefbd673b172b2135d99ef694f054507a"


def test_vector_c_desync_1_0_does_not(kernel: Kernel) -> None:
    ends = cuts(ctr(65536), ChunkSizes(64, 256, 1024), DESYNC, kernel)

    assert len(ends) == 236
    assert ends[99:101] == [27856, 27996]
    assert digest_of(ends) == "bb89a851bdf5a91d9ffbb7360320fe4a4dbe1a6861ff3d2f94f1b8d7c90d1b9e"


@pytest.mark.parametrize("mode", CutMode)
def test_vector_d_small_chunks(kernel: Kernel, mode: CutMode) -> None:
    ends = cuts(ctr(262144), ChunkSizes(2048, 8192, 32768), mode, kernel)

    assert len(ends) == 30
    assert lengths_of(ends)[:6] == [25075, 2088, 6134, 3065, 15904, 13013]
    assert digest_of(ends) == "e133ef819406e9ebdf0211804f5fccdff4e5bf0fd774f7444e18a1521d36b6ab"


def test_vector_e_casync_clamps_the_discriminator(kernel: Kernel) -> None:
    ends = cuts(ctr(262144), ChunkSizes(4096, 4096, 16384), CASYNC, kernel)

    assert len(ends) == 32
    assert lengths_of(ends)[:4] == [11467, 4787, 10147, 4458]
    assert digest_of(ends) == "01285e7920a14a7048153de420d33f52e3a36e4e84fcad472aebd0014434bde2"


def test_vector_e_desync_1_0_does_not(kernel: Kernel) -> None:
    ends = cuts(ctr(262144), ChunkSizes(4096, 4096, 16384), DESYNC, kernel)

    assert len(ends) == 41
    assert lengths_of(ends)[:4] == [10613, 4310, 6840, 5588]
    assert digest_of(ends) == "9f45e131a86935c8d7459f4043561ae32abce2b0f3ea3a75c79bdfae4207d51c"


@pytest.mark.parametrize("mode", CutMode)
def test_vector_f_zeros_are_cut_at_the_maximum(kernel: Kernel, mode: CutMode) -> None:
    ends = cuts(bytes(1000000), DEFAULT_SIZES, mode, kernel)

    assert ends == [262144, 524288, 786432, 1000000]


@pytest.mark.parametrize("mode", CutMode)
def test_vector_g_zeros_between_random_bytes(kernel: Kernel, mode: CutMode) -> None:
    data = ctr(131072) + bytes(600000) + ctr(100000, b"x")
    ends = cuts(data, DEFAULT_SIZES, mode, kernel)

    assert lengths_of(ends) == [80921, 262144, 262144, 127989, 24588, 43195, 30091]
    assert digest_of(ends) == "888e78107c9a1bf51017b579dfaa6948452df6ee64621019228dbd6c780da8d5"


# What casync made.


def test_the_corpus_is_present() -> None:
    assert len(ROWS) == 114
    for row in ROWS:
        data = named(row["input"])
        assert (len(data), hashlib.sha256(data).hexdigest()) == (row["length"], row["input_sha256"])


@pytest.mark.parametrize(
    "row",
    ROWS,
    ids=lambda row: f"{row['input']}-{row['chunk_size']}-{row['digest']}",
)
def test_an_index_of_casync_has_these_cuts(kernel: Kernel, row: dict[str, Any]) -> None:
    sizes = DEFAULT_SIZES
    if row["chunk_size"] != "default":
        sizes = ChunkSizes(*map(int, row["chunk_size"].split(":")))
    data = named(row["input"])
    ends = cuts(data, sizes, CASYNC, kernel)

    assert len(ends) == row["chunks"]
    assert ends[: len(row["first_ends"])] == row["first_ends"]
    assert digest_of(ends) == row["ends_sha256"]
    assert cuts_in_slices(data, sizes, CASYNC, kernel, 2) == ends
    assert cuts_in_slices(data, sizes, CASYNC, kernel, 7) == ends


# What must hold for any blob.


@pytest.mark.parametrize("mode", CutMode)
def test_an_empty_blob_has_no_chunks(kernel: Kernel, mode: CutMode) -> None:
    assert cuts(b"", DEFAULT_SIZES, mode, kernel) == []


@pytest.mark.parametrize("size", [1, 16, 47, 48, 16383, 16384])
@pytest.mark.parametrize("mode", CutMode)
def test_a_blob_no_longer_than_the_minimum_is_one_chunk(
    kernel: Kernel, mode: CutMode, size: int
) -> None:
    assert cuts(ctr(size), DEFAULT_SIZES, mode, kernel) == [size]


@pytest.mark.parametrize("size", [16384, 65536, 262144])
def test_zeros_of_exactly_the_minimum_average_or_maximum_are_one_chunk(
    kernel: Kernel, size: int
) -> None:
    assert cuts(bytes(size), DEFAULT_SIZES, CASYNC, kernel) == [size]


def test_one_byte_more_than_the_maximum_is_a_chunk_of_its_own(kernel: Kernel) -> None:
    assert cuts(bytes(262145), DEFAULT_SIZES, CASYNC, kernel) == [262144, 262145]


@pytest.mark.parametrize(
    "data",
    [
        ctr(1 << 20),
        bytes(300000) + ctr(500000),
        ctr(500000) + bytes(300000),
        ctr(300000) + bytes(300000) + ctr(300000, b"x"),
        b"".join(ctr(40000, bytes([n])) + bytes(40000) for n in range(10)),
    ],
    ids=["random", "leading zeros", "trailing zeros", "zeros in the middle", "zeros spread out"],
)
@pytest.mark.parametrize("mode", CutMode)
def test_any_number_of_slices_gives_the_same_cuts(
    kernel: Kernel, mode: CutMode, data: bytes
) -> None:
    sizes = ChunkSizes(4096, 16384, 65536)
    expected = cuts(data, sizes, mode, kernel)

    for count in range(1, 11):
        assert cuts_in_slices(data, sizes, mode, kernel, count) == expected


def test_chunks_shorter_than_the_window_come_only_from_fixed_sizes(kernel: Kernel) -> None:
    data = ctr(1000)

    assert cuts(data, ChunkSizes(16, 16, 16), CASYNC, kernel) == [*range(16, 1000, 16), 1000]
    assert cuts(data, ChunkSizes(1, 1, 1), CASYNC, kernel) == list(range(1, 1001))
    assert min(lengths_of(cuts(data, ChunkSizes(1, 1, 60), CASYNC, kernel))[:-1]) == 48


def test_fixed_sizes_cut_evenly_in_both_modes(kernel: Kernel) -> None:
    for mode in CutMode:
        ends = cuts(ctr(200000), ChunkSizes(65536, 65536, 65536), mode, kernel)
        assert ends == [65536, 131072, 196608, 200000]


def test_sizes_that_cannot_be_cut_with_are_refused() -> None:
    with pytest.raises(ValueError, match="have a maximum below the 48 bytes"):
        CutSelector(ChunkSizes(10, 20, 30), CASYNC)


# How the selection goes on.


def some(*ends: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array(ends, np.int64)


def test_a_cut_is_returned_as_soon_as_it_is_certain() -> None:
    selector = CutSelector(ChunkSizes(100, 200, 400), CASYNC)

    assert selector.feed(some(60), 80) == []
    assert selector.feed(some(99, 100, 150), 150) == [100]
    assert selector.feed(some(), 499) == []
    assert selector.feed(some(), 500) == [500]
    assert selector.feed(some(599, 901), 901) == [900]
    assert selector.feed(some(1000, 1099, 1100, 1300), 1500) == [1000, 1100, 1300]
    assert selector.finish(1550) == [1550]


def test_one_long_stretch_gives_all_its_cuts_at_once() -> None:
    selector = CutSelector(ChunkSizes(100, 200, 400), DESYNC)

    assert selector.feed(some(100, 101, 201, 202, 2000), 2000) == [
        *(101, 202, 602, 1002, 1402, 1802, 2000),
    ]
    assert selector.finish(2000) == []


def test_a_candidate_at_the_maximum_and_one_past_it_leave_the_cut_there() -> None:
    selector = CutSelector(ChunkSizes(100, 200, 400), CASYNC)

    assert selector.feed(some(400, 801), 1000) == [400, 800]


def test_fixed_sizes_are_cut_as_far_as_the_blob_is_known() -> None:
    selector = CutSelector(ChunkSizes(10, 10, 10), CASYNC)

    assert selector.feed(some(), 9) == []
    assert selector.feed(some(), 10) == [10]
    assert selector.feed(some(), 35) == [20, 30]
    assert selector.finish(40) == [40]


def test_a_search_that_goes_backwards_is_refused() -> None:
    selector = CutSelector(DEFAULT_SIZES, CASYNC)
    selector.feed(some(), 1000)

    with pytest.raises(ValueError, match="999 bytes are searched after 1000 were"):
        selector.feed(some(), 999)


def test_a_candidate_past_what_was_searched_is_refused() -> None:
    selector = CutSelector(DEFAULT_SIZES, CASYNC)

    with pytest.raises(ValueError, match="candidate 1001 lies past the 1000 bytes searched"):
        selector.feed(some(1001), 1000)
