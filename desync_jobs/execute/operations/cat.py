"""Doing `cat`: chunks fetched in parallel, written in order."""

from collections.abc import Iterator
from contextlib import ExitStack

from desync_jobs.assembly.batches import batches
from desync_jobs.assembly.extracting import plain_of
from desync_jobs.assembly.seed_source import SeedSource, shares_chunks
from desync_jobs.assembly.seeding import OpenSeed
from desync_jobs.assembly.zeros import zero_chunk_id
from desync_jobs.core.chunk import BytesLike
from desync_jobs.core.segments import Positions
from desync_jobs.errors import SourceError
from desync_jobs.execute.inputs import open_input, output_facts, read_index
from desync_jobs.execute.opening import Reading, open_sources, source_facts
from desync_jobs.execute.outputs import open_output
from desync_jobs.execute.result import Done
from desync_jobs.execute.seed_index import keep_indexes
from desync_jobs.execute.seeds import survey_seeds
from desync_jobs.execute.task import Task
from desync_jobs.manifest.operations.cat import CatSpec
from desync_jobs.planner.operations.cat import CatDetail, CatFacts
from desync_jobs.planner.plan import Step
from desync_jobs.report.words import counted
from desync_jobs.stores.base import ChunkSource


def survey_cat(task: Task[CatSpec]) -> CatFacts:
    """Read the index and look at the stores."""
    spec, streams = task.spec, task.machine.streams
    found = read_index(task.path(spec.index), streams)
    return CatFacts(
        found,
        output_facts(task.path(spec.output), streams),
        source_facts(task, spec.stores),
        () if found is None else survey_seeds(task, spec.seeds, found),
    )


def do_cat(task: Task[CatSpec], step: Step) -> Done:
    """Write the range; a file appears only when all of it is there."""
    detail = step.detail_as(CatDetail)
    keep_indexes(task, detail.seeds, detail.index)
    phase = task.phase("reading", step.cost.work)
    with ExitStack() as opened:
        source = _source(task, detail, opened)
        output = opened.enter_context(
            open_output(task.path(task.spec.output), task.machine.streams)
        )
        for piece in _pieces(task, detail, source):
            output.write(piece)
            phase.advance(len(piece))
        for complaint, count in source.lacking().items():
            task.warn(f"{complaint}: taken from elsewhere: {counted(count, 'chunk')}")
        status = output.finish()
    return Done(status, {"bytes": phase.done, "chunks": detail.last - detail.first})


def _source(task: Task[CatSpec], detail: CatDetail, opened: ExitStack) -> SeedSource:
    """Open the seeds that can serve, and behind them cache and stores."""
    index, machine = detail.index, task.machine
    stores = open_sources(task, Reading(index.algorithm, index.largest))
    seeds = []
    for seed in detail.seeds:
        if shares_chunks(seed.index, index.ids_at(index.distinct(detail.first, detail.last))):
            try:
                fd = opened.enter_context(open_input(seed.blob.path, machine.streams))
            except SourceError as error:
                task.warn(f"seed {seed.name}: {error}; it is not used")
            else:
                name = f"seed {seed.name} ({seed.blob.path})"
                seeds.append(OpenSeed(fd, name, seed.index))
    return SeedSource(seeds, stores, machine.kernel, index.largest)


def _pieces(task: Task[CatSpec], detail: CatDetail, source: ChunkSource) -> Iterator[BytesLike]:
    index = detail.index
    zero_id = zero_chunk_id(index.algorithm, index.sizes.maximum)
    zeros = bytes(index.sizes.maximum)

    def fetch(positions: Positions) -> list[BytesLike]:
        wanted = [index.id(position) for position in positions.tolist()]
        asked = list(dict.fromkeys(one for one in wanted if one != zero_id))
        answers = dict(zip(asked, source.fetch(asked), strict=True))
        return [
            zeros if one == zero_id else plain_of(answers[one], index, position)
            for one, position in zip(wanted, positions.tolist(), strict=True)
        ]

    position = detail.first
    for pieces in task.machine.workers.ordered(
        fetch, batches(index, range(detail.first, detail.last))
    ):
        for piece in pieces:
            start = index.start(position)
            yield memoryview(piece)[max(detail.begin - start, 0) : detail.end - start]
            position += 1
