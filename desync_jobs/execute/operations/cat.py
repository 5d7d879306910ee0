"""Doing `cat`: chunks fetched in parallel, written in order."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from resource import RLIM_INFINITY, RLIMIT_NOFILE, getrlimit

import numpy as np

from desync_jobs.assembly.batches import batches
from desync_jobs.assembly.extracting import plain_of
from desync_jobs.assembly.seed_source import SeedSource, shares_chunks
from desync_jobs.assembly.seeding import OpenSeed
from desync_jobs.assembly.zeros import zero_chunk_id
from desync_jobs.core.chunk import BytesLike
from desync_jobs.core.segments import Positions
from desync_jobs.errors import SourceError
from desync_jobs.execute.disks import disk_facts
from desync_jobs.execute.holdings import Wanted, look_up
from desync_jobs.execute.indexes import find_index
from desync_jobs.execute.inputs import open_input, output_facts
from desync_jobs.execute.opening import Reading, cache_place, open_sources, source_facts
from desync_jobs.execute.outputs import open_output
from desync_jobs.execute.result import Done
from desync_jobs.execute.seed_index import keep_indexes
from desync_jobs.execute.seeds import survey_seeds
from desync_jobs.execute.statistics import Share, place_statistics, source_statistics
from desync_jobs.execute.task import Task
from desync_jobs.manifest.operations.cat import CatSpec
from desync_jobs.planner.facts import FileKind
from desync_jobs.planner.operations.cat import CatDetail, CatFacts, cat_cost, cat_reading
from desync_jobs.planner.plan import Step
from desync_jobs.report.words import counted
from desync_jobs.stores.base import ChunkSource


def survey_cat(task: Task[CatSpec]) -> CatFacts:
    """Read the index and look at the stores."""
    spec, streams = task.spec, task.machine.streams
    found = find_index(task, spec.index)
    output = output_facts(task.path(spec.output), streams)
    written = output.kind in {FileKind.ABSENT, FileKind.REGULAR}
    return CatFacts(
        found,
        output,
        source_facts(task, spec.stores),
        () if found is None else survey_seeds(task, spec.seeds, found),
        disk_facts(output.path) if written else None,
        cache_place(task, spec.cache),
    )


def preview_cat(task: Task[CatSpec], step: Step) -> Step:
    """Look where each chunk to be fetched is, and say what the range costs by that."""
    detail = step.detail_as(CatDetail)
    index = detail.index
    sizes = [len(part) for part in batches(index, range(detail.first, detail.last))]
    batch = np.repeat(np.arange(len(sizes)), sizes)
    reading = cat_reading(detail, batch, zero_chunk_id(index.algorithm, index.sizes.maximum))
    wanted = Wanted(index.ids_at(reading.fetched), index.lengths_at(reading.fetched))
    source = open_sources(task, Reading(index.algorithm, index.largest))
    cost = cat_cost(task.spec, detail, reading, look_up(task, source, wanted))
    return replace(step, cost=cost)


def do_cat(task: Task[CatSpec], step: Step) -> Done:
    """Write the range; a file appears only when all of it is there."""
    detail = step.detail_as(CatDetail)
    keep_indexes(task, detail.seeds, detail.index)
    phase = task.phase("reading", step.cost.work)
    with ExitStack() as opened:
        seeds = _seeds(task, detail, opened)
        stores = open_sources(task, Reading(detail.index.algorithm, detail.index.largest))
        source = SeedSource([*seeds.values()], stores, task.machine.kernel, detail.index.largest)
        output = opened.enter_context(
            open_output(task.path(task.spec.output), task.machine.streams)
        )
        pieces = _Pieces(task, detail, source)
        for piece in pieces:
            output.write(piece)
            phase.advance(len(piece))
        for complaint, count in source.lacking().items():
            task.warn(f"{complaint}: taken from elsewhere: {counted(count, 'chunk')}")
        status = output.finish()
    shares = {name: Share(*given) for name, given in zip(seeds, source.given(), strict=True)}
    statistics = {
        "bytes": phase.done,
        "chunks": detail.last - detail.first,
        "stores": place_statistics(stores.counts()),
        "sources": source_statistics(shares | {"zeros": pieces.zeros}),
    }
    return Done(status, statistics)


def _seeds(task: Task[CatSpec], detail: CatDetail, opened: ExitStack) -> dict[str, OpenSeed]:
    """Open the seeds that can serve, by their names in plans."""
    index = detail.index
    seeds: dict[str, OpenSeed] = {}
    most = _most_seeds()
    for seed in detail.seeds:
        if shares_chunks(seed.index, index.ids_at(index.distinct(detail.first, detail.last))):
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


class _Pieces:
    """The pieces of the range, in order."""

    def __init__(self, task: Task[CatSpec], detail: CatDetail, source: ChunkSource) -> None:
        self.zeros = Share()
        """The chunks that nobody was asked for."""
        self._workers = task.machine.workers
        self._detail = detail
        self._source = source
        self._zeros = bytes(detail.index.sizes.maximum)
        self._zero_id = zero_chunk_id(detail.index.algorithm, len(self._zeros))

    def __iter__(self) -> Iterator[BytesLike]:
        detail, index = self._detail, self._detail.index
        position = detail.first
        covered = batches(index, range(detail.first, detail.last))
        for pieces in self._workers.ordered(self._fetched, covered):
            for piece in pieces:
                if piece is self._zeros:
                    self.zeros.add(1, len(piece))
                start = index.start(position)
                yield memoryview(piece)[max(detail.begin - start, 0) : detail.end - start]
                position += 1

    def _fetched(self, positions: Positions) -> list[BytesLike]:
        index = self._detail.index
        wanted = [index.id(position) for position in positions.tolist()]
        asked = list(dict.fromkeys(one for one in wanted if one != self._zero_id))
        answers = dict(zip(asked, self._source.fetch(asked), strict=True))
        return [
            self._zeros if one == self._zero_id else plain_of(answers[one], index, position)
            for one, position in zip(wanted, positions.tolist(), strict=True)
        ]
