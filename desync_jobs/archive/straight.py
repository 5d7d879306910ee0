"""Entries with nothing special about them, many in one call: made, or held against what is there.

Nearly every file and link of a tree has a mode, owners, a time and nothing else. Those are done
where `core._tree` is compiled, without the interpreter lock. What is not so simple, what failed
and what is not right is left to `Making.make`, which does the same for one entry and says what is
wrong; so does everything where nothing is compiled.
"""

import os
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from desync_jobs.archive.attributes import bits_of_chattr, bits_of_fat
from desync_jobs.archive.folders import Folder
from desync_jobs.archive.wanted import Demands, Wanted
from desync_jobs.core.chunk import BytesLike
from desync_jobs.core.tree import TREE
from desync_jobs.errors import TargetError
from desync_jobs.formats.catar.features import FEATURES
from desync_jobs.formats.catar.node import Node
from desync_jobs.formats.catar.records import Symlink

if TYPE_CHECKING:
    from collections.abc import Callable

    from desync_jobs.archive.twins import Twin

_CHATTR: Final = int(FEATURES["chattr"])
_FAT: Final = int(FEATURES["fat-attrs"])
_AS_SOMEBODY: Final = stat.S_ISUID | stat.S_ISGID
SAFE_TIMES: Final = range(-(1 << 31) * 10**9, ((1 << 31) - 1) * 10**9)
"""Nanoseconds that every file system can hold which counts them."""
WANTS_MODE, WANTS_OWNER, WANTS_TIME, WANTS_PROJECT = 1, 2, 4, 8
"""As `core._tree` has them."""


class Found(Enum):
    """What came of something that was there."""

    RIGHT = "it is as the archive has it"
    CHANGED = "only its metadata were not right"
    OTHER = "it has to be replaced"


@dataclass(frozen=True, slots=True)
class Content:
    """What a regular file has in it."""

    data: BytesLike
    twin: "Twin | None" = None
    """Whom it may borrow from."""


Job: TypeAlias = tuple[Folder, Node, Content | None, bool]
"""An entry that is no directory: where, what, a file's content, and whether its name is taken."""
_Made: TypeAlias = tuple[int, bytes, bytes, BytesLike, bool, int, int, int, int, int]
"""An entry as `core._tree` takes it."""


class Numbers(NamedTuple):
    """What a plain entry is to have."""

    wants: int
    """What of the following that is, as bits."""
    mode: int
    user: int
    group: int
    time: int
    """Nanoseconds since 1970."""

    @property
    def has_mode(self) -> bool:
        """Whether the mode is one of them."""
        return bool(self.wants & WANTS_MODE)


class Straight:
    """Does what is simple for one archive; used from many threads."""

    def __init__(self, demands: Demands, *, coarse: bool) -> None:
        """Begin; `coarse` where the file system may not hold whole nanoseconds."""
        self._demands = demands
        self._coarse = coarse
        self._me = os.geteuid(), os.getegid()
        self.unwanted = (
            bits_of_chattr(demands.flags & _CHATTR),
            bits_of_fat(demands.flags & _FAT),
        )
        """Attributes that no plain entry has, as the kernel tells them."""

    def outcomes(
        self, jobs: Sequence[Job], hide: "Callable[[bytes], bytes]"
    ) -> Sequence[Found | None]:
        """Do what is simple of `jobs`; returns what came of each, None for what is still to do.

        `hide` returns the name under which an entry is made.
        """
        outcomes: list[Found | None] = [None] * len(jobs)
        if TREE is None:
            return outcomes
        new: dict[int, _Made] = {}
        old: dict[int, _Made] = {}
        for position, (folder, node, content, exists) in enumerate(jobs):
            numbers = self.compared(node) if exists else self.made(node)
            body = _body(node, content)
            if numbers is None or body is None:
                continue
            if exists:
                old[position] = (folder.fd, b"", node.name, body, content is None, *numbers)
            elif folder.plain:
                hidden = hide(node.name)
                new[position] = (folder.fd, hidden, node.name, body, content is None, *numbers)
        made = TREE.make(list(new.values()))
        _note(outcomes, new, made, Found.OTHER)
        right = TREE.compare(list(old.values()), *self.unwanted)
        _note(outcomes, old, right, Found.RIGHT)
        return outcomes

    def give(self, fd: int, wanted: Wanted) -> bool:
        """Give a new file or directory all that it is to have; returns whether that was done."""
        numbers = self.given(wanted)
        return TREE is not None and numbers is not None and bool(TREE.give_open(fd, *numbers))

    def is_right(self, fd: int, wanted: Wanted) -> bool:
        """Whether an open file or directory has what it is to have, as far as that is simple."""
        numbers = numbers_of(wanted)
        if TREE is None or numbers is None:
            return False
        return bool(TREE.compare_open(fd, *numbers, *self.unwanted))

    def compared(self, node: Node) -> Numbers | None:
        """Return what a node is to have; None where that is more than numbers, or not known."""
        try:
            return numbers_of(self._demands.of(node))
        except TargetError:
            return None

    def made(self, node: Node) -> Numbers | None:
        """Return what a new node is given; None where more has to be seen to."""
        try:
            return self.given(self._demands.of(node))
        except TargetError:
            return None

    def given(self, wanted: Wanted) -> Numbers | None:
        """Return what a new entry is given; None where more has to be seen to."""
        numbers = numbers_of(wanted)
        if numbers is None or self._coarse or numbers.mode & _AS_SOMEBODY:
            return None
        if wanted.owner == self._me:
            # Everything that is made is this user's already.
            return numbers._replace(wants=numbers.wants & ~WANTS_OWNER)
        return numbers


def numbers_of(wanted: Wanted) -> Numbers | None:
    """Return what is asked for; None where that is more than numbers."""
    mode, read_only, owner, time, attributes, flags, project = wanted
    if attributes or flags or project or read_only is not None:
        return None
    if time is not None and time not in SAFE_TIMES:
        return None
    wants = 0 if project is None else WANTS_PROJECT
    if mode is not None:
        wants |= WANTS_MODE
    if owner is not None:
        wants |= WANTS_OWNER
    if time is not None:
        wants |= WANTS_TIME
    return Numbers(wants, mode or 0, *(owner or (0, 0)), time or 0)


def _note(outcomes: list[Found | None], jobs: Iterable[int], done: bytes, what: Found) -> None:
    """Note what came of the jobs at these positions, where it was done."""
    for position, is_done in zip(jobs, done, strict=True):
        if is_done:
            outcomes[position] = what


def _body(node: Node, content: Content | None) -> BytesLike | None:
    """Return a file's content, or a link's target; None for what is not so simple."""
    if content is not None:
        return None if content.twin is not None else content.data
    return node.body.target if isinstance(node.body, Symlink) else None
