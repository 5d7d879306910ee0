"""Reading a range of a blob from an index: chunks fetched in parallel, given in order."""

import sys
from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing, contextmanager
from resource import RLIM_INFINITY, RLIMIT_NOFILE, getrlimit
from typing import Protocol, TypeVar

import numpy as np

from desync_jobs.archive.tree_seed import TreeSeed
from desync_jobs.assembly.batches import batches
from desync_jobs.assembly.extracting import plain_of
from desync_jobs.assembly.seed_source import ReadableSeed, SeedSource, shares_chunks
from desync_jobs.assembly.seeding import OpenSeed
from desync_jobs.assembly.workers import Workers
from desync_jobs.assembly.zeros import zero_chunk_id
from desync_jobs.core.chunk import BytesLike
from desync_jobs.core.segments import Positions
from desync_jobs.errors import SourceError
from desync_jobs.execute.holdings import Wanted, look_up
from desync_jobs.execute.indexes import find_index
from desync_jobs.execute.inputs import open_input
from desync_jobs.execute.opening import Reading, cache_place, open_sources, source_facts
from desync_jobs.execute.seed_index import keep_indexes
from desync_jobs.execute.seeds import survey_seeds
from desync_jobs.execute.statistics import Share, place_statistics, source_statistics
from desync_jobs.execute.task import Task
from desync_jobs.execute.tree_seeds import forget_tree, open_trees, survey_trees
from desync_jobs.planner.blob_range import BlobRange, RangeFacts, range_cost, range_reads
from desync_jobs.planner.fetched import FetchedCost
from desync_jobs.report.words import counted
from desync_jobs.stores.base import ChunkSource


class Seeded(Protocol):
    """A spec of an operation that reads a blob from an index."""

    @property
    def stores(self) -> tuple[str, ...]:
        """Names of the stores, in the order they are asked."""
        ...

    @property
    def cache(self) -> str | None:
        """Name of the cache."""
        ...

    @property
    def cache_repair(self) -> bool:
        """Whether damaged chunks of the cache are fetched again."""
        ...

    @property
    def chunks_info(self) -> str | None:
        """A file that `inspect-chunks` wrote."""
        ...

    @property
    def seeds(self) -> tuple[str, ...]:
        """Names of the seeds, the preferred first."""
        ...


S = TypeVar("S", bound=Seeded)


def survey_range(task: Task[S], index: str) -> RangeFacts:
    """Read the index that the manifest calls `index`, and look at seeds, cache and stores."""
    spec = task.spec
    found = find_index(task, index)
    return RangeFacts(
        found,
        source_facts(task, spec.stores),
        () if found is None else survey_seeds(task, spec.seeds, found),
        cache_place(task, spec.cache),
        survey_trees(task, spec.seeds),
    )


def preview_range(task: Task[S], wanted: BlobRange) -> FetchedCost:
    """Look where each chunk to be fetched is, and say what the range costs by that."""
    index = wanted.index
    sizes = [len(part) for part in batches(index, range(wanted.first, wanted.last))]
    batch = np.repeat(np.arange(len(sizes)), sizes)
    reads = range_reads(wanted, batch, zero_chunk_id(index.algorithm, index.sizes.maximum))
    asked = Wanted(index.ids_at(reads.fetched), index.lengths_at(reads.fetched))
    source = open_sources(task, Reading(index.algorithm, index.largest))
    return range_cost(task.spec, wanted, reads, look_up(task, source, asked))


