"""A file that appears whole or not at all.

Written beside its place under a hidden name, synced, renamed, and the folder
synced. The hidden name follows from the target's name alone and is locked
(`flock`) while somebody writes, so that two writers of one target exclude each other and
what a killed run left behind is taken over by the next one: begun anew (`PendingFile`), or
gone on with (`StagedFile`, whose writer must know what of it is right).
"""

import contextlib
import errno
import os
import stat
from enum import Enum
from types import TracebackType
from typing import Final, Self

from desync_jobs.assembly.hidden import open_locked, staged_path
from desync_jobs.errors import TargetError

_COMPARED: Final = 1 << 20
"""Bytes compared at a time."""


class Durability(Enum):
    """What of a published file survives a power cut; the value is its name in manifests."""

    FULL = "full"
    """The file and its name."""
    RENAME = "rename"
    """The old file or the new one, whichever name the folder comes back with."""
    NONE = "none"
    """Whatever the system has written by then."""


class StagedFile:
    """A new version of `path`, as an earlier run left it; `commit` makes it visible.

    Leaving the block without it keeps what was written for the next run; `drop` does not.
    Symbolic links at `path` are followed. A replaced file keeps its mode and, where this
    process may give files away, its owner.
    """

    def __init__(self, path: str) -> None:
        self.path = os.path.realpath(path)
        self._folder = os.path.dirname(self.path)
        self._hidden = staged_path(self.path)
        self._committed = False
        self.fd = -1
        """Open for reading and writing inside the block."""

    def __enter__(self) -> Self:
        _refuse_special(self.path)
        try:
            self.fd = open_locked(self._hidden)
        except FileNotFoundError as error:
            raise TargetError(
                f"{self.path}: cannot be written: its folder does not exist; create it"
            ) from error
        except OSError as error:
            raise TargetError.of_writing(self.path, error) from error
        self._hide()
        return self

    def _hide(self) -> None:
        """Let nobody read what is written who may not read the file that it replaces."""
        with contextlib.suppress(OSError):
            mine = stat.S_IMODE(os.fstat(self.fd).st_mode)
            allowed = mine & (os.stat(self.path).st_mode | stat.S_IRUSR | stat.S_IWUSR)
            if allowed != mine:
                os.fchmod(self.fd, allowed)

    def truncate(self) -> None:
        """Forget what an earlier run left: the file is empty."""
        try:
            os.ftruncate(self.fd, 0)
        except OSError as error:
            raise TargetError.of_writing(self.path, error) from error

    def drop(self) -> None:
        """Leave nothing for the next run, unless it is committed."""
        if not self._committed and self.fd >= 0:
            with contextlib.suppress(OSError):
                os.unlink(self._hidden)

    def commit(self, durability: Durability = Durability.FULL) -> None:
        """Make the new version visible; with `FULL` it survives a power cut when this returns."""
        try:
            if durability is not Durability.NONE:
                # Nearly all of the time is spent here: the file is still this user's, who
                # is the only one that goes on with it after a kill.
                os.fsync(self.fd)
            if self._keep_attributes() and durability is not Durability.NONE:
                os.fsync(self.fd)
            os.rename(self._hidden, self.path)
            self._committed = True
            if durability is Durability.FULL:
                sync_folder(self._folder)
        except OSError as error:
            # Of another user, in a folder like /tmp: nobody else may replace it.
            theirs = error.errno == errno.EPERM
            advice = "; change it in place (-k, in_place = true) or ask its owner" if theirs else ""
            raise TargetError(
                f"{self.path}: cannot be published: {error.strerror}{advice}"
            ) from error

    def _keep_attributes(self) -> bool:
        """Take over mode and owner of the file that is replaced; False where there is none."""
        try:
            old = os.stat(self.path)
        except FileNotFoundError:
            return False
        mode = stat.S_IMODE(old.st_mode)
        try:
            # Before the mode: another owner takes set-user-ID and set-group-ID away.
            os.fchown(self.fd, old.st_uid, old.st_gid)
        except PermissionError:
            # What was to run as somebody else must not run as this user.
            mode &= ~(stat.S_ISUID | stat.S_ISGID)
        os.fchmod(self.fd, mode)
        return True

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


class PendingFile(StagedFile):
    """A new version of `path` from its beginning; leaving the block without `commit` drops it."""

    def __enter__(self) -> Self:
        super().__enter__()
        try:
            self.truncate()
        except TargetError:
            super().__exit__(None, None, None)
            raise
        return self

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Append all of `data`."""
        view = memoryview(data)
        while view:
            view = view[self._checked_write(view) :]

    def _checked_write(self, view: memoryview) -> int:
        try:
            return os.write(self.fd, view)
        except OSError as error:
            raise TargetError.of_writing(self.path, error) from error

    def same_as_published(self) -> bool:
        """Whether what is visible now has exactly the content written so far."""
        try:
            published = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            return _same_content(published, self.fd)
        finally:
            os.close(published)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # The lock goes with the descriptor, so the name must go first.
        self.drop()
        super().__exit__(kind, error, trace)


def sync_folder(folder: str) -> None:
    """Make names just created or renamed in `folder` survive a power cut."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _refuse_special(path: str) -> None:
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise TargetError.of_writing(path, error) from error
    if stat.S_ISBLK(mode) or stat.S_ISCHR(mode):
        raise TargetError(f"{path} is a device: it is written only in place (-k, in_place = true)")
    if not stat.S_ISREG(mode):
        raise TargetError(f"{path} is not a regular file: remove it or name another target")


def _same_content(left: int, right: int) -> bool:
    size = os.fstat(left).st_size
    return size == os.fstat(right).st_size and all(
        os.pread(left, _COMPARED, at) == os.pread(right, _COMPARED, at)
        for at in range(0, size, _COMPARED)
    )
