"""Looking at a journal without changing or locking it: a run may be appending meanwhile."""

import os

from desync_jobs.assembly.journal_binding import Binding
from desync_jobs.assembly.journal_file import contents
from desync_jobs.assembly.journal_state import JournalState, judge, recall
from desync_jobs.core.chunk import BytesLike


def read_journal(path: str) -> JournalState | None:
    """Return all that a journal says, whether to be believed or not; None where there is none."""
    data, _ = _look(path)
    return recall(data)


def foresee_journal(path: str, binding: Binding) -> JournalState | None:
    """Return what `Journal.open` would believe of a journal; None where it would begin anew."""
    data, written = _look(path)
    return judge(data, written, binding)


def _look(path: str) -> tuple[BytesLike, int]:
    """Return what is in a journal and when it was written, before it was read."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return b"", 0
    try:
        written = os.fstat(fd).st_mtime_ns
        return contents(fd), written
    except OSError:
        return b"", 0
    finally:
        os.close(fd)
