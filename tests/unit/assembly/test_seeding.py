import os
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from desync_jobs.assembly.cloning import OpenFile, RangeCopier
from desync_jobs.assembly.placing import Target
from desync_jobs.assembly.seeding import Machinery, OpenSeed, Seeded, seed_into
from desync_jobs.assembly.workers import Workers
from desync_jobs.core.kernel import best
from desync_jobs.core.matching import Run, Runs
from desync_jobs.errors import SourceError, TargetError
from desync_jobs.formats.index import Index
from desync_jobs.stores.base import BATCH_BYTES, BATCH_CHUNKS
from tests.unit.assembly.indexes import index_of

CHUNKS = [random.Random(seed).randbytes(500 + 31 * seed) for seed in range(200)]


class Sharing(RangeCopier):
    """Says that it clones whatever it copies."""

    def clone(
        self,
        source: OpenFile,
        source_offset: int,
        target: Target,
        target_offset: int,
        length: int,
    ) -> int:
        return sum(self.copy(source, source_offset, target, target_offset, length))


class Failing(RangeCopier):
    """Cannot read the source when it clones."""

    def clone(self, *_: object) -> int:
        raise SourceError("cannot be read")


Open = Callable[[str, bytes], int]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    """Return a function that writes a file and opens it."""
    fds: list[int] = []

    def open_file(name: str, content: bytes) -> int:
        (tmp_path / name).write_bytes(content)
        fds.append(os.open(tmp_path / name, os.O_RDWR))
        return fds[-1]

    yield open_file
    for fd in fds:
        os.close(fd)


@pytest.fixture
def target(opened: Open) -> Target:
    return Target(opened("target", b""), "target")


def content(target: Target) -> bytes:
    return os.pread(target.fd, os.fstat(target.fd).st_size, 0)


def seed_of(opened: Open, chunks: Sequence[bytes], blob: bytes | None = None) -> OpenSeed:
    """Return a seed of `chunks`, whose blob is in fact `blob` where that is given."""
    name = f"seed {len(chunks)}"
    fd = opened(name, b"".join(chunks) if blob is None else blob)
    return OpenSeed(fd, name, index_of(chunks))


def columns(runs: Sequence[Run]) -> Runs:
    table = [(run.first, run.last, run.seed, run.at) for run in runs]
    return Runs(*np.array(table, np.int64).reshape(-1, 4).T)


def brought(
    target: Target,
    index: Index,
    runs: Sequence[Run],
    seeds: Sequence[OpenSeed],
    machinery: Machinery,
) -> list[Seeded]:
    os.ftruncate(target.fd, index.blob_size)
    return list(seed_into(target, index, columns(runs), dict(enumerate(seeds)), machinery))


@pytest.fixture(params=[RangeCopier, Sharing], ids=["copied", "cloned"])
def machinery(request: pytest.FixtureRequest, workers: Workers) -> Machinery:
    return Machinery(workers, best(), request.param())


def test_a_run_comes_from_the_middle_of_a_seed(
    target: Target, opened: Open, machinery: Machinery
) -> None:
    index = index_of(CHUNKS[40:60])
    seed = seed_of(opened, CHUNKS[30:90])
    parts = brought(target, index, [Run(0, 20, 0, 10)], [seed], machinery)

    assert content(target) == b"".join(CHUNKS[40:60])
    assert [place for part in parts for place in part.places] == list(range(20))
    assert [part.wrong for part in parts] == [[]] * len(parts)
    assert sum(part.size for part in parts) == index.blob_size


def test_runs_come_from_their_seeds_to_their_places(
    target: Target, opened: Open, machinery: Machinery
) -> None:
    index = index_of(CHUNKS[:30])
    seeds = [seed_of(opened, CHUNKS[10:20]), seed_of(opened, [*CHUNKS[20:30], *CHUNKS[:9]])]
    runs = [Run(0, 9, 1, 10), Run(12, 18, 0, 2), Run(20, 30, 1, 0)]
    parts = brought(target, index, runs, seeds, machinery)
    expected = bytearray(index.blob_size)
    for run in runs:
        begin, end = index.start(run.first), index.end(run.last - 1)
        expected[begin:end] = b"".join(CHUNKS[run.first : run.last])

    assert content(target) == bytes(expected)
    assert [part.seed for part in parts] == [1, 0, 1]


def test_a_long_run_is_brought_in_stretches_of_a_batch(
    target: Target, opened: Open, machinery: Machinery
) -> None:
    chunks = [os.urandom(300_000) for _ in range(8)] * 12
    index = index_of(chunks)
    small = index_of([b"%d" % number for number in range(500)])
    seed = seed_of(opened, chunks)
    parts = brought(target, index, [Run(0, len(chunks), 0, 0)], [seed], machinery)
    found = content(target)
    seed = seed_of(opened, [b"%d" % number for number in range(500)])
    more = brought(target, small, [Run(0, 500, 0, 0)], [seed], machinery)

    assert found == b"".join(chunks)
    assert len(parts) > 3
    assert all(part.size <= BATCH_BYTES for part in parts)
    assert [place for part in parts for place in part.places] == list(range(len(chunks)))
    assert [len(part.places) for part in more][:-1] == [BATCH_CHUNKS] * (len(more) - 1)


