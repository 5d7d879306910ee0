"""The sparse file that a blob is copied to as it is read, and the state that says what is in it.

The state is about one index and one file (see `formats.copied`), so neither a file of another
index nor another file at the same place is ever taken for this blob. It is written whole, after
what it names is on the disk.
"""

import os
import stat
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from desync_jobs.assembly.copy_on_read import CopiedPositions
from desync_jobs.assembly.journal_binding import bind
from desync_jobs.assembly.pending import PendingFile
from desync_jobs.assembly.placing import Target
from desync_jobs.errors import SourceError, TargetError
from desync_jobs.formats.copied import (
    Copied,
    copied_size,
    parse_bits,
    parse_copied,
    serialize_copied,
)
from desync_jobs.formats.index import Index
from desync_jobs.formats.journal import Subject


@dataclass(frozen=True, slots=True)
class CopyPlaces:
    """Where file and state are."""

    file: str
    state: str


class CopyFile:
    """An open file of the blob's size, and what is in it."""

    def __init__(
        self, target: Target, state: str, subject: Subject, copied: CopiedPositions
    ) -> None:
        self.target = target
        self.copied = copied
        self._state = state
        self._subject = subject
        self._saved = 0

    def save(self) -> bool:
        """Write the state, unless nothing was added to it; whether it was written.

        `TargetError` where it cannot be written.
        """
        changes, marks = self.copied.now()
        if changes == self._saved:
            return False
        try:
            # What the state names survives a power cut before the state does.
            os.fdatasync(self.target.fd)
        except OSError as error:
            raise TargetError.of_writing(self.target.name, error) from error
        _write_state(self._state, Copied(self._subject, marks))
        self._saved = changes
        return True


def open_copy_file(path: str) -> int:
    """Open the file for reading and writing; it is made where there is none. `TargetError`."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise TargetError.of_writing(path, error) from error
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise TargetError(f"{path} is not a file; name another")
    return fd


def prepare_copy_file(
    fd: int, places: CopyPlaces, index: Index, digest: str
) -> tuple[CopyFile, bool]:
    """Return the file open at `fd`, ready, and whether what it had was of another index.

    `digest` is the SHA-256 of the index file, in hex. The file is begun anew where it is empty, or
    its state is about another index. `TargetError` where there is something in it of which no
    state says what it is: that may be anything.
    """
    target = Target(fd, places.file)
    subject = bind(target, index, digest).subject
    size = os.fstat(fd).st_size
    state = _read_state(places.state)
    known = state is not None and state.subject.target == subject.target
    if size and not known:
        raise TargetError(
            f"{places.file}: has something in it, and {places.state} does not say what; remove "
            "it, or name another file"
        )
    if state is not None and state.subject == subject and size == index.blob_size:
        return CopyFile(target, places.state, subject, CopiedPositions(index, state.marks)), False
    nothing = np.zeros(len(index), np.bool_)
    try:
        os.ftruncate(fd, 0)
        _write_state(places.state, Copied(subject, nothing))
        os.ftruncate(fd, index.blob_size)
    except OSError as error:
        raise TargetError.of_writing(places.file, error) from error
    return CopyFile(target, places.state, subject, CopiedPositions(index, nothing)), bool(size)


def read_marks(path: str, index: Index, digest: str) -> NDArray[np.bool_] | None:
    """Return which positions the state at `path`, ours or desync's, names.

    None where it is about another index. `SourceError` where it cannot be read.
    """
    count = len(index)
    try:
        with open(path, "rb") as file:
            data = file.read(copied_size(count) + 1)
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror}") from error
    state = parse_copied(data)
    if state is None:
        return parse_bits(data, count)
    return state.marks if state.subject.index_digest == digest else None


def _read_state(path: str) -> Copied | None:
    try:
        with open(path, "rb") as file:
            return parse_copied(file.read())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror}") from error


def _write_state(path: str, copied: Copied) -> None:
    with PendingFile(path) as pending:
        pending.write(serialize_copied(copied))
        pending.commit()
