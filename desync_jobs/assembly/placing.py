"""Pieces at their offsets in a target, neighbours together in one system call."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from desync_jobs.core.chunk import BytesLike
from desync_jobs.errors import TargetError

_IOV_MAX: Final = 1024
"""Pieces that one `pwritev` takes."""


@dataclass(frozen=True, slots=True)
class Target:
    """An open file of the right size."""

    fd: int
    name: str


def write_placed(target: Target, placed: Sequence[tuple[int, BytesLike]]) -> int:
    """Write each piece at its offset, in any order; returns the bytes written.

    Raises `TargetError` where the target cannot be written.
    """
    return sum(
        _write_run(target, offset, run) for offset, run in _runs(sorted(placed, key=_offset))
    )


def _offset(placed: tuple[int, BytesLike]) -> int:
    return placed[0]


def _runs(placed: list[tuple[int, BytesLike]]) -> Iterator[tuple[int, list[BytesLike]]]:
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


def _write_run(target: Target, offset: int, run: list[BytesLike]) -> int:
    size = sum(map(len, run))
    done = _pwritev(target, run, offset)
    if done < size:
        # Rare: a signal or a full disk cut it short; go on plainly, and let the error show itself.
        rest = memoryview(b"".join(run))[done:]
        while rest:
            rest = rest[_pwritev(target, [rest], offset + size - len(rest)) :]
    return size


def _pwritev(target: Target, pieces: Sequence[BytesLike], offset: int) -> int:
    try:
        return os.pwritev(target.fd, pieces, offset)
    except OSError as error:
        raise TargetError(f"{target.name}: cannot be written: {error.strerror}") from error
