"""Writing past the page cache: `O_DIRECT` for whole blocks, the page cache for the rest.

Chunks begin and end anywhere, direct writes only at blocks. So each run of neighbours is cut: the
whole blocks in it go through a second descriptor from aligned memory, what is left at its ends
(less than a block each) through the target's own. A block that no run covers alone is written by
buffered writes only, however many runs have a part of it, and one that a run covers by one
direct write: no byte of a target is written twice, so nothing is ever mixed in a block.

Still the two can meet in one page of the cache: where somebody reads the target meanwhile, a large
page may hold a block that is written directly beside one that gets its ends. Written to during
the direct write, it cannot be dropped after it: the kernel keeps the stale block, and fails the
next sync (`dio_warn_stale_pagecache`). ext4 and XFS exclude that with a lock of the file, devices
do not. So ends are written while no direct write is under way; a direct write that begins later
first has the page written out and dropped.

See open(2), statx(2) on `STATX_DIOALIGN`.
"""

import errno
import mmap
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from threading import Condition, Lock
from typing import Final

from desync_jobs.assembly.buffers import Buffers
from desync_jobs.assembly.placing import BUFFERED, PlacedRun, Target
from desync_jobs.assembly.statx import direct_alignment
from desync_jobs.core.chunk import BytesLike
from desync_jobs.errors import TargetError
from desync_jobs.stores.base import BATCH_BYTES

_LARGEST_BLOCK: Final = 1 << 20

Complaint = Callable[[str], None]
"""Told, once, why a target is written through the page cache all the same."""


@contextmanager
def past_the_page_cache(target: Target, complain: Complaint) -> Iterator[Target]:
    """Lend `target` so that what is written to it does not stay in the page cache.

    Where its file system refuses that, `complain` is told and the target is written as it was.
    """
    try:
        # The same file under whatever name it has by now.
        fd = os.open(f"/proc/self/fd/{target.fd}", os.O_WRONLY | os.O_DIRECT | os.O_CLOEXEC)
    except OSError as error:
        complain(_refused(target, error))
        yield target
        return
    try:
        block = _block(fd)
        if block is None:
            complain(f"{target.name}: its file system has no direct writes; it is written without")
            yield target
        else:
            yield replace(target, writing=_Direct(fd, block, complain))
    finally:
        os.close(fd)


def forget_pages(target: Target) -> None:
    """Have the page cache drop what it holds of the target, as far as that is written out."""
    os.posix_fadvise(target.fd, 0, 0, os.POSIX_FADV_DONTNEED)


def _block(fd: int) -> int | None:
    """Return what direct writes to a file are aligned to, whole pages; None where it has none."""
    known = direct_alignment(fd)
    if known is None:
        # Kernels before 6.1 and some file systems do not say; a page is enough for nearly all.
        return mmap.PAGESIZE
    usable = 0 < known <= _LARGEST_BLOCK and not known & (known - 1)
    return max(known, mmap.PAGESIZE) if usable else None


def _refused(target: Target, error: OSError) -> str:
    return f"{target.name}: direct writes are refused ({error.strerror}); it is written without"


class _Direct:
    """A `Writing` by a descriptor that was opened with `O_DIRECT`, in blocks of `block` bytes."""

    def __init__(self, fd: int, block: int, complain: Complaint) -> None:
        self._fd = fd
        self._block = block
        self._complain = complain
        self._refused = False
        self._buffers = Buffers()
        self._turns = _Turns()

    def write(self, target: Target, runs: Iterable[PlacedRun]) -> None:
        rest = [part for run in runs for part in self._write_blocks(target, run)]
        if rest:
            with self._turns.alone():
                BUFFERED.write(target, rest)

    def _write_blocks(self, target: Target, run: PlacedRun) -> Iterator[PlacedRun]:
        """Write the whole blocks of `run`; yields what is left of it."""
        offset, pieces = run
        size = sum(map(len, pieces))
        begin = -offset % self._block
        end = size - (offset + size) % self._block
        if begin >= end or not self._written(target, run, begin, end):
            yield run
            return
        for first, last in ((0, begin), (end, size)):
            if first < last:
                yield offset + first, _cut(pieces, first, last)

    def _written(self, target: Target, run: PlacedRun, begin: int, end: int) -> bool:
        """Write bytes `begin` to `end` of `run`, whole blocks; False if that did not work."""
        offset, pieces = run
        return all(
            self._write_aligned(target, offset + at, _cut(pieces, at, min(at + BATCH_BYTES, end)))
            for at in range(begin, end, BATCH_BYTES)
        )

    def _write_aligned(self, target: Target, offset: int, pieces: list[BytesLike]) -> bool:
        size = sum(map(len, pieces))
        with self._buffers.borrow(size) as view:
            at = 0
            for piece in pieces:
                view[at : at + len(piece)] = piece
                at += len(piece)
            with self._turns.together():
                return self._write_whole(target, offset, view)

    def _write_whole(self, target: Target, offset: int, view: memoryview) -> bool:
        done = 0
        while done < len(view):
            if self._refused:
                return False
            try:
                count = os.pwrite(self._fd, view[done:], offset + done)
            except OSError as error:
                if error.errno != errno.EINVAL:
                    raise TargetError.of_writing(target.name, error) from error
                self._refuse(target, error)
                return False
            done += count
            if count == 0 or count % self._block:
                # What is left does not begin with a block; a plain write goes on or says why not.
                return False
        return True

    def _refuse(self, target: Target, error: OSError) -> None:
        """Write no more directly; two threads that find it out at once both say so."""
        if not self._refused:
            self._refused = True
            self._complain(_refused(target, error))


def _cut(pieces: list[BytesLike], begin: int, end: int) -> list[BytesLike]:
    """Return bytes `begin` to `end` of what `pieces` are together."""
    found: list[BytesLike] = []
    at = 0
    for piece in pieces:
        first, last = max(begin - at, 0), min(end - at, len(piece))
        if first < last:
            found.append(memoryview(piece)[first:last])
        at += len(piece)
    return found


class _Turns:
    """Many together, or one alone; who wants to be alone is not kept waiting by newcomers."""

    def __init__(self) -> None:
        self._gate = Lock()
        self._left = Condition()
        self._inside = 0

    @contextmanager
    def together(self) -> Iterator[None]:
        with self._gate, self._left:
            self._inside += 1
        try:
            yield
        finally:
            with self._left:
                self._inside -= 1
                self._left.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        with self._gate:
            with self._left:
                self._left.wait_for(lambda: not self._inside)
            yield
