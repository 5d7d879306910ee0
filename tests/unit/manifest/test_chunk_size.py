from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desync_jobs.core.sizes import DEFAULT_SIZES, ChunkSizes
from desync_jobs.manifest.chunk_size import format_chunk_sizes, parse_chunk_sizes

Problems = Callable[..., list[str]]

CHUNK = "version = 1\n[operations.c]\nkind = 'chunk'\nblob = 'b'\n"


@pytest.mark.parametrize(
    ("text", "sizes"),
    [
        ("16KiB:64KiB:256KiB", DEFAULT_SIZES),
        ("16k:64k:256k", DEFAULT_SIZES),
        ("16 KiB : 64 KiB : 256 KiB", DEFAULT_SIZES),
        ("16384:65536:262144", DEFAULT_SIZES),
        ("64KiB", ChunkSizes(16384, 65536, 262144)),
        ("1 MiB", ChunkSizes(262144, 1048576, 4194304)),
        (65536, ChunkSizes(16384, 65536, 262144)),
        ("64B:128B:256B", ChunkSizes(64, 128, 256)),
        ("4KiB:4KiB:4KiB", ChunkSizes(4096, 4096, 4096)),
        (DEFAULT_SIZES, DEFAULT_SIZES),
    ],
)
def test_sizes_are_an_average_or_three_sizes(text: object, sizes: ChunkSizes) -> None:
    assert parse_chunk_sizes(text) == sizes


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (
            "'16:64:256'",
            (
                "the chunk size '16' needs a unit: 16KiB (as desync counts), "
                "or 16B for bytes (as casync counts)"
            ),
        ),
        (
            "64",
            (
                "the chunk size '64' needs a unit: 64KiB (as desync counts), "
                "or 64B for bytes (as casync counts)"
            ),
        ),
        (
            "'64KiB:16KiB'",
            (
                "'64KiB:16KiB' is not a chunk size; write AVG or MIN:AVG:MAX, as in '64KiB' or "
                "'16KiB:64KiB:256KiB'"
            ),
        ),
        (
            "'64KiB:16KiB:4KiB'",
            "chunk sizes 65536:16384:4096 are not 1 <= min <= avg <= max <= 134217728",
        ),
        (
            "'16KiB:64KiB:1GiB'",
            "chunk sizes 16384:65536:1073741824 are not 1 <= min <= avg <= max <= 134217728",
        ),
        ("'64 KB'", "'64 KB' is ambiguous; write KiB for powers of 1024"),
        ("'a:b:c'", "'a' is not a size; write bytes, or for example '64 KiB'"),
        ("true", "should be a size: a whole number of bytes, or for example '64 KiB'"),
    ],
)
def test_impossible_sizes_are_told_with_their_place(
    problems: Problems, value: str, problem: str
) -> None:
    assert problems(f"{CHUNK}chunk_size = {value}") == [f"operations.c.chunk_size: {problem}"]


def test_sizes_that_the_cut_cannot_use_are_told_with_their_place(problems: Problems) -> None:
    found = problems(f"{CHUNK}chunk_size = '16B:64B:256B'\ncut = 'desync-1.0'")

    assert found == [
        (
            "operations.c.chunk_size: chunk sizes 16:64:256 have a minimum below 48 bytes, which "
            "desync-1.0 does not cut; take a larger minimum or cut as casync"
        )
    ]


@given(st.lists(st.integers(1, 128 << 20), min_size=3, max_size=3).map(sorted))
def test_shown_sizes_are_read_as_themselves(sizes: list[int]) -> None:
    written = ChunkSizes(*sizes)

    assert parse_chunk_sizes(format_chunk_sizes(written)) == written
