"""Doing `extract`: to a temporary file and rename, or in place."""

import os

import numpy as np
from numpy.typing import NDArray

from desync_jobs.assembly.compare import compare_blob
from desync_jobs.assembly.pending import Durability
from desync_jobs.assembly.placing import Target
from desync_jobs.assembly.zeros import zero_chunk_id
from desync_jobs.execute.blob_digest import check_digest
from desync_jobs.execute.extraction import Extraction
from desync_jobs.execute.inputs import file_facts, open_input, read_index
from desync_jobs.execute.opening import source_facts
from desync_jobs.execute.reading_back import read_back
from desync_jobs.execute.result import Done
from desync_jobs.execute.seeds import survey_seeds
from desync_jobs.execute.targets import target_beside, target_in_place
from desync_jobs.execute.task import Task
from desync_jobs.formats.index import Index
from desync_jobs.manifest.operations.extract import ExtractSpec
from desync_jobs.planner.extraction import ExtractDetail
from desync_jobs.planner.facts import FileFacts, FileKind
from desync_jobs.planner.operations.extract import ExtractFacts
from desync_jobs.planner.plan import Step


def survey_extract(task: Task[ExtractSpec]) -> ExtractFacts:
    """Read the index and hold a target that is there against it."""
    spec, streams = task.spec, task.machine.streams
    found = read_index(task.path(spec.index), streams)
    target = file_facts(task.path(spec.target), streams)
    stores = source_facts(task, spec.stores)
    if found is None:
        return ExtractFacts(None, target, None, frozenset(), stores)
    right = _right(task, target, found.index)
    zero_ids = _zero_ids(found.index)
    if right is None or not right.all():
        seeds = survey_seeds(task, spec.seeds, found)
        return ExtractFacts(found, target, right, zero_ids, stores, seeds)
    with open_input(target.path, streams) as fd:
        check_digest(task, Target(fd, target.path), found.index)
    return ExtractFacts(found, target, right, zero_ids, stores)


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


def do_extract(task: Task[ExtractSpec], step: Step) -> Done:
    """Put the blob together; the target is published only when every position is right."""
    detail = step.detail_as(ExtractDetail)
    durability = Durability(task.spec.durability)
    opened = target_in_place if task.spec.in_place else target_beside
    with opened(detail.target, detail.index.blob_size, durability) as target:
        extraction = Extraction(task, detail, target, step.cost.work)
        extraction.run()
        read_back(task, detail, target)
        check_digest(task, target, detail.index)
        task.machine.cancel.check()
        block_size = os.fstat(target.fd).st_blksize
    return Done(statistics={**extraction.statistics(), "block_size": block_size})
