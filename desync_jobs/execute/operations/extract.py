"""Doing `extract`: to a temporary file and rename, or in place."""

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from desync_jobs.assembly.compare import compare_blob
from desync_jobs.assembly.extracting import (
    Target,
    Written,
    copy_within,
    fetch_into,
    planned_positions,
    zero_within,
)
from desync_jobs.assembly.pending import PendingFile, sync_folder
from desync_jobs.assembly.zeros import zero_chunk_id
from desync_jobs.errors import LockedError, TargetError
from desync_jobs.execute.inputs import file_facts, open_input, read_index
from desync_jobs.execute.opening import Reading, open_sources, source_facts
from desync_jobs.execute.result import Done
from desync_jobs.execute.task import Task
from desync_jobs.formats.index import Index
from desync_jobs.manifest.operations.extract import ExtractSpec
from desync_jobs.planner.facts import FileFacts, FileKind
from desync_jobs.planner.operations.extract import ExtractDetail, ExtractFacts
from desync_jobs.planner.plan import Step
from desync_jobs.stores.base import ChunkSource


def survey_extract(task: Task[ExtractSpec]) -> ExtractFacts:
    """Read the index and hold a target that is there against it."""
    spec, streams = task.spec, task.machine.streams
    found = read_index(task.path(spec.index), streams)
    target = file_facts(task.path(spec.target), streams)
    names = spec.stores if spec.cache is None else (*spec.stores, spec.cache)
    stores = source_facts(task, names)
    if found is None:
        return ExtractFacts(None, target, None, frozenset(), stores)
    zero_ids = _zero_ids(found.index)
    right = _right(task, target, found.index)
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
    source = open_sources(task, Reading(detail.index.algorithm, detail.index.largest))
    opened = _in_place(detail) if task.spec.in_place else _beside(detail)
    with opened as target:
        phase = task.phase("assembling", step.cost.work)
        positions = 0
        for batch in _parts(task, detail, target, source):
            positions += batch.positions
            phase.advance(batch.size)
        if positions != planned_positions(detail.assembly):
            raise AssertionError(f"{positions} positions written, not all that were planned")
        task.machine.cancel.check()
        block_size = os.fstat(target.fd).st_blksize
    return Done(statistics={**detail.statistics(), "block_size": block_size})


@contextmanager
def _beside(detail: ExtractDetail) -> Iterator[Target]:
    """Lend a temporary file of the right size; published where the block ends without error."""
    with PendingFile(detail.target.path) as pending:
        target = Target(pending.fd, detail.target.path)
        _set_size(target, detail.index.blob_size)
        yield target
        pending.commit()


@contextmanager
def _in_place(detail: ExtractDetail) -> Iterator[Target]:
    """Lend the target itself, locked and of the right size; synced at the end."""
    path = detail.target.path
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise TargetError(f"{path}: cannot be opened: {error.strerror}") from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        target = Target(fd, path)
        found = os.fstat(fd)
        if stat.S_ISREG(found.st_mode):
            _refuse_changed(found, detail.target)
            _set_size(target, detail.index.blob_size)
        yield target
        os.fsync(fd)
        if not detail.target.present:
            sync_folder(os.path.dirname(path))
    except BlockingIOError as error:
        raise LockedError(f"{path} is locked: another run is writing this target") from error
    except OSError as error:
        raise TargetError(f"{path}: cannot be written: {error.strerror}") from error
    finally:
        os.close(fd)


def _refuse_changed(found: os.stat_result, seen: FileFacts) -> None:
    """Raise `TargetError` where somebody wrote to the target since it was looked at.

    What was right in it may not be any more, and what was a hole may be none.
    """
    if seen.present:
        now = (found.st_dev, found.st_ino), found.st_size, found.st_mtime_ns
        same = now == (seen.identity, seen.size, seen.modified)
    else:
        same = found.st_size == 0
    if not same:
        raise TargetError(f"{seen.path} changed after it was looked at; run again")


def _set_size(target: Target, size: int) -> None:
    try:
        os.ftruncate(target.fd, size)
    except OSError as error:
        raise TargetError(
            f"{target.name}: cannot be made {size} bytes large: {error.strerror}"
        ) from error


def _parts(
    task: Task[ExtractSpec], detail: ExtractDetail, target: Target, source: ChunkSource
) -> Iterator[Written]:
    """Write every planned position, source by source."""
    machine, index, assembly = task.machine, detail.index, detail.assembly
    yield from copy_within(target, index, assembly.copied, machine.workers, machine.kernel)
    yield from fetch_into(target, index, assembly.fetched, source, machine.workers)
    if task.spec.in_place and detail.target.present:
        yield from zero_within(target, index, assembly.zeros)
    else:
        # The file is new: what nobody writes is a hole.
        yield Written(len(assembly.zeros), 0)
