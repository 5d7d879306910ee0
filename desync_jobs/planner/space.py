"""Room on disks: what a step needs of each file system, against what is free there.

Counted in whole blocks. What may turn out smaller has two bounds: blocks that a seed and the target
may share need no room, and a chunk's stored size may not be known. A step whose lower bound
is more than is free cannot be done, and one whose upper bound is may fail.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from desync_jobs.errors import TargetError
from desync_jobs.planner.facts import DiskFacts
from desync_jobs.report.words import counted, in_bytes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Sizes: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Need:
    """Room that one thing takes."""

    what: str
    """`the target`, `a copy of seed x`, `cache c`."""
    disk: DiskFacts
    lower: int
    """Bytes it takes at least."""
    upper: int
    """Bytes it takes at most."""


@dataclass(frozen=True, slots=True)
class Space:
    """What a step needs of one file system."""

    path: str
    """A folder on it."""
    device: int
    """Its number."""
    what: tuple[str, ...]
    """What needs room there."""
    lower: int
    """Bytes needed at least."""
    upper: int
    """Bytes needed at most."""
    free: int

    @property
    def lacking(self) -> bool:
        """Whether it cannot be enough."""
        return self.lower > self.free

    @property
    def tight(self) -> bool:
        """Whether it may not be enough."""
        return self.upper > self.free

    def words(self) -> str:
        """Say what is needed and what there is, in figures."""
        verb = "needs" if len(self.what) == 1 else "need"
        needed = (
            f"{verb} {_figures(self.upper)}"
            if self.lower == self.upper
            else f"{verb} between {_figures(self.lower)} and {_figures(self.upper)}"
        )
        return f"{' and '.join(self.what)} {needed}; {_figures(self.free)} are free"


def spaces(needs: Iterable[Need]) -> tuple[Space, ...]:
    """Add up `needs` by file system; one that does not tell what is free is left out."""
    found: dict[int, Space] = {}
    for need in needs:
        disk = need.disk
        if disk.free is None or not need.upper:
            continue
        before = found.get(disk.device, Space(disk.path, disk.device, (), 0, 0, disk.free))
        # What is compressed on its way to the disk may need less than it has bytes.
        lower = 0 if disk.compresses else need.lower
        found[disk.device] = Space(
            before.path,
            disk.device,
            (*before.what, need.what),
            before.lower + lower,
            before.upper + need.upper,
            disk.free,
        )
    return tuple(found.values())


def in_turn(needed: Iterable[Space]) -> tuple[Space, ...]:
    """Return what is needed for things that are made one after the other.

    The room of a file that one of them replaces is free for those after it, and they may share
    blocks with it. So no more is sure to be needed than for one of them.
    """
    found: dict[int, Space] = {}
    for space in needed:
        before = found.get(space.device, Space(space.path, space.device, (), 0, 0, space.free))
        found[space.device] = Space(
            before.path,
            before.device,
            tuple(dict.fromkeys((*before.what, *space.what))),
            max(before.lower, space.lower),
            before.upper + space.upper,
            space.free,
        )
    return tuple(found.values())


def shortage(needed: Iterable[Space]) -> TargetError | None:
    """Return the error of the first file system without enough room."""
    for space in needed:
        if space.lacking:
            return TargetError(f"{space.path}: not enough space: {space.words()}; make room first")
    return None


def warnings(needed: Iterable[Space]) -> tuple[str, ...]:
    """Say which file systems do not or may not have enough room."""
    return tuple(
        f"{space.path}: {'not' if space.lacking else 'maybe not'} enough space: {space.words()}"
        for space in needed
        if space.tight
    )


def in_blocks(sizes: "Sizes", block: int) -> int:
    """Return the room that files of `sizes` take, each in blocks of its own."""
    return int((-(-sizes // block)).sum()) * block


def covered_blocks(starts: "Sizes", ends: "Sizes", block: int) -> int:
    """Return the bytes of all blocks that ranges of one file touch, given in ascending order."""
    if not len(starts):
        return 0
    import numpy as np

    begin, end = starts // block, -(-ends // block)
    before = np.concatenate(([0], np.maximum.accumulate(end)[:-1]))
    return int(np.maximum(end - np.maximum(begin, before), 0).sum()) * block


def _figures(size: int) -> str:
    return (
        counted(size, "byte")
        if in_bytes(size) == counted(size, "byte")
        else (f"{in_bytes(size)} ({counted(size, 'byte')})")
    )
