"""Opening a target that is changed in place, and giving a file its size."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager

from desync_jobs.assembly.direct import Complaint, forget_pages, past_the_page_cache
from desync_jobs.assembly.fallocate import Change, fallocate
from desync_jobs.assembly.pending import Durability, sync_folder
from desync_jobs.assembly.placing import Target
from desync_jobs.errors import TargetError
from desync_jobs.execute.target_folder import need_folder
from desync_jobs.execute.target_lock import is_still, lock_for_change
from desync_jobs.planner.facts import FileFacts


@contextmanager
def target_in_place(seen: FileFacts) -> Iterator[Target]:
    """Lend the target itself, locked and unchanged. Its size is yours to set, and to sync it.

    Raises `LockedError` while another run writes it, and `TargetError` where it changed
    since it was looked at.
    """
    path = seen.path
    need_folder(path)
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise TargetError(f"{path}: cannot be opened: {error.strerror}") from error
    try:
        lock_for_change(fd, path)
        target = Target(fd, path)
        found = os.fstat(fd)
        if stat.S_ISREG(found.st_mode):
            refuse_changed(found, seen)
        yield target
    except OSError as error:
        raise TargetError.of_writing(path, error) from error
    finally:
        os.close(fd)


@contextmanager
def written_directly(
    target: Target, durability: Durability, complain: Complaint
) -> Iterator[Target]:
    """Lend `target` so that it is written past the page cache, which holds none of it at the end.

    Without `NONE` it is synced where the block ends without error.
    """
    with past_the_page_cache(target, complain) as direct:
        yield direct
    try:
        if durability is not Durability.NONE:
            os.fdatasync(target.fd)
        forget_pages(target)
    except OSError as error:
        raise TargetError.of_writing(target.name, error) from error


def sync_in_place(target: Target, seen: FileFacts, durability: Durability) -> None:
    """Make what was written, and with `FULL` the name of a new file, survive a power cut."""
    if durability is not Durability.NONE:
        os.fsync(target.fd)
    if durability is Durability.FULL and not seen.present:
        sync_folder(os.path.dirname(target.name))


def refuse_changed(found: os.stat_result, seen: FileFacts) -> None:
    """Raise `TargetError` where somebody wrote to a file since it was looked at.

    What was right in it may not be any more, and what was a hole may be none.
    """
    if seen.present:
        now = (found.st_dev, found.st_ino), found.st_size, found.st_mtime_ns
        same = now == (seen.identity, seen.size, seen.modified)
    else:
        same = found.st_size == 0
    if not same:
        raise TargetError(f"{seen.path} changed after it was looked at; run again")


def check_unharmed(target: Target, size: int) -> None:
    """Raise `TargetError` where others changed a file while it was written in place.

    `size` is what it has to have by now: others cut it, or made it longer, or put another file in
    its place. Bytes that they wrote into it are not seen: our own writes change the same times.
    What is read back (`verify`) or digested (`blob_digest`) after the last write is seen.
    """
    found = os.fstat(target.fd)
    if not stat.S_ISREG(found.st_mode):
        return
    if found.st_size != size:
        raise TargetError(
            f"{target.name} changed while it was written: it has {found.st_size} bytes "
            f"instead of {size}; keep others from it and run again"
        )
    if not is_still(target.fd, target.name):
        raise TargetError(
            f"{target.name} changed while it was written: it was removed or replaced; "
            "keep others from it and run again"
        )


def make_room(target: Target, size: int) -> None:
    """Make a regular file at least `size` bytes large."""
    if os.fstat(target.fd).st_size < size:
        set_size(target, size)


def take_space(target: Target, size: int) -> None:
    """Take all blocks of a new file at once; nothing happens where its file system cannot.

    For what is written directly, by several threads: 1 GiB on XFS comes in 2 extents instead of
    506, on ext4 in 2 to 5 either way; the time is the same. What goes through the page cache gains
    nothing by it: both allocate when they write out, and come to 2 to 5 extents. Call this where
    no block will be a hole or another file's. Raises `TargetError`.
    """
    if size:
        try:
            fallocate(target.fd, Change.ALLOCATE, 0, size)
        except OSError as error:
            raise _cannot_be_so_large(target, size, error) from error


def set_size(target: Target, size: int) -> None:
    """Make a regular file `size` bytes large; a device has the size it has."""
    try:
        found = os.fstat(target.fd)
        if stat.S_ISREG(found.st_mode) and found.st_size != size:
            os.ftruncate(target.fd, size)
    except OSError as error:
        raise _cannot_be_so_large(target, size, error) from error


def _cannot_be_so_large(target: Target, size: int, error: OSError) -> TargetError:
    return TargetError(f"{target.name}: cannot be made {size} bytes large: {error.strerror}")
