"""Extracting a blob of some gigabytes takes no more memory than one of some megabytes.

Four gibibytes of it are zeros and 300 MB are not: a disk image that was just installed.
"""

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from desync_jobs.assembly.zeros import zero_chunk_id
from desync_jobs.core.sizes import DEFAULT_SIZES
from desync_jobs.formats.index import Index, serialize_index
from tests.faults.chunkfiles import scratch_folder
from tests.faults.measuring import Measure, Took
from tests.workspace import Workspace

PEAK: Final = 150_000_000
ZEROS: Final = 4 << 30
HALF: Final = 150_000_000
BLOB: Final = HALF + ZEROS + HALF


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder in memory: the index `new.caibx`, its `store`, and the seed `old`."""
    with tempfile.TemporaryDirectory(dir=scratch_folder()) as path:
        workspace = Workspace(Path(path))
        new = np.frombuffer(np.random.default_rng(1).bytes(2 * HALF), np.uint8)
        halves = [
            workspace.make(name, part.tobytes(), chunk_size=str(DEFAULT_SIZES))
            for name, part in (("first", new[:HALF]), ("last", new[HALF:]))
        ]
        (workspace / "new.caibx").write_bytes(serialize_index(with_zeros_between(*halves)))
        old = new.copy()
        for begin in range(0, len(old), 10_000_000):
            old[begin : begin + 500_000] ^= 0xFF
        workspace.make("old", old.tobytes(), store=None, chunk_size=str(DEFAULT_SIZES))
        yield workspace.path


def with_zeros_between(first: Index, last: Index) -> Index:
    count = ZEROS // DEFAULT_SIZES.maximum
    zero = np.frombuffer(zero_chunk_id(first.algorithm, DEFAULT_SIZES.maximum), np.uint8)
    ends = np.uint64(HALF) + np.arange(1, count + 1, dtype=np.uint64) * DEFAULT_SIZES.maximum
    return Index(
        first.flags,
        DEFAULT_SIZES,
        np.concatenate([first.ends, ends, last.ends + np.uint64(HALF + ZEROS)]),
        np.concatenate([first.ids, np.tile(zero, (count, 1)), last.ids]),
    )


@pytest.fixture
def extract(folder: Path, environment: Mapping[str, str]) -> Iterator[Measure]:
    yield Measure(folder, environment)
    (folder / "copy").unlink()


def assert_little_memory_for_the_right_bytes(took: Took, folder: Path) -> None:
    blob = np.memmap(folder / "copy", mode="r")

    assert (took.code, took.said) == (0, "")
    assert took.peak <= PEAK
    assert len(blob) == BLOB
    for name, begin in (("first", 0), ("last", HALF + ZEROS)):
        assert np.array_equal(blob[begin : begin + HALF], np.memmap(folder / name, mode="r"))
    assert (folder / "copy").stat().st_blocks * 512 < 2 * HALF + (8 << 20)


def test_beside_a_seed(folder: Path, extract: Measure) -> None:
    took = extract("extract", "-s", "store", "--seed", "old.caibx:old", "new.caibx", "copy")

    assert_little_memory_for_the_right_bytes(took, folder)


def test_in_place_with_a_seed(folder: Path, extract: Measure) -> None:
    """Over a target whose ends are another version, with a hole between."""
    with (folder / "copy").open("wb") as file:
        file.write((folder / "old").read_bytes()[:HALF])
        file.seek(HALF + ZEROS)
        file.write((folder / "old").read_bytes()[HALF:])
    line = ("extract", "-k", "-s", "store", "--seed", "old.caibx:old", "new.caibx", "copy")
    took = extract(*line)

    assert_little_memory_for_the_right_bytes(took, folder)
