"""The records of a journal, taken one after the other."""

from bisect import bisect_right
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from desync_jobs.core.chunk import BytesLike
from desync_jobs.formats.journal import (
    HEADER_SIZE,
    Doubted,
    Noted,
    Record,
    Settled,
    Started,
    Stopped,
    Subject,
    TargetKind,
)
from desync_jobs.formats.ranges import mark_ranges


class Replay:
    """What the records taken so far say.

    Ranges are marked when something depends on them, and then all at once, so that a journal of
    ten million positions is read in a fraction of a second.
    """

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.stopped: int | None = None
        """The target's change time when the last run ended in order; None after a kill."""
        self.changed = 0
        """The least change time that the target can have now."""
        self.end = HEADER_SIZE
        """Where the last record taken ends."""
        self._done = np.zeros(subject.positions, np.bool_)
        self._doubtful = np.zeros(subject.positions, np.bool_)
        self._life = b""
        self._covered = 0
        self._last_noted = 0
        self._changed_when_settled = 0
        self._unmarked: list[tuple[int, BytesLike]] = []

    @property
    def settled(self) -> bool:
        """Whether all that was noted survives a power cut."""
        return self._last_noted <= self._covered

    def take(self, end: int, record: Record) -> None:
        """Take the next record, which ends at `end`."""
        self.end = end
        self.stopped = None
        match record:
            case Noted(changed, ranges):
                self.changed = changed
                self._last_noted = end
                self._unmarked.append((end, ranges))
            case Settled(covered, changed):
                self._covered = covered
                self.changed = self._changed_when_settled = changed
            case Started(life):
                if life != self._life:
                    self._lose_unsettled()
                self._life = life
            case Stopped(changed):
                self.changed = self.stopped = changed
            case Doubted():
                self._doubt_all()

    def done(self) -> NDArray[np.bool_]:
        """Return which positions are right in the target, when all records have been taken."""
        self._mark_until(self.end, self._done)
        return self._done

    def doubtful(self) -> NDArray[np.bool_]:
        """Return which positions were right once, when all records have been taken."""
        return self._doubtful & ~self.done()

    def _lose_unsettled(self) -> None:
        """Doubt what a power cut may have undone, the latest change times among it."""
        if self.subject.target.kind is TargetKind.DEVICE:
            self._doubt_all()
        elif not self.settled:
            self._mark_until(self._covered, self._done)
            self._mark_until(self.end, self._doubtful)
            self._last_noted = 0
        self.changed = self._changed_when_settled

    def _doubt_all(self) -> None:
        self._doubtful |= self.done()
        self._done[:] = False
        self._last_noted = 0

    def _mark_until(self, end: int, marks: NDArray[np.bool_]) -> None:
        """Mark what records up to `end` note and no array has yet."""
        count = bisect_right(self._unmarked, end, key=itemgetter(0))
        mark_ranges(b"".join(ranges for _, ranges in self._unmarked[:count]), marks)
        del self._unmarked[:count]
