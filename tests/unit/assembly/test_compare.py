import os
import random
from pathlib import Path

import numpy as np
import pytest

from desync_jobs.assembly.compare import compare_blob, wrong_ranges
from desync_jobs.assembly.workers import Workers
from desync_jobs.core.kernel import best
from desync_jobs.formats.index import Index
from tests.unit.assembly.indexes import index_of

CHUNKS = [random.Random(seed).randbytes(1000 + seed) for seed in range(200)]
BLOB = b"".join(CHUNKS)
INDEX = index_of(CHUNKS)


def compared(path: Path, index: Index, workers: Workers) -> list[bool]:
    right: list[bool] = []
    fd = os.open(path, os.O_RDONLY)
    for part in compare_blob(fd, "blob", index, workers, best()):
        assert part.first == len(right)
        right += part.right.tolist()
    os.close(fd)
    return right


def test_a_blob_is_right_against_its_index(tmp_path: Path, workers: Workers) -> None:
    (tmp_path / "blob").write_bytes(BLOB)

    assert compared(tmp_path / "blob", INDEX, workers) == [True] * 200


def test_each_damaged_chunk_is_found(tmp_path: Path, workers: Workers) -> None:
    damaged = bytearray(BLOB)
    for position in (0, 77, 78, 199):
        damaged[INDEX.start(position)] ^= 1
    (tmp_path / "blob").write_bytes(damaged)

    right = compared(tmp_path / "blob", INDEX, workers)

    assert [place for place, flag in enumerate(right) if not flag] == [0, 77, 78, 199]


@pytest.mark.parametrize("kept", [0, 1, 999, 1000, 150_000, len(BLOB) - 1])
def test_chunks_past_the_end_are_wrong(tmp_path: Path, workers: Workers, kept: int) -> None:
    (tmp_path / "blob").write_bytes(BLOB[:kept])

    right = compared(tmp_path / "blob", INDEX, workers)

    assert right == [INDEX.end(position) <= kept for position in range(200)]


def test_neighbouring_wrong_chunks_are_one_range() -> None:
    right = np.ones(200, np.bool_)
    right[[0, 77, 78, 199]] = False

    assert wrong_ranges(INDEX, right) == [
        (0, 1000),
        (INDEX.start(77), INDEX.end(78)),
        (INDEX.start(199), len(BLOB)),
    ]


def test_a_right_blob_has_no_wrong_ranges() -> None:
    assert wrong_ranges(INDEX, np.ones(200, np.bool_)) == []
    assert wrong_ranges(index_of([]), np.ones(0, np.bool_)) == []
