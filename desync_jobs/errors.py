"""Every error raised on purpose, each with its exit code.

One tree, so that an error's class says what a caller can do about it and what
a script sees. Messages start in lower case, carry no full stop, and say what
happened, where, and what to do. Anything that is not a `DesyncRunError` is a
defect of this program and ends with `EXIT_DEFECT`.

`ChunkMissingError` is an answer, not a failure: nothing retries it and nothing
wraps it in another class.
"""

import errno
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

EXIT_DONE: Final = 0
EXIT_FAILED: Final = 1
EXIT_CHANGES: Final = 2
EXIT_PARTLY_DONE: Final = 3
EXIT_INVALID_DATA: Final = 4
EXIT_MISSING: Final = 5
EXIT_OUTDATED: Final = 6
EXIT_LOCKED: Final = 7
EXIT_LIMIT: Final = 8
EXIT_USAGE: Final = 64
EXIT_DEFECT: Final = 70
EXIT_INTERRUPTED: Final = 130
EXIT_TERMINATED: Final = 143

_FULL: Final = {errno.ENOSPC, errno.EDQUOT}


class DesyncRunError(Exception):
    """Something went wrong in a way this program knows."""

    exit_code: int = EXIT_FAILED

    def __reduce__(self) -> tuple[object, ...]:
        # Not as classes are called that take something else than their message.
        return _again, (type(self), self.args), self.__dict__

    def about(self, path: str) -> None:
        """Have the message say that it is about the file at `path`, unless it does already."""
        if path not in str(self):
            self.args = (f"{path}: {self}",)


def _again(kind: type[DesyncRunError], args: tuple[object, ...]) -> DesyncRunError:
    """Return an error that another process had."""
    return kind.__new__(kind, *args)


class StoreError(DesyncRunError):
    """A store could not do what it was asked; says which store."""


class NameRefusedError(StoreError):
    """A place takes no request for an object of this name, whether it is there or not."""


class TargetError(DesyncRunError):
    """A target, index or other output could not be written; says which."""

    @classmethod
    def of_writing(cls, name: str, error: OSError) -> Self:
        """Return the error of a system call that was to write to `name`."""
        advice = "; make room and run again" if error.errno in _FULL else ""
        return cls(f"{name}: cannot be written: {error.strerror}{advice}")


class SourceError(DesyncRunError):
    """A blob or another input could not be read; says which."""


class ClusterError(DesyncRunError):
    """A cluster cannot do what it was given: it is not there, or its workers are of no use."""


class ServerError(DesyncRunError):
    """A server cannot serve: an address is taken, a certificate cannot be used."""


class MountError(DesyncRunError):
    """Something cannot be mounted: FUSE is missing or not allowed, or the place cannot be used."""


# Data that is not what it claims to be.


class InvalidDataError(DesyncRunError):
    """Something that was read is damaged or malformed."""

    exit_code = EXIT_INVALID_DATA


class IndexFormatError(InvalidDataError):
    """An index breaks a rule of its format."""


class ArchiveFormatError(InvalidDataError):
    """An archive breaks a rule of its format."""


class TarFormatError(InvalidDataError):
    """A tar stream breaks a rule of its format, or has what cannot become a tree."""


class ChunkInvalidError(InvalidDataError):
    """A stored chunk cannot be decoded, or does not have the digest of its name."""

    def __init__(self, chunk_id: bytes, store: str, reason: str) -> None:
        super().__init__(f"store {store}: chunk {chunk_id.hex()} is invalid: {reason}")
        self.chunk_id = chunk_id
        self.store = store
        self.reason = reason


class CodecError(InvalidDataError):
    """Compressed data cannot be decoded within its limit."""


class BlobMismatchError(InvalidDataError):
    """A blob is not the one its index describes."""


class TreeMismatchError(InvalidDataError):
    """A directory is not what an archive says."""


# Things that are not there.


class MissingError(DesyncRunError):
    """A chunk or an index is missing."""

    exit_code = EXIT_MISSING


class ChunkMissingError(MissingError):
    """No store asked has this chunk."""

    def __init__(self, chunk_id: bytes, store: str) -> None:
        super().__init__(f"chunk {chunk_id.hex()} is missing from {store}")
        self.chunk_id = chunk_id
        self.store = store


class IndexMissingError(MissingError):
    """An index file does not exist."""


# What the user wrote.


class UsageError(DesyncRunError):
    """The command line cannot be carried out as written."""

    exit_code = EXIT_USAGE


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend in a manifest: where it stands, and what to do.

    `where` is the path of keys, as written in the file: `("stores", "origin", "url")`.
    """

    where: tuple[str | int, ...]
    message: str

    def __str__(self) -> str:
        place = ".".join(_as_key(key) for key in self.where)
        return f"{place}: {self.message}" if place else self.message


def _as_key(key: str | int) -> str:
    """Write a key; quoted where it could be taken for several, or could upset a terminal."""
    text = str(key)
    return text if text.isprintable() and "." not in text else repr(text)


class ManifestError(UsageError):
    """A manifest has problems; carries every one of them."""

    def __init__(self, source: str, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(f"{source}: {problem}" for problem in problems))
        self.source = source
        self.problems = tuple(problems)


class LockedError(DesyncRunError):
    """Somebody else is writing the same thing now."""

    exit_code = EXIT_LOCKED


class OutdatedError(DesyncRunError):
    """A saved plan or a lock no longer fits what is there; carries every difference."""

    exit_code = EXIT_OUTDATED

    def __init__(self, source: str, differences: Sequence[str], advice: str) -> None:
        super().__init__("\n".join(f"{source}: {one}" for one in (*differences, advice)))
        self.differences = tuple(differences)


class LimitError(DesyncRunError):
    """Going on would pass a limit that the user set."""

    exit_code = EXIT_LIMIT


class InterruptedRunError(DesyncRunError):
    """A signal asked the run to stop; nothing incomplete was published."""

    exit_code = EXIT_INTERRUPTED

    def __init__(self, signal_name: str) -> None:
        super().__init__(f"stopped by {signal_name}; what was published before is complete")
        self.signal_name = signal_name
        self.exit_code = EXIT_TERMINATED if signal_name == "SIGTERM" else EXIT_INTERRUPTED


class AbandonedError(InterruptedRunError):
    """Nobody wants what a thread waits for, because another one failed; never told to a user."""

    def __init__(self) -> None:
        super().__init__("an error elsewhere")


class DeadlineError(InterruptedRunError):
    """A run has taken as long as it may; nothing incomplete was published."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"max_duration, after {seconds:g} s")
        self.exit_code = EXIT_LIMIT
