"""What interrupted extractions keep for the next run, looked at without changing or locking it."""

import os
from dataclasses import asdict, dataclass

import numpy as np

from desync_jobs.assembly.hidden import is_locked, staged_path
from desync_jobs.assembly.journal_place import journal_path
from desync_jobs.assembly.journal_reading import read_journal
from desync_jobs.assembly.journal_state import JournalState
from desync_jobs.planner.extraction import plain_size
from desync_jobs.planner.facts import IndexFacts


@dataclass(frozen=True, slots=True)
class KeptWork:
    """What a run that did not finish left of one target."""

    target: str
    path: str
    """What was written to: the target, or the hidden file that would have replaced it."""
    journal: str | None
    """None where there is no journal, so that the next run begins anew."""
    written: float
    """When the journal, or else the file, was written last; seconds since 1970."""
    locked: bool
    """Whether a run has it open now."""
    fits: bool | None = None
    """Whether the journal is about the index as it is now; None where that is not known."""
    chunks_done: int = 0
    chunks_doubtful: int = 0
    """Written, but perhaps lost: they are read and digested rather than fetched."""
    chunks_total: int | None = None
    bytes_done: int | None = None
    """None where the journal is about another index, or that cannot be read."""
    bytes_total: int | None = None

    def to_json(self) -> dict[str, object]:
        """Return it as JSON values."""
        return asdict(self)


def kept_work(target: str, found: IndexFacts | None) -> KeptWork | None:
    """Return what is kept of `target`, whose index is `found`; None where nothing is."""
    staged, journal = staged_path(target), journal_path(target)
    state = read_journal(journal)
    path = staged if os.path.lexists(staged) else target
    at = path if state is None else journal
    if state is None and path == target:
        return None
    try:
        written = os.lstat(at).st_mtime
    except OSError:
        return None  # the run that had it has finished meanwhile
    if state is None:
        return KeptWork(target, path, None, written, is_locked(path))
    fits = None if found is None else found.file_digest == state.subject.index_digest
    return KeptWork(
        target,
        path,
        journal,
        written,
        is_locked(journal),
        fits,
        int(state.done.sum()),
        int(state.doubtful.sum()),
        state.subject.positions,
        _bytes_done(state, found) if fits else None,
        state.subject.blob_size,
    )


def _bytes_done(state: JournalState, found: IndexFacts | None) -> int | None:
    if found is None or len(found.index) != len(state.done):
        return None
    return plain_size(found.index, np.flatnonzero(state.done))
