"""What a journal says, and how much of it a later run may believe.

1. A journal about another index or another target is not believed at all.
2. After a power cut (another `life`) only what was settled is believed. Numbers of devices are
   given out anew at each boot, so for one that is known by nothing else nothing is.
3. Nothing is believed where somebody else changed the target. A change time (ctime) moves with each
   write, ours and theirs, so it must lie where only this program's last writes can have put it:
   after a stop in order exactly where the journal says; after a kill not before the last
   record, and at most `IN_FLIGHT` after the journal itself was written last. After a
   power cut the file may come back with an earlier change time, down to that of the last settling.

Not believed is not forgotten: such positions are `doubtful`, to be hashed rather than fetched.

What the third rule cannot see: a change by others within `IN_FLIGHT` of a kill, changes under a
clock that was set back, any change of a device. For these, hash a sample before going on.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from desync_jobs.assembly.journal_binding import Binding
from desync_jobs.assembly.journal_replay import Replay
from desync_jobs.core.chunk import BytesLike
from desync_jobs.formats.journal import (
    Doubted,
    Started,
    Subject,
    TargetKind,
    parse_header,
    read_records,
)

IN_FLIGHT: Final = 600 * 1_000_000_000
"""Nanoseconds that a killed run may have gone on writing after it had noted something last."""


@dataclass(frozen=True, slots=True, eq=False)
class JournalState:
    """What a journal says."""

    subject: Subject
    done: NDArray[np.bool_]
    """One a position: it is right in the target."""
    doubtful: NDArray[np.bool_]
    """One a position: it was right once, and must be hashed."""
    stopped: bool
    """Whether the last run ended in order."""
    settled: bool
    """Whether all that is done survives a power cut."""
    changed_by_others: bool
    """Whether somebody else changed the target, so that nothing is believed."""
    end: int
    """Where the last whole record ends."""


def nothing_done(subject: Subject) -> JournalState:
    """Return what a journal says that was just begun."""
    return _state(Replay(subject), stopped=False, changed_by_others=False)


def recall(data: BytesLike) -> JournalState | None:
    """Return what a journal says, believing all of it; None where it has no whole header."""
    subject = parse_header(data)
    if subject is None:
        return None
    replay = _replayed(subject, data)
    return _state(replay, stopped=replay.stopped is not None, changed_by_others=False)


def judge(data: BytesLike, written: int, binding: Binding) -> JournalState | None:
    """Return what may be believed of a journal whose time of modification is `written`.

    None where it does not fit `binding`.
    """
    subject = parse_header(data)
    if subject is None or subject != binding.subject:
        return None
    replay = _replayed(subject, data)
    stopped = replay.stopped
    replay.take(replay.end, Started(binding.life))
    latest = written + IN_FLIGHT if stopped is None else stopped
    changed = bool(replay.done().any()) and not (
        subject.target.kind is not TargetKind.REGULAR
        or (binding.size == subject.blob_size and replay.changed <= binding.changed <= latest)
    )
    if changed:
        replay.take(replay.end, Doubted())
    return _state(replay, stopped=stopped is not None, changed_by_others=changed)


def _state(replay: Replay, *, stopped: bool, changed_by_others: bool) -> JournalState:
    settled = replay.settled
    return JournalState(
        replay.subject,
        replay.done(),
        replay.doubtful(),
        stopped,
        settled,
        changed_by_others,
        replay.end,
    )


def _replayed(subject: Subject, data: BytesLike) -> Replay:
    replay = Replay(subject)
    for end, record in read_records(data):
        replay.take(end, record)
    return replay
