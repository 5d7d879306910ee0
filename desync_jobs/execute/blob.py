"""Putting one blob together: to a hidden file that replaces the target, or in place."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from desync_jobs.assembly.compare import compare_blob
from desync_jobs.assembly.journal import Journal, Pace
from desync_jobs.assembly.journal_place import journal_path
from desync_jobs.assembly.pending import Durability
from desync_jobs.assembly.placing import Target
from desync_jobs.assembly.zeros import zero_chunk_id
from desync_jobs.core.ranges import Ranges
from desync_jobs.errors import InvalidDataError, TargetError
from desync_jobs.execute.blob_digest import check_digest
from desync_jobs.execute.disks import disk_facts
from desync_jobs.execute.extraction import Extraction
from desync_jobs.execute.holdings import Wanted, look_up
from desync_jobs.execute.indexes import find_index
from desync_jobs.execute.inputs import file_facts, open_input
from desync_jobs.execute.opening import cache_place, source_facts
from desync_jobs.execute.reading_back import read_back
from desync_jobs.execute.result import Done
from desync_jobs.execute.resume import journalled, left_behind, remembered, tidy
from desync_jobs.execute.seed_index import keep_indexes
from desync_jobs.execute.seed_survey import SeedSurvey
from desync_jobs.execute.staging import staged_facts, staged_target
from desync_jobs.execute.statistics import Share, source_statistics
from desync_jobs.execute.targets import (
    check_unharmed,
    make_room,
    set_size,
    sync_in_place,
    take_space,
    target_in_place,
    written_directly,
)
from desync_jobs.execute.task import Task
from desync_jobs.formats.index import Index
from desync_jobs.manifest.operations.extract import ExtractSpec, OneExtractSpec
from desync_jobs.planner.blob import ExtractFacts
from desync_jobs.planner.cost import Cost
from desync_jobs.planner.extraction import ExtractDetail
from desync_jobs.planner.extraction_cost import extraction_cost
from desync_jobs.planner.facts import FileFacts, FileKind, IndexFacts
from desync_jobs.stores.base import ChunkSource

_PACES = {Durability.NONE: Pace(size=1 << 62, seconds=float("inf"))}
"""Where nothing is to be synced, a journal helps after a kill, and not after a power cut."""


def survey_blob(task: Task[OneExtractSpec], seeds: SeedSurvey) -> ExtractFacts:
    """Read the index and hold a target that is there against it.

    `seeds` are asked for where the blob is not there.
    """
    spec, streams = task.spec, task.machine.streams
    found = find_index(task, spec.index)
    target = file_facts(task.path(spec.target), streams)
    stores = source_facts(task, spec.stores)
    if found is None:
        return ExtractFacts(None, target, None, frozenset(), stores)
    facts = ExtractFacts(
        found,
        target,
        None,
        _zero_ids(found.index),
        stores,
        leftovers=left_behind(target.path),
        disk=None if target.kind is FileKind.DEVICE else disk_facts(target.path),
        cache=cache_place(task, spec.cache),
    )
    survey = _survey_in_place if spec.in_place else _survey_staged
    facts = survey(task, facts, found)
    if not _all(facts.right):
        return replace(facts, seeds=seeds.serving(found))
    if facts.staged is None:
        with open_input(target.path, streams) as fd:
            check_digest(task, Target(fd, target.path), found.index)
    return facts


def _survey_in_place(
    task: Task[OneExtractSpec], facts: ExtractFacts, found: IndexFacts
) -> ExtractFacts:
    target, resumed = facts.target, None
    if facts.leftovers and target.kind in {FileKind.REGULAR, FileKind.DEVICE}:
        resumed = remembered(task, target, found, journal_path(target.path))
    right = _right(task, target, found.index) if resumed is None else resumed
    return replace(facts, right=right, resumed=resumed is not None)


def _survey_staged(
    task: Task[OneExtractSpec], facts: ExtractFacts, found: IndexFacts
) -> ExtractFacts:
    right = _right(task, facts.target, found.index)
    staged = None
    if facts.leftovers and not _all(right):
        staged = staged_facts(facts.target.path, task.machine.streams)
    if staged is not None:
        resumed = remembered(task, staged, found, journal_path(facts.target.path))
        if resumed is not None:
            return replace(facts, right=resumed, resumed=True, staged=staged)
    return replace(facts, right=right)


def _all(right: NDArray[np.bool_] | None) -> bool:
    return right is not None and bool(right.all())


def _zero_ids(index: Index) -> frozenset[bytes]:
    """Return the IDs of zeros: of the largest chunk, and of the blob's last where it is shorter."""
    if not len(index):
        return frozenset()
    lengths = {index.sizes.maximum, index.length(len(index) - 1)}
    return frozenset(zero_chunk_id(index.algorithm, length) for length in lengths)