def test_what_is_wrong_in_a_seed_is_told_and_not_written(
    target: Target, opened: Open, workers: Workers
) -> None:
    index = index_of(CHUNKS[:20])
    blob = bytearray(b"".join(CHUNKS[:20]))
    for place in (3, 4, 17):
        blob[index.start(place)] ^= 0xFF
    seed = seed_of(opened, CHUNKS[:20], bytes(blob))
    parts = brought(
        target, index, [Run(0, 20, 0, 0)], [seed], Machinery(workers, best(), RangeCopier())
    )
    expected = bytearray(b"".join(CHUNKS[:20]))
    for place in (3, 4, 17):
        expected[index.start(place) : index.end(place)] = bytes(index.length(place))

    assert content(target) == bytes(expected)
    assert [place for part in parts for place in part.wrong] == [3, 4, 17]
    assert [part.cloned for part in parts] == [0] * len(parts)


def test_what_is_wrong_is_not_counted_as_cloned(
    target: Target, opened: Open, workers: Workers
) -> None:
    chunks = CHUNKS * 2
    index = index_of(chunks)
    blob = bytearray(b"".join(chunks))
    for place in (3, 399):
        blob[index.start(place)] ^= 0xFF
    seed = seed_of(opened, chunks, bytes(blob))
    parts = brought(
        target, index, [Run(0, 400, 0, 0)], [seed], Machinery(workers, best(), Sharing())
    )
    wrong = index.length(3) + index.length(399)

    assert len(parts) > 1
    assert [place for part in parts for place in part.wrong] == [3, 399]
    assert sum(part.cloned for part in parts) == index.blob_size - wrong
    assert sum(part.size for part in parts) == index.blob_size - wrong


@pytest.mark.parametrize("kept", [0, 700, 5_000, 9_999])
def test_a_seed_that_ends_early_has_nothing_after_its_end(
    target: Target, opened: Open, machinery: Machinery, kept: int
) -> None:
    index = index_of(CHUNKS[:20])
    seed = seed_of(opened, CHUNKS[:20], b"".join(CHUNKS[:20])[:kept])
    parts = brought(target, index, [Run(0, 20, 0, 0)], [seed], machinery)
    whole = sum(index.end(at) <= kept for at in range(20))

    assert [place for part in parts for place in part.places] == list(range(whole))
    assert [place for part in parts for place in part.wrong] == list(range(whole, 20))


def test_an_index_that_lies_about_lengths_gives_what_is_at_the_place(
    target: Target, opened: Open, machinery: Machinery
) -> None:
    """Only where a run begins is the seed's own word taken."""
    index = index_of(CHUNKS[:20])
    honest = seed_of(opened, CHUNKS[:20])
    ends = honest.index.ends.copy()
    ends[5:] += np.uint64(1)
    told = Index(honest.index.flags, honest.index.sizes, ends, honest.index.ids)
    lying = OpenSeed(honest.fd, "seed", told)
    whole = brought(target, index, [Run(0, 20, 0, 0)], [lying], machinery)
    part = brought(target, index, [Run(7, 9, 0, 7)], [lying], machinery)

    assert [place for one in whole for place in one.wrong] == []
    assert [place for one in part for place in one.wrong] == [7, 8]


@pytest.mark.parametrize("copier", [RangeCopier, Failing])
def test_a_seed_that_cannot_be_read_lacks_everything_and_says_why(
    target: Target, opened: Open, workers: Workers, tmp_path: Path, copier: type[RangeCopier]
) -> None:
    index = index_of(CHUNKS[:20])
    seed_of(opened, CHUNKS[:20])
    fd = os.open(tmp_path / "seed 20", os.O_WRONLY)
    seed = OpenSeed(fd, "seed x", index)
    (part,) = brought(
        target, index, [Run(0, 20, 0, 0)], [seed], Machinery(workers, best(), copier())
    )
    os.close(fd)

    assert (part.places, part.size, part.cloned) == ([], 0, 0)
    assert part.wrong == list(range(20))
    assert str(part.problem) == "seed x: cannot be read at 0: Bad file descriptor"


def test_a_seed_that_cannot_be_cloned_is_read(
    target: Target, opened: Open, workers: Workers
) -> None:
    index = index_of(CHUNKS[:20])
    seed = seed_of(opened, CHUNKS[:20])
    brought(target, index, [Run(0, 20, 0, 0)], [seed], Machinery(workers, best(), Failing()))

    assert content(target) == b"".join(CHUNKS[:20])


def test_a_target_that_cannot_be_read_back_is_an_error(
    opened: Open, workers: Workers, tmp_path: Path
) -> None:
    index = index_of(CHUNKS[:20])
    seed = seed_of(opened, CHUNKS[:20])
    fd = os.open(tmp_path / "target", os.O_WRONLY | os.O_CREAT)

    with pytest.raises(SourceError, match="the target: cannot be read at 0: Bad file descriptor"):
        brought(
            Target(fd, "the target"),
            index,
            [Run(0, 20, 0, 0)],
            [seed],
            Machinery(workers, best(), Sharing()),
        )
    os.close(fd)


def test_a_target_that_cannot_be_written_is_an_error(opened: Open, workers: Workers) -> None:
    index = index_of(CHUNKS[:20])
    seed = seed_of(opened, CHUNKS[:20])
    full = os.open("/dev/full", os.O_RDWR)
    runs = columns([Run(0, 20, 0, 0)])
    machinery = Machinery(workers, best(), RangeCopier())

    with pytest.raises(
        TargetError, match="full: cannot be written: No space left on device; make room"
    ):
        list(seed_into(Target(full, "full"), index, runs, {0: seed}, machinery))
    os.close(full)


def test_no_runs_bring_nothing(target: Target, machinery: Machinery) -> None:
    assert brought(target, index_of(CHUNKS[:2]), [], [], machinery) == []
