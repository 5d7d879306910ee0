"""The digest of a whole blob, read block by block while the last one is digested."""

import os
from collections.abc import Generator
from concurrent.futures import wait
from itertools import cycle
from typing import TYPE_CHECKING

from desync_jobs.assembly.buffers import Buffers
from desync_jobs.assembly.placing import Target
from desync_jobs.assembly.workers import Workers
from desync_jobs.errors import BlobMismatchError, SourceError
from desync_jobs.execute.task import Task

if TYPE_CHECKING:
    from desync_jobs.formats.index import Index
    from desync_jobs.manifest.operations.extract import ExtractSpec

_READ = 1 << 20
_OWNED = 1 << 22
"""A file of an archive that goes on in the next block takes several times as long as others."""


def blocks(fd: int, name: str, workers: Workers) -> Generator[memoryview, None, None]:
    """Yield the file from its position on, each block valid until the next one is asked for.

    Raises `SourceError` where it cannot be read.
    """

    def read(view: memoryview) -> memoryview:
        workers.cancel.wait_for(fd)
        try:
            return view[: os.readv(fd, [view])]
        except OSError as error:
            raise SourceError(f"{name}: cannot be read: {error.strerror}") from error

    with Buffers().borrow(2 * _READ) as both:
        halves = cycle((both[:_READ], both[_READ:]))
        reading = workers.submit(read, next(halves))
        while block := reading.result():
            reading = workers.submit(read, next(halves))
            try:
                yield block
            finally:
                # The buffer goes back when this ends: not while a thread still fills it.
                wait([reading])


def owned_blocks(fd: int, name: str, workers: Workers) -> Generator[bytes, None, None]:
    """Yield the file from its position on, as bytes that whoever wants them may keep.

    Raises `SourceError` where it cannot be read.
    """

    def read(size: int) -> bytes:
        workers.cancel.wait_for(fd)
        try:
            return os.read(fd, size)
        except OSError as error:
            raise SourceError(f"{name}: cannot be read: {error.strerror}") from error

    reading = workers.submit(read, _OWNED)
    while block := reading.result():
        reading = workers.submit(read, _OWNED)
        try:
            yield block
        finally:
            # Not while a thread still reads what is closed then.
            wait([reading])


def check_digest(task: "Task[ExtractSpec]", target: Target, index: "Index") -> None:
    """Raise `BlobMismatchError` unless the blob in `target` has the digest asked for, if any."""
    wanted = task.spec.blob_digest
    if wanted is None:
        return
    digest = index.algorithm.new()
    task.machine.progress.expect(index.blob_size)
    phase = task.phase("verifying", index.blob_size)
    os.lseek(target.fd, 0, os.SEEK_SET)
    for block in blocks(target.fd, target.name, task.machine.workers):
        # A device may be larger than the blob on it.
        rest = block[: index.blob_size - phase.done]
        digest.update(rest)
        phase.advance(len(rest))
        if phase.done == index.blob_size:
            break
    found = digest.hexdigest()
    if found != wanted:
        raise BlobMismatchError(
            f"{target.name}: the blob has the digest {found}, not {wanted}; "
            "the index is not that of the blob wanted"
        )
