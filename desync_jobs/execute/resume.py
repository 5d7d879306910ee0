"""What an earlier run already did to a target, or to the next version of it.

An extraction keeps a journal about the file it writes to: the target itself where that is changed
in place, else the hidden file that will replace it. After a kill or a power cut the next run
takes from it which chunks are right, instead of reading or fetching everything again; a sample
of them is digested, because nothing tells every change by others. Where no journal can be
kept, an extraction does without one.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from desync_jobs.assembly.batches import spans
from desync_jobs.assembly.hidden import discard, staged_path
from desync_jobs.assembly.journal import Journal, Pace
from desync_jobs.assembly.journal_binding import bind
from desync_jobs.assembly.journal_place import journal_path
from desync_jobs.assembly.journal_reading import foresee_journal
from desync_jobs.assembly.placing import Target
from desync_jobs.errors import TargetError
from desync_jobs.execute.inputs import open_input
from desync_jobs.execute.reading_back import read_spans
from desync_jobs.execute.task import Task
from desync_jobs.planner.extraction import ExtractDetail
from desync_jobs.planner.facts import FileFacts, IndexFacts

S = TypeVar("S")

_SAMPLES: Final = 64


def remembered(
    task: Task[S], seen: FileFacts, found: IndexFacts, path: str
) -> NDArray[np.bool_] | None:
    """Return which chunks of a file are right by the journal at `path`; None where that is no help.

    Chunks that were written but may not have survived are digested.
    """
    with open_input(seen.path, task.machine.streams) as fd:
        target = Target(fd, seen.path)
        state = foresee_journal(path, bind(target, found.index, found.file_digest))
        if state is None or not (state.done.any() or state.doubtful.any()):
            return None
        sample = _sample(state.done)
        right = _digested(task, target, found, sample | state.doubtful)
    if (sample & ~right).any():
        return None
    return state.done | (state.doubtful & right)


def _sample(done: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the first, the last and some positions between of those that are done."""
    there = np.flatnonzero(done)
    sample = np.zeros(len(done), np.bool_)
    if len(there):
        sample[there[np.linspace(0, len(there) - 1, _SAMPLES).astype(np.int64)]] = True
    return sample


def _digested(
    task: Task[S], target: Target, found: IndexFacts, wanted: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Digest the positions `wanted`, and no others; returns which of all positions are right."""
    index = found.index
    parts = [
        (first + begin, first + end)
        for first, last in spans(index)
        for begin, end in _runs(wanted[first:last])
    ]
    return read_spans(task, target, index, parts, "examining")


def _runs(marks: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return `(first, last + 1)` of each run of marks."""
    edges = np.flatnonzero(np.diff(marks.astype(np.int8), prepend=0, append=0)).tolist()
    return list(zip(edges[::2], edges[1::2], strict=True))


def left_behind(target: str) -> bool:
    """Whether an earlier run left files that belong to `target`."""
    return os.path.lexists(staged_path(target)) or os.path.lexists(journal_path(target))


def tidy(target: str) -> None:
    """Remove what earlier runs left of a target that is complete, except what a run has open."""
    discard(staged_path(target))
    discard(journal_path(target))


@contextmanager
def journalled(
    task: Task[S], target: Target, detail: ExtractDetail, pace: Pace
) -> Iterator[Journal | None]:
    """Lend the journal about the file open as `target`; removed where the block ends without error.

    Call this under that file's lock, before anything of it is changed. The journal says that just
    those chunks are right that `detail` holds for right.
    """
    found = detail.found
    try:
        binding = bind(target, found.index, found.file_digest)
        journal = Journal.open(journal_path(target.name), target, binding, pace)
    except TargetError as error:
        task.warn(f"{error}; a run that is interrupted will read the whole target again")
        yield None
        return
    with journal:
        if (journal.done & ~detail.held).any():
            # It did not prove right.
            journal.doubt()
        try:
            yield journal
        except BaseException:
            journal.close_clean()
            raise
        journal.remove()
