"""The file of a journal: locked, read within limits, and appended to in whole records."""

import contextlib
import os
import secrets
import stat
from typing import Final, Self

from desync_jobs.assembly.hidden import open_locked
from desync_jobs.assembly.pending import sync_folder
from desync_jobs.core.chunk import BytesLike
from desync_jobs.errors import TargetError
from desync_jobs.formats.journal import (
    HEADER_SIZE,
    SALT_SIZE,
    SEAL_SIZE,
    Record,
    Subject,
    parse_header,
    serialize_header,
    serialize_record,
)

_MOST_BYTES: Final = 1 << 20
"""Of a journal without positions: tens of thousands of runs and settlings."""

_MOST_BYTES_PER_POSITION: Final = 64
"""A record of a single position has 32."""


class JournalFile:
    """An open journal that no other run has open; appended to by one thread at a time."""

    def __init__(self, path: str, fd: int) -> None:
        self.path = path
        self.size = 0
        """Where the last whole record ends."""
        self._fd = fd
        self._seal = b""

    @classmethod
    def open(cls, path: str) -> Self:
        """Open or create the file; `LockedError` while another run has it, else `TargetError`.

        A file of another user is replaced: whoever owns it could write to it at any time.
        """
        try:
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):
                if not _is_own(os.lstat(path)):
                    os.unlink(path)
            return cls(path, open_locked(path))
        except OSError as error:
            raise TargetError(f"{path}: cannot be opened: {error.strerror}") from error

    def contents(self) -> BytesLike:
        """Return what is in the file; nothing where it is not to be believed."""
        try:
            return contents(self._fd)
        except OSError as error:
            raise TargetError(f"{self.path}: cannot be read: {error.strerror}") from error

    def written(self) -> int:
        """Return when the file was written last, in nanoseconds."""
        return os.fstat(self._fd).st_mtime_ns

    def begin(self, subject: Subject) -> None:
        """Drop what is there and write a header."""
        self._cut(0)
        self._write(serialize_header(subject, secrets.token_bytes(SALT_SIZE)))

    def go_on(self, end: int) -> None:
        """Drop what is there after the whole record that ends at `end`, to append from there."""
        self._cut(end)
        self._seal = os.pread(self._fd, SEAL_SIZE, end - SEAL_SIZE)

    def append(self, record: Record) -> None:
        """Append `record` in one write; where that fails the file stays as it was.

        Raises `TargetError`.
        """
        self._write(serialize_record(record, self._seal))

    def sync(self) -> None:
        """Make what was appended survive a power cut."""
        try:
            os.fdatasync(self._fd)
        except OSError as error:
            raise self._cannot_be_written(error) from error

    def sync_name(self) -> None:
        """Make the file's name, or its being gone, survive a power cut."""
        try:
            sync_folder(os.path.dirname(self.path))
        except OSError as error:
            raise self._cannot_be_written(error) from error

    def remove(self) -> None:
        """Remove the file, for good: a power cut does not bring it back."""
        try:
            os.unlink(self.path)
        except FileNotFoundError:
            return
        except OSError as error:
            raise TargetError(f"{self.path}: cannot be removed: {error.strerror}") from error
        self.sync_name()

    def close(self) -> None:
        """Close the file and give up the lock; may be called again."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view:
                view = view[os.pwrite(self._fd, view, self.size + len(data) - len(view)) :]
        except OSError as error:
            # If this fails too, part of a record stays; its seal will not be right.
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, self.size)
            raise self._cannot_be_written(error) from error
        self.size += len(data)
        self._seal = data[-SEAL_SIZE:]

    def _cut(self, end: int) -> None:
        try:
            os.ftruncate(self._fd, end)
        except OSError as error:
            raise self._cannot_be_written(error) from error
        self.size = end

    def _cannot_be_written(self, error: OSError) -> TargetError:
        return TargetError(
            f"{self.path}: cannot be written: {error.strerror}; mend that and run again"
        )


def contents(fd: int) -> BytesLike:
    """Return what is in an open journal.

    Nothing where it is no regular file of this user, has no whole header, or is larger than any
    journal of so many positions.
    """
    found = os.fstat(fd)
    if not stat.S_ISREG(found.st_mode) or not _is_own(found):
        return b""
    subject = parse_header(os.pread(fd, HEADER_SIZE, 0))
    if subject is None or found.st_size > most_bytes(subject.positions):
        return b""
    data = bytearray(found.st_size)
    there = os.preadv(fd, [data], 0)
    return memoryview(data)[:there]


def _is_own(found: os.stat_result) -> bool:
    return found.st_uid == os.geteuid()


def most_bytes(positions: int) -> int:
    """Return the size above which a journal is taken for damaged."""
    return _MOST_BYTES + _MOST_BYTES_PER_POSITION * positions