class RangeReading:
    """A range that is being read, once."""

    def __init__(
        self,
        workers: Workers,
        wanted: BlobRange,
        stores: ChunkSource,
        source: SeedSource,
        names: tuple[str, ...],
        trees: tuple[TreeSeed, ...],
    ) -> None:
        self._workers = workers
        self._wanted = wanted
        self._stores = stores
        self._source = source
        self._names = names
        self.trees = trees
        """Seeds whose files have some of the range."""
        self._zeros = bytes(wanted.index.sizes.maximum)
        self._zero_id = zero_chunk_id(wanted.index.algorithm, len(self._zeros))
        self._nobodys = Share()
        """The chunks that nobody was asked for."""
        self.pieces = self._in_order()
        """The range's bytes in order, every chunk verified."""

    def _in_order(self) -> Generator[BytesLike, None, None]:
        wanted, index = self._wanted, self._wanted.index
        position = wanted.first
        covered = batches(index, range(wanted.first, wanted.last))
        for pieces in self._workers.ordered(self._fetched, covered):
            for piece in pieces:
                if piece is self._zeros:
                    self._nobodys.add(1, len(piece))
                start = index.start(position)
                yield memoryview(piece)[max(wanted.begin - start, 0) : wanted.end - start]
                position += 1

    def _fetched(self, positions: Positions) -> list[BytesLike]:
        index = self._wanted.index
        wanted = [index.id(position) for position in positions.tolist()]
        asked = list(dict.fromkeys(one for one in wanted if one != self._zero_id))
        answers = dict(zip(asked, self._source.fetch(asked), strict=True))
        return [
            self._zeros if one == self._zero_id else plain_of(answers[one], index, position)
            for one, position in zip(wanted, positions.tolist(), strict=True)
        ]

    def statistics(self) -> dict[str, object]:
        """Return how many chunks the range has, and what each place and source gave."""
        shares = dict(
            zip(self._names, (Share(*given) for given in self._source.given()), strict=True)
        )
        return {
            "chunks": self._wanted.last - self._wanted.first,
            "stores": place_statistics(self._stores.counts()),
            "sources": source_statistics(shares | {"zeros": self._nobodys}),
        }


@contextmanager
def open_range(task: Task[S], wanted: BlobRange) -> Iterator[RangeReading]:
    """Open what `wanted` is read from; says at the end which seeds lacked something."""
    keep_indexes(task, wanted.seeds, wanted.index)
    with ExitStack() as opened:
        index, machine = wanted.index, task.machine
        seeds = _open_seeds(task, wanted, opened)
        trees = open_trees(task, wanted.trees, index, opened)
        stores = open_sources(task, Reading(index.algorithm, index.largest))
        every: list[ReadableSeed] = [*seeds.values(), *trees.values()]
        source = SeedSource(every, stores, machine.kernel, index.largest)
        reading = RangeReading(
            machine.workers, wanted, stores, source, (*seeds, *trees), tuple(trees.values())
        )
        # Whoever stops reading before the end leaves no thread that fetches.
        with closing(reading.pieces):
            yield reading
        lacking = source.lacking()
        for complaint, count in lacking.items():
            task.warn(f"{complaint}: taken from elsewhere: {counted(count, 'chunk')}")
        for seed in trees.values():
            if seed.wrong in lacking:
                forget_tree(seed, index)


def _open_seeds(task: Task[S], wanted: BlobRange, opened: ExitStack) -> dict[str, OpenSeed]:
    """Open the seeds that can serve, by their names in plans."""
    index = wanted.index
    seeds: dict[str, OpenSeed] = {}
    most = _most_seeds()
    for seed in wanted.seeds:
        if shares_chunks(seed.index, index.ids_at(index.distinct(wanted.first, wanted.last))):
            if len(seeds) == most:
                task.warn(
                    f"seed {seed.name} and those after it are not used: {most} are open, half as "
                    "many as files may be; raise that limit (ulimit -n)"
                )
                break
            try:
                fd = opened.enter_context(open_input(seed.blob.path, task.machine.streams))
            except SourceError as error:
                task.warn(f"seed {seed.name}: {error}; it is not used")
            else:
                name = f"seed {seed.name}"
                seeds[name] = OpenSeed(fd, f"{name} ({seed.blob.path})", seed.index)
    return seeds


def _most_seeds() -> int:
    """Return how many seeds may be open: half of all files, so that stores have the rest."""
    limit, _ = getrlimit(RLIMIT_NOFILE)
    return sys.maxsize if limit == RLIM_INFINITY else limit // 2
