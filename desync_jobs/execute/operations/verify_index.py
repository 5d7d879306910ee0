"""Doing `verify-index`: every chunk of the blob is digested, every wrong range is named."""

import numpy as np

from desync_jobs.assembly.compare import compare_blob, wrong_ranges
from desync_jobs.errors import BlobMismatchError
from desync_jobs.execute.indexes import find_index
from desync_jobs.execute.inputs import file_facts, open_input
from desync_jobs.execute.result import Done, Status
from desync_jobs.execute.task import Task
from desync_jobs.formats.index import Index
from desync_jobs.manifest.operations.verify_index import VerifyIndexSpec
from desync_jobs.planner.operations.verify_index import VerifyIndexFacts
from desync_jobs.planner.step import Step

_SHOWN = 10
"""Wrong ranges named in the message; the statistics count all."""


def survey_verify_index(task: Task[VerifyIndexSpec]) -> VerifyIndexFacts:
    """Read the index and look at the blob."""
    streams = task.machine.streams
    return VerifyIndexFacts(
        find_index(task, task.spec.index),
        file_facts(task.path(task.spec.blob), streams),
    )


def do_verify_index(task: Task[VerifyIndexSpec], step: Step) -> Done:
    """Read the whole blob; a wrong range does not end the reading."""
    index = step.detail_as(Index)
    machine = task.machine
    path = task.path(task.spec.blob)
    phase = task.phase("verifying", index.blob_size)
    right = np.zeros(len(index), np.bool_)
    with open_input(path, machine.streams) as fd:
        for part in compare_blob(fd, path, index, machine.workers, machine.kernel):
            right[part.first : part.last] = part.right
            phase.advance(part.size)
    wrong = wrong_ranges(index, right)
    statistics = {
        "bytes": index.blob_size,
        "chunks": len(index),
        "wrong_chunks": int(len(right) - np.count_nonzero(right)),
        "wrong_ranges": [list(span) for span in wrong],
    }
    if wrong:
        return Done(Status.FAILED, statistics, _mismatch(path, wrong))
    return Done(statistics=statistics)


def _mismatch(path: str, wrong: list[tuple[int, int]]) -> BlobMismatchError:
    shown = ", ".join(f"{begin}-{end}" for begin, end in wrong[:_SHOWN])
    more = f" and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
    return BlobMismatchError(f"{path} is not what its index describes: bytes {shown}{more}")
