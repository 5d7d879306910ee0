import os
import random
import time
from itertools import accumulate, pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

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


def test_nothing_of_a_longer_index_is_right_in_an_empty_blob(
    tmp_path: Path, workers: Workers
) -> None:
    (tmp_path / "blob").touch()

    assert compared(tmp_path / "blob", INDEX, workers) == [False] * 200


PAGE = 4096
PAGES = st.lists(st.booleans(), max_size=12)
"""Which pages of a file are data; the others are holes."""


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(PAGES, st.lists(st.integers(1, 3 * PAGE), min_size=1, max_size=9), st.randoms())
def test_chunks_in_holes_are_right_where_they_are_zero(
    tmp_path: Path, workers: Workers, pages: list[bool], lengths: list[int], chooser: random.Random
) -> None:
    path = tmp_path / "blob"
    with path.open("wb") as file:
        file.truncate(len(pages) * PAGE - chooser.choice([0, 1, 17]) if pages else 0)
        for number, is_data in enumerate(pages[:-1]):
            if is_data:
                os.pwrite(file.fileno(), chooser.choice([b"x", b"\0"]) * PAGE, number * PAGE)
    content = path.read_bytes().ljust(sum(lengths), b"\0")
    ends = [0, *accumulate(lengths)]
    there = [content[begin:end] for begin, end in pairwise(ends)]
    right = [chooser.random() < 0.7 for _ in there]
    size = path.stat().st_size
    index = index_of(
        [chunk if flag else b"y" * len(chunk) for chunk, flag in zip(there, right, strict=True)]
    )

    assert compared(path, index, workers) == [
        flag and end <= size for flag, end in zip(right, ends[1:], strict=True)
    ]


def test_a_hole_is_not_read(tmp_path: Path, workers: Workers) -> None:
    chunk, count = 8 << 20, 4096
    index = index_of([bytes(chunk)])
    ends = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(chunk)
    ids = np.tile(index.ids, (count, 1))
    ids[7] = 1
    (tmp_path / "blob").touch()
    os.truncate(tmp_path / "blob", chunk * count)
    began = time.process_time()

    right = compared(tmp_path / "blob", Index(index.flags, index.sizes, ends, ids), workers)

    assert [place for place, flag in enumerate(right) if not flag] == [7]
    assert time.process_time() - began < 5  # reading 32 GiB takes longer on any machine


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