def _right(task: Task[ExtractSpec], target: FileFacts, index: Index) -> NDArray[np.bool_] | None:
    """Return which chunks the target has; stops early where only "all" would help."""
    in_place = task.spec.in_place
    if target.kind is FileKind.REGULAR:
        if not in_place and target.size != index.blob_size:
            return None
    elif target.kind is not FileKind.DEVICE or not in_place:
        return None
    machine = task.machine
    size = min(target.size, index.blob_size)
    machine.progress.expect(size)
    phase = task.phase("examining", size)
    right = np.zeros(len(index), np.bool_)
    with open_input(target.path, machine.streams) as fd:
        for part in compare_blob(fd, target.path, index, machine.workers, machine.kernel):
            right[part.first : part.last] = part.right
            phase.advance(min(part.size, size - phase.done))
            if not in_place and not part.right.all():
                break
    machine.progress.expect(phase.done - size)
    return right


def blob_cost(task: Task[ExtractSpec], detail: ExtractDetail, source: ChunkSource) -> Cost:
    """Return what one blob costs, with the chunks that `source` has."""
    index, sources = detail.index, detail.assembly.fetched.sources
    wanted = Wanted(index.ids_at(sources), index.lengths_at(sources))
    return extraction_cost(task.spec, detail, look_up(task, source, wanted))


def do_blob(task: Task[ExtractSpec], detail: ExtractDetail, source: ChunkSource, work: int) -> Done:
    """Put the blob together, `work` bytes to write, with chunks that `source` has.

    The target is published only when every position is right.
    """
    if detail.complete:
        tidy(detail.target.path)
        held = Share(len(detail.index), detail.index.blob_size)
        sources = source_statistics({"in place": held})
        return Done(statistics={**detail.statistics(), "stores": {}, "sources": sources})
    keep_indexes(task, detail.seeds, detail.index)
    with _opened(task, detail) as (opened, journal), _written(task, detail, opened) as target:
        extraction = Extraction(task, detail, target, journal, source)
        extraction.run(work)
        _prove(task, detail, target, journal)
        block_size = os.fstat(target.fd).st_blksize
    # What runs of the other way of writing left, or about other indexes.
    tidy(detail.target.path)
    return Done(statistics={**extraction.statistics(), "block_size": block_size})


def _prove(
    task: Task[ExtractSpec], detail: ExtractDetail, target: Target, journal: Journal | None
) -> None:
    """Check what the manifest asks for; what fails is not for the next run to rely on."""
    try:
        read_back(task, detail, target)
        check_digest(task, target, detail.index)
    except (TargetError, InvalidDataError):
        if journal is not None:
            journal.doubt()
        raise
    task.machine.cancel.check()


def _written(
    task: Task[ExtractSpec], detail: ExtractDetail, target: Target
) -> AbstractContextManager[Target]:
    """Lend `target` to be written as the manifest says."""
    if not task.spec.direct_io:
        return nullcontext(target)
    if not (task.spec.in_place or detail.seeds or len(detail.assembly.zeros)):
        take_space(target, detail.index.blob_size)
    return written_directly(target, Durability(task.spec.durability), task.warn)


@contextmanager
def _opened(
    task: Task[ExtractSpec], detail: ExtractDetail
) -> Iterator[tuple[Target, Journal | None]]:
    """Lend the file to write to, and its journal if it has one."""
    durability = Durability(task.spec.durability)
    pace = _PACES.get(durability, Pace())
    if not task.spec.in_place:
        with staged_target(task, detail, pace) as opened:
            yield opened
        return
    size = detail.index.blob_size
    with (
        target_in_place(detail.target) as target,
        journalled(task, target, detail, pace) as journal,
    ):
        # Larger at once, smaller only at the end: what is there now may be a seed.
        make_room(target, size)
        if journal is not None:
            for first, last in Ranges.of(detail.held).blocks():
                journal.note(np.arange(first, last), 0)
        yield target, journal
        _check_unharmed(detail, target, journal)
        set_size(target, size)
        # Synced before the journal goes: a target without one is whole.
        sync_in_place(target, detail.target, durability)


def _check_unharmed(detail: ExtractDetail, target: Target, journal: Journal | None) -> None:
    """Raise `TargetError` where others changed the target; then its journal is not believed."""
    try:
        check_unharmed(target, max(detail.target.size, detail.index.blob_size))
    except TargetError:
        if journal is not None:
            journal.doubt()
        raise
