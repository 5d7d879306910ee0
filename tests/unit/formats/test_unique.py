import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from desync_jobs.core.sizes import DEFAULT_SIZES
from desync_jobs.formats.index import parse_index
from desync_jobs.formats.index_layout import index_header, index_rows, index_tail
from desync_jobs.formats.unique import hex_lines, unique_chunks


def as_array(ids: list[bytes]) -> NDArray[np.uint8]:
    return np.frombuffer(b"".join(ids), np.uint8).reshape(-1, 32)


def by_dictionary(ids: list[bytes]) -> tuple[list[int], list[int]]:
    """Group IDs the plain way."""
    numbers: dict[bytes, int] = {}
    first = []
    group = []
    for position, one in enumerate(ids):
        if one not in numbers:
            numbers[one] = len(numbers)
            first.append(position)
        group.append(numbers[one])
    return first, group


def check(ids: list[bytes]) -> None:
    first, group = unique_chunks(as_array(ids))

    assert first.dtype == np.int64
    assert group.dtype == np.int32
    assert (first.tolist(), group.tolist()) == by_dictionary(ids)


# Few different bytes in few places, so that IDs are often equal, and often almost equal.
near = st.builds(
    lambda word, place, byte: bytes(place) + bytes([byte]) + word * 3 + bytes(31 - 3 * 4 - place),
    st.sampled_from([bytes(4), b"\x01\x00\x00\x00", b"\xff\xff\xff\xff"]),
    st.integers(0, 19),
    st.sampled_from([0, 1, 128, 255]),
)


@given(st.lists(near | st.binary(min_size=32, max_size=32), max_size=200))
def test_equal_ids_share_a_number_in_order_of_their_first_place(ids: list[bytes]) -> None:
    check(ids)


@pytest.mark.parametrize("tail", [8, 16, 24, 31])
def test_ids_with_the_same_first_bytes_are_told_apart(tail: int) -> None:
    rng = random.Random(tail)
    ids = [bytes(tail) + rng.randbytes(32 - tail) for _ in range(300)]

    check([rng.choice(ids) for _ in range(5000)])


def test_ids_that_alternate_behind_one_prefix_are_told_apart() -> None:
    one, two = bytes(32), bytes(31) + b"\x01"

    check([two, one, two, one, one, two] * 1000)


def test_more_ids_than_one_block_are_grouped() -> None:
    rng = random.Random(3)
    ids = [rng.randbytes(32) for _ in range(30000)]

    check([rng.choice(ids) for _ in range(150_000)])


def test_ids_are_grouped_inside_the_rows_of_an_index() -> None:
    rng = random.Random(4)
    some = [rng.randbytes(32) for _ in range(20)]
    ids = [rng.choice(some) for _ in range(100)]
    ends = np.arange(1, 101, dtype=np.uint64)
    data = index_header(0, DEFAULT_SIZES) + index_rows(ends, as_array(ids)) + index_tail(100)

    first, group = unique_chunks(parse_index(data, "x").ids)

    assert (first.tolist(), group.tolist()) == by_dictionary(ids)


def test_no_ids_have_no_groups() -> None:
    check([])


def test_ids_are_written_as_lines_of_hex_in_order_with_repetitions() -> None:
    rng = random.Random(5)
    ids = [rng.randbytes(32) for _ in range(70000)]
    ids[1] = ids[0]

    lines = b"".join(hex_lines(as_array(ids)))

    assert lines == "".join(one.hex() + "\n" for one in ids).encode()
    assert list(hex_lines(as_array([]))) == []
