"""A blob of 1 TiB that is nearly all zeros: its index has four million rows, and takes no room.

Every operation on it stays within 150 MB, interpreter and libraries included.
"""

import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pytest
import zstandard

from desync_jobs.assembly.zeros import zero_chunk_id
from desync_jobs.core.chunk import DigestAlgorithm
from desync_jobs.core.sizes import ChunkSizes
from desync_jobs.formats.index_layout import index_header, index_rows, index_tail
from tests.faults.chunkfiles import scratch_folder
from tests.faults.measuring import Measure, Took

ALGORITHM: Final = DigestAlgorithm.SHA512_256
SIZES: Final = ChunkSizes(65536, 131072, 262144)
CHUNKS: Final = (1 << 40) // SIZES.maximum
DIFFERENT: Final = 2000
PEAK: Final = 150 * 1_000_000
SECONDS: Final = 60


def content(number: int) -> bytes:
    return number.to_bytes(8, "little") * (SIZES.maximum // 8)


@dataclass(frozen=True)
class Sparse:
    """The blob, its index, and a store with the chunks that are not zero."""

    folder: Path
    places: list[int]

    @property
    def index(self) -> str:
        return str(self.folder / "blob.caibx")

    @property
    def store(self) -> str:
        return str(self.folder / "store")

    @property
    def blob(self) -> Path:
        return self.folder / "blob"

    def is_at(self, path: Path) -> bool:
        """Whether `path` is the blob, looked at where it is not zero and in some holes."""
        size = SIZES.maximum
        with path.open("rb") as file:
            found = [os.pread(file.fileno(), size, place * size) for place in self.places[::10]]
            holes = [os.pread(file.fileno(), size, place * size) for place in (0, CHUNKS - 1)]
            kept = os.fstat(file.fileno())
        return (
            kept.st_size == CHUNKS * size
            and kept.st_blocks * 512 <= 2 * DIFFERENT * size
            and found == [content(number) for number in range(1, DIFFERENT + 1, 10)]
            and holes == [bytes(size)] * 2
        )


@pytest.fixture(scope="module")
def sparse() -> Iterator[Sparse]:
    random = np.random.default_rng(40)
    places = np.sort(random.choice(np.arange(1, CHUNKS - 1), DIFFERENT, replace=False))
    zero = np.frombuffer(zero_chunk_id(ALGORITHM, SIZES.maximum), np.uint8)
    ids = np.tile(zero, (CHUNKS, 1))
    compressor = zstandard.ZstdCompressor()
    with tempfile.TemporaryDirectory(dir=scratch_folder()) as name:
        made = Sparse(Path(name), places.tolist())
        with made.blob.open("wb") as blob:
            blob.truncate(CHUNKS * SIZES.maximum)
            for number, place in enumerate(made.places, 1):
                data = content(number)
                os.pwrite(blob.fileno(), data, place * SIZES.maximum)
                chunk_id = ALGORITHM.of(data)
                ids[place] = np.frombuffer(chunk_id, np.uint8)
                path = Path(made.store, chunk_id.hex()[:4], f"{chunk_id.hex()}.cacnk")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(compressor.compress(data))
        with open(made.index, "wb") as index:
            index.write(index_header(0xB000000000000000, SIZES))
            ends = np.arange(1, CHUNKS + 1, dtype=np.uint64) * np.uint64(SIZES.maximum)
            index.write(index_rows(ends, ids))
            index.write(index_tail(CHUNKS))
        yield made


@pytest.fixture
def target(sparse: Sparse) -> Iterator[Path]:
    path = sparse.folder / "target"
    yield path
    path.unlink(missing_ok=True)


def assert_within_what_is_promised(took: Took, code: int = 0) -> None:
    print(f"{took.seconds:.1f} s, {took.peak / 1_000_000:.0f} MB")  # noqa: T201 -- the figures are wanted

    assert (took.code, took.said) == (code, "")
    assert took.peak <= PEAK
    assert took.seconds <= SECONDS


def test_extracting_it(sparse: Sparse, target: Path, measure: Measure) -> None:
    took = measure("extract", "--quiet", "-s", sparse.store, sparse.index, str(target))

    assert_within_what_is_promised(took)
    assert sparse.is_at(target)


def test_extracting_it_from_a_seed(sparse: Sparse, target: Path, measure: Measure) -> None:
    empty = sparse.folder / "empty"
    empty.mkdir()
    seed = f"{sparse.index}:{sparse.blob}"
    took = measure(
        "extract", "--quiet", "-s", str(empty), "--seed", seed, sparse.index, str(target)
    )

    assert_within_what_is_promised(took)
    assert sparse.is_at(target)


def test_counting_and_listing_its_chunks(sparse: Sparse, measure: Measure) -> None:
    with tempfile.TemporaryFile() as output:
        took = measure("info", sparse.index, stdout=output.fileno())
        output.seek(0)
        figures = json.load(output)

    assert_within_what_is_promised(took)
    assert (figures["total"], figures["unique"]) == (CHUNKS, DIFFERENT + 1)
    assert_within_what_is_promised(measure("list-chunks", sparse.index))


def test_writing_a_part_of_it(sparse: Sparse, target: Path, measure: Measure) -> None:
    first = sparse.places[5] * SIZES.maximum
    part = ("-o", str(first - 10), "-l", "20")
    took = measure("cat", "-s", sparse.store, *part, sparse.index, str(target))

    assert_within_what_is_promised(took)
    assert target.read_bytes() == bytes(10) + content(6)[:10]


def test_keeping_its_chunks(sparse: Sparse, measure: Measure) -> None:
    kept = sparse.folder / "kept"
    took = measure("chop", "--quiet", "-s", str(kept), sparse.index, str(sparse.blob))

    assert_within_what_is_promised(took)
    assert len(list(kept.glob("*/*.cacnk"))) == DIFFERENT + 1


def test_planning_its_extraction(sparse: Sparse, measure: Measure) -> None:
    job = sparse.folder / "job.toml"
    job.write_text(
        'version = 1\n[stores.near]\nurl = "store"\n[operations.o]\nkind = "extract"\n'
        'index = "blob.caibx"\ntarget = "new"\nstores = ["near"]\n'
    )
    took = measure("plan", str(job))

    assert_within_what_is_promised(took)


def test_finding_that_it_is_right_already(sparse: Sparse, measure: Measure) -> None:
    """Holes that are to be zeros are not read."""
    before = sparse.blob.stat()
    took = measure("extract", "-q", "-k", "-s", sparse.store, sparse.index, str(sparse.blob))
    verified = measure("verify-index", "--quiet", sparse.index, str(sparse.blob))

    assert_within_what_is_promised(took)
    assert_within_what_is_promised(verified)
    assert sparse.blob.stat() == before


def test_putting_it_into_an_empty_file_in_place(
    sparse: Sparse, target: Path, measure: Measure
) -> None:
    target.touch()
    os.truncate(target, CHUNKS * SIZES.maximum)
    took = measure("extract", "-q", "-k", "-s", sparse.store, sparse.index, str(target))

    assert_within_what_is_promised(took)
    assert sparse.is_at(target)
