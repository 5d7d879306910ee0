"""Seeds → target: runs of neighbouring chunks that a local blob already has.

Every byte is checked once: a range that is cloned is read back from the target, one that is
copied is digested on its way. So it does not matter whether a seed is what its index says, or
changes meanwhile: chunks that come out wrong are reported and left to whoever has them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from desync_jobs.assembly.buffers import Buffers, read_range
from desync_jobs.assembly.cloning import RangeCopier
from desync_jobs.assembly.placing import Target, write_placed
from desync_jobs.assembly.workers import Workers
from desync_jobs.core.digest import digest_many
from desync_jobs.core.kernel import Kernel
from desync_jobs.core.matching import Run, Runs
from desync_jobs.errors import SourceError
from desync_jobs.formats.index import Index
from desync_jobs.stores.base import BATCH_BYTES, BATCH_CHUNKS


@dataclass(frozen=True, slots=True)
class OpenSeed:
    """A seed that can be read."""

    fd: int
    name: str
    """How messages call it."""
    index: Index

    @property
    def wrong(self) -> str:
        """What is said where it does not have what its index says."""
        return f"{self.name} is not what its index says"

    def read(self, view: memoryview, offset: int) -> int:
        """Fill `view` from `offset`; returns how many bytes there are before the blob's end.

        Raises `SourceError` where it cannot be read.
        """
        return read_range(self.fd, view, offset, self.name)


@dataclass(frozen=True, slots=True)
class Seeded:
    """What one stretch of a run brought."""

    places: list[int]
    """Positions that are right now."""
    size: int
    """Bytes of them."""
    cloned: int
    """Bytes that share their blocks with the seed: of the whole run, told by its first stretch,
    less what came out wrong."""
    seed: int
    """Number of the seed."""
    wrong: list[int]
    """Positions that the seed did not have as its index says."""
    problem: SourceError | None = None
    """Why the seed could not be read, where that was it."""


@dataclass(frozen=True, slots=True)
class Machinery:
    """What works: threads, digests, and the way ranges get from file to file."""

    workers: Workers
    kernel: Kernel
    copier: RangeCopier


def seed_into(
    target: Target, index: Index, runs: Runs, seeds: Mapping[int, OpenSeed], machinery: Machinery
) -> Iterator[Seeded]:
    """Bring `runs` from `seeds`, found by their numbers, into `target`; yields after each stretch.

    A seed that cannot be read has nothing right. Raises `TargetError` where the target cannot be
    written, and `SourceError` where what was cloned into it cannot be read back.
    """
    seeding = _Seeding(target, index, seeds, machinery)
    return machinery.workers.ordered(seeding.bring, seeding.stretches(runs))


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A part of a run that one thread works on."""

    run: Run
    cloned: int
    """Bytes of the run that are in the target already, told by its first stretch."""
    here: bool
    """Whether the target has the stretch already."""


class _Seeding:
    def __init__(
        self, target: Target, index: Index, seeds: Mapping[int, OpenSeed], machinery: Machinery
    ) -> None:
        self._target = target
        self._index = index
        self._seeds = seeds
        self._machinery = machinery
        self._buffers = Buffers()

    def stretches(self, runs: Runs) -> Iterator[_Stretch]:
        """Clone each run as a whole, where that is possible, and cut it into stretches."""
        for run in runs:
            cloned = shared = self._cloned(run)
            first = run.first
            while first < run.last:
                last = self._stretch_end(first, run.last)
                part = Run(first, last, run.seed, run.at + first - run.first)
                yield _Stretch(part, cloned, shared > 0)
                first, cloned = last, 0

    def _cloned(self, run: Run) -> int:
        seed = self._seeds[run.seed]
        begin, end = self._index.start(run.first), self._index.end(run.last - 1)
        source = seed.index.start(run.at)
        try:
            return self._machinery.copier.clone(seed, source, self._target, begin, end - begin)
        except SourceError:
            # Who reads it stretch by stretch finds out how much of it there is.
            return 0

    def _stretch_end(self, first: int, last: int) -> int:
        limit = self._index.start(first) + BATCH_BYTES
        end = first + 1
        while end < min(last, first + BATCH_CHUNKS) and self._index.end(end) <= limit:
            end += 1
        return end

    def bring(self, stretch: _Stretch) -> Seeded:
        """Check what was cloned, or read, check and write; returns what is right."""
        run = stretch.run
        begin, end = self._index.start(run.first), self._index.end(run.last - 1)
        with self._buffers.borrow(end - begin) as view:
            try:
                found = self._read(stretch, view, begin)
            except SourceError as error:
                if stretch.here:
                    raise
                return Seeded([], 0, stretch.cloned, run.seed, [*range(run.first, run.last)], error)
            right = self._right(run, view[:found])
            if not stretch.here:
                placed = [(self._index.start(place), piece) for place, piece in right.items()]
                write_placed(self._target, placed)
            size = sum(map(len, right.values()))
        wrong = [position for position in range(run.first, run.last) if position not in right]
        cloned = stretch.cloned - (end - begin - size if stretch.here else 0)
        return Seeded(list(right), size, cloned, run.seed, wrong)

    def _read(self, stretch: _Stretch, view: memoryview, begin: int) -> int:
        if stretch.here:
            return read_range(self._target.fd, view, begin, self._target.name)
        seed = self._seeds[stretch.run.seed]
        return seed.read(view, seed.index.start(stretch.run.at))

    def _right(self, run: Run, view: memoryview) -> dict[int, memoryview]:
        """Return the pieces of `view` that have the IDs of their positions."""
        begin = self._index.start(run.first)
        pieces = {
            position: view[self._index.start(position) - begin : self._index.end(position) - begin]
            for position in range(run.first, run.last)
            if self._index.end(position) - begin <= len(view)
        }
        digests = digest_many(self._machinery.kernel, self._index.algorithm, list(pieces.values()))
        return {
            position: piece
            for (position, piece), digest in zip(pieces.items(), digests, strict=True)
            if digest == self._index.id(position)
        }
