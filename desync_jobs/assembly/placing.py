"""Pieces at their offsets in a target, neighbours together in one system call."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

from desync_jobs.core.chunk import BytesLike
from desync_jobs.errors import TargetError

_IOV_MAX: Final = 1024
"""Pieces that one `pwritev` takes."""

PlacedRun: TypeAlias = tuple[int, list[BytesLike]]
"""An offset, and the pieces that follow each other from there."""


class Writing(Protocol):
    """How bytes get into a target; from any thread."""

    def write(self, target: "Target", runs: Iterable[PlacedRun]) -> None:
        """Write all of `runs`; `TargetError` where that cannot be done."""
        ...


class Buffered:
    """Through the page cache, by the target's own descriptor."""

    def write(self, target: "Target", runs: Iterable[PlacedRun]) -> None:
        for offset, run in runs:
            size = sum(map(len, run))
            done = _pwritev(target, run, offset)
            if done < size:
                # Rare: a signal or a full disk cut it short; go on plainly, and let the error
                # show itself.
                rest = memoryview(b"".join(run))[done:]
                while rest:
                    rest = rest[_pwritev(target, [rest], offset + size - len(rest)) :]


BUFFERED: Final = Buffered()


@dataclass(frozen=True, slots=True)
class Target:
    """An open file of the right size."""

    fd: int
    name: str
    writing: Writing = BUFFERED


def write_placed(target: Target, placed: Sequence[tuple[int, BytesLike]]) -> int:
    """Write each piece at its offset, in any order; returns the bytes written.

    Raises `TargetError` where the target cannot be written.
    """
    target.writing.write(target, _runs(sorted(placed, key=_offset)))
    return sum(len(piece) for _, piece in placed)


def _offset(placed: tuple[int, BytesLike]) -> int:
    return placed[0]


def _runs(placed: list[tuple[int, BytesLike]]) -> Iterator[PlacedRun]:
    """Join neighbours: yield an offset and the pieces that follow each other from there."""
    run: list[BytesLike] = []
    begin = end = 0
    for offset, piece in placed:
        if run and (offset != end or len(run) == _IOV_MAX):
            yield begin, run
            run = []
        if not run:
            begin = end = offset
        run.append(piece)
        end += len(piece)
    if run:
        yield begin, run


def _pwritev(target: Target, pieces: Sequence[BytesLike], offset: int) -> int:
    try:
        return os.pwritev(target.fd, pieces, offset)
    except OSError as error:
        raise TargetError.of_writing(target.name, error) from error
