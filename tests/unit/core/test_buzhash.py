import hashlib
import random

import numpy as np
import pytest

from desync_jobs.core.buzhash import TABLE, BreakTest, candidates, window_hashes

EDGES = (0, 1, 2, 3, 0x7FFFFFFF, 0x80000000, 0x80000001, 0xFFFFFFFD, 0xFFFFFFFE, 0xFFFFFFFF)
DISCRIMINATORS = (
    *range(1, 70),
    *(1 << shift for shift in range(7, 32)),
    *(3 << shift for shift in range(5, 31)),
    12318,  # the averages 16, 64 and 256 KiB and 1 MiB
    49535,
    202440,
    886711,
    3943,  # with these the hash of 48 zero bytes ends a chunk
    673487,
    2655559241,
    134217728,  # the largest that casync can have
    0x7FFFFFFF,
    0x80000001,
    0xFFFFFFFE,
    0xFFFFFFFF,
    *random.Random(1).choices(range(1, 1 << 32), k=100),
    *random.Random(2).choices(range(1, 1 << 24), k=100),
)


def edge_hashes(discriminator: int) -> np.ndarray[tuple[int], np.dtype[np.uint32]]:
    """Hashes at both ends of 32 bits, around multiples of `discriminator`, and random ones."""
    last = (1 << 32) // discriminator
    around = [
        (quotient * discriminator + offset) % (1 << 32)
        for quotient in (0, 1, 2, last // 2, last - 1, last)
        for offset in (-2, -1, 0, 1)
    ]
    chance = random.Random(discriminator).choices(range(1 << 32), k=200)
    low = range(200)
    high = range((1 << 32) - 200, 1 << 32)
    return np.array([*EDGES, *around, *chance, *low, *high], np.uint32)


def test_the_table_is_that_of_the_format() -> None:
    digest = hashlib.sha256(TABLE.astype("<u4").tobytes()).hexdigest()

    assert digest == "5b52080d38287da9d2e278466e3e0db7ec98e5e8b226f50612a56fa012b1f660"


def test_the_table_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        TABLE[0] = 0


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        (bytes(48), 0x9E489E48),
        (bytes(range(48)), 0x6B67DEC6),
        (bytes(range(1, 49)), 0xA3FC25F1),
        (b"\xff" * 48, 0xFDC4023B),
        (b"a" * 48, 0x0D7C0D7C),
    ],
)
def test_windows_hash_to_the_values_of_the_format(window: bytes, expected: int) -> None:
    assert window_hashes(np.frombuffer(window, np.uint8)).tolist() == [expected]


def test_every_window_of_longer_data_is_hashed() -> None:
    data = random.Random(3).randbytes(500)
    hashes = window_hashes(np.frombuffer(data, np.uint8))

    expected = []
    for end in range(48, 501):
        value = 0
        for byte in data[end - 48 : end]:
            value = ((value << 1 | value >> 31) & 0xFFFFFFFF) ^ int(TABLE[byte])
        expected.append(value)
    assert hashes.tolist() == expected


def test_data_shorter_than_a_window_has_no_hash() -> None:
    assert len(window_hashes(np.zeros(47, np.uint8))) == 0


@pytest.mark.parametrize("discriminator", DISCRIMINATORS)
def test_the_break_test_is_the_remainder_at_the_edges_of_32_bits(discriminator: int) -> None:
    hashes = edge_hashes(discriminator)
    expected = hashes % np.uint32(discriminator) == discriminator - 1

    assert np.array_equal(BreakTest.for_discriminator(discriminator).hits(hashes), expected)


@pytest.mark.parametrize("discriminator", [1, 3, 4096, 49535, 62724856])
def test_the_break_test_finds_as_many_hashes_as_there_are_multiples(discriminator: int) -> None:
    test = BreakTest.for_discriminator(discriminator)

    assert test.limit + 1 == (1 << 32) // discriminator


@pytest.mark.parametrize("discriminator", [0, -1, 1 << 32])
def test_a_discriminator_that_is_no_32_bit_number_is_refused(discriminator: int) -> None:
    with pytest.raises(ValueError, match=rf"discriminator {discriminator} is not in 1..4294967295"):
        candidates(bytes(100), discriminator)
