"""Files of seeds as a part of what is unpacked: their blocks shared, or the whole file linked.

What is borrowed is held against the archive's bytes before anybody sees it: a clone is its own
from the moment it is made, and what differs in it is written. A link stays the seed's file as
well, so it is made only where that is asked for, and where content and metadata are right.
"""

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Final

from desync_jobs.archive.content import BLOCK, same_content
from desync_jobs.assembly.cloning import RangeCopier
from desync_jobs.assembly.placing import Target
from desync_jobs.errors import SourceError

if TYPE_CHECKING:
    from desync_jobs.archive.twins import Twin, Twins

_GIVE_UP: Final = 32
"""Files of a seed in a row that share nothing: nobody tries any more."""
_COMPARED: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class _Source:
    fd: int
    name: str


class Borrowing:
    """Borrows from the twins of an archive's files; used from many threads."""

    def __init__(self, twins: "Twins | None", *, links: bool) -> None:
        self.links: Final = links
        """Whether files may be those of seeds as well."""
        self._twins = twins
        self._sharing = set() if twins is None else twins.seeds
        """Names of the seeds that may share blocks."""
        self._copier = RangeCopier()
        self._failed: Counter[str] = Counter()
        self._lock = Lock()
        self.files_cloned = 0
        self.bytes_cloned = 0
        """Bytes in blocks that are shared."""
        self.files_linked = 0
        self.bytes_linked = 0

    @property
    def borrows(self) -> bool:
        """Whether anything may come from seeds."""
        return self._twins is not None

    def twin(self, begin: int, size: int) -> "Twin | None":
        """Return whom a file may borrow from, whose content is at `begin` of the archive."""
        if self._twins is None or not (self.links or (self._sharing and size >= BLOCK)):
            return None
        return self._twins.of(begin, size)

    def clone(self, twin: "Twin", fd: int, path: str, size: int) -> int | None:
        """Share the blocks of a twin with a file, open as `fd`, that is to have `size` bytes.

        Returns the bytes that are shared; None where nothing was done to the file. Raises
        `TargetError` where it cannot be written.
        """
        seed = twin.seed.name
        if size < BLOCK or seed not in self._sharing:
            return None
        shared = 0
        try:
            with twin.opened() as source:
                target = Target(fd, path)
                shared = self._copier.clone(_Source(source, seed), 0, target, 0, size)
        except (OSError, SourceError):
            return 0  # it is gone, or became shorter: whatever came of it is compared
        with self._lock:
            self._failed[seed] = 0 if shared else self._failed[seed] + 1
            if self._failed[seed] == _GIVE_UP:
                self._sharing.discard(seed)
        return shared or None

    def cloned(self, size: int) -> None:
        """Count a file that was borrowed, and how many of its bytes were right."""
        with self._lock:
            self.files_cloned += 1
            self.bytes_cloned += size

    def link(
        self, twin: "Twin", size: int, right: Callable[[int], bool], place: Callable[[str], None]
    ) -> bool:
        """Have `place` make an entry of a directory of a twin, if `right` says that it is.

        `right` is given the open file, and `place` a path that leads to it. Returns whether that
        was possible.
        """
        try:
            with twin.opened() as fd:
                if os.fstat(fd).st_size != size or not right(fd):
                    return False
                place(f"/proc/self/fd/{fd}")
        except OSError:
            return False
        with self._lock:
            self.files_linked += 1
            self.bytes_linked += size
        return True


def same_files(left: int, right: int, size: int) -> bool:
    """Whether the first `size` bytes of two open files are the same."""
    return all(
        same_content(left, at, os.pread(right, min(_COMPARED, size - at), at))
        for at in range(0, size, _COMPARED)
    )
