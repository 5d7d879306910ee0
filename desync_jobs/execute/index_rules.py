"""Which indexes a run may use: any, those of a lock, or any that are then noted for one."""

import os
from dataclasses import dataclass, field

from desync_jobs.errors import OutdatedError
from desync_jobs.execute.task import AnyIndex, IndexRule
from desync_jobs.manifest.chunk_size import format_chunk_sizes
from desync_jobs.manifest.job import Job
from desync_jobs.manifest.lock import Lock, LockedIndex, lock_path
from desync_jobs.manifest.locked import advice
from desync_jobs.planner.facts import IndexFacts


@dataclass(frozen=True, slots=True)
class IndexNotes:
    """A rule of indexes that allows each and remembers it."""

    found: dict[str, LockedIndex] = field(default_factory=dict)
    """By the name in a lock."""

    def meet(self, job: Job, index: IndexFacts) -> None:
        """Remember `index`, unless the job writes it itself."""
        name = _name(job, index.path)
        if name is not None:
            self.found[name] = _described(index)


@dataclass(frozen=True, slots=True)
class IndexLock:
    """A rule of indexes that allows those of a lock."""

    lock: Lock
    source: str
    """The lock's file."""

    def meet(self, job: Job, index: IndexFacts) -> None:
        """Check that `index` is the one that was locked; `OutdatedError` otherwise."""
        name = _name(job, index.path)
        if name is None:
            return
        found = difference(name, self.lock.indexes.get(name), _described(index))
        if found is not None:
            raise OutdatedError(self.source, [found], advice(job))


def rule_of(job: Job) -> IndexRule:
    """Return the rule that `job` is run by."""
    return AnyIndex() if job.lock is None else IndexLock(job.lock, lock_path(job.source))


def difference(name: str, locked: LockedIndex | None, now: LockedIndex | None) -> str | None:
    """Say how an index differs from what is locked; None where it does not."""
    if locked == now:
        return None
    if locked is None:
        return f"index {name} is not locked"
    if now is None:
        return f"index {name} is not read any more"
    return (
        f"index {name} is another one: {_told(locked)} is locked, {_told(now)} is there; "
        f"its digest is {now.sha256}"
    )


def _name(job: Job, path: str) -> str | None:
    """Return what a lock calls an index; None for what is not locked.

    That is standard input, and what the job makes itself.
    """
    written = {
        job.path(one) for spec in job.spec.operations.values() for one in spec.access().writes
    }
    if path == "-" or path in written:
        return None
    below = path.startswith(job.directory.rstrip("/") + "/")
    return os.path.relpath(path, job.directory) if below else path


def _described(found: IndexFacts) -> LockedIndex:
    index = found.index
    return LockedIndex(
        sha256=found.file_digest,
        bytes=index.blob_size,
        chunks=len(index),
        chunk_size=format_chunk_sizes(index.sizes),
        digest=index.algorithm.value,
    )


def _told(index: LockedIndex) -> str:
    return f"{index.sha256[:12]}… of {index.bytes:,} bytes in {index.chunks:,} chunks"
