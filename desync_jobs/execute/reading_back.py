"""Reading back what was written, where a manifest asks for it."""

from collections.abc import Iterator
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from desync_jobs.assembly.batches import spans
from desync_jobs.assembly.compare import Machinery, compare_spans, wrong_ranges
from desync_jobs.assembly.placing import Target
from desync_jobs.errors import TargetError
from desync_jobs.execute.task import Task
from desync_jobs.formats.index import Index
from desync_jobs.manifest.operations.extract import ExtractSpec
from desync_jobs.planner.extraction import ExtractDetail

S = TypeVar("S")


def read_back(task: Task[ExtractSpec], detail: ExtractDetail, target: Target) -> None:
    """Digest what `verify` asks for; `TargetError` names the first range that came out wrong."""
    if task.spec.verify == "fetched":
        return
    index = detail.index
    # What an interrupted run wrote to a new file nobody has read back yet.
    resumed = not task.spec.in_place and detail.begun is not None
    wanted = [
        (first, last)
        for first, last in spans(index)
        if task.spec.verify == "all" or resumed or not detail.held[first:last].all()
    ]
    right = read_spans(task, target, index, wanted, "verifying")
    for first, last in _others(wanted, len(index)):
        right[first:last] = True
    wrong = wrong_ranges(index, right)
    if wrong:
        begin, end = wrong[0]
        raise TargetError(
            f"{target.name}: what was written reads back differently at bytes {begin}-{end}; "
            "check the device and its memory"
        )


def _others(spans_read: list[tuple[int, int]], count: int) -> Iterator[tuple[int, int]]:
    """Yield what lies between `spans_read`, of `count` positions."""
    begin = 0
    for first, last in [*spans_read, (count, count)]:
        yield begin, first
        begin = last


def read_spans(
    task: Task[S], target: Target, index: Index, parts: list[tuple[int, int]], phase_name: str
) -> NDArray[np.bool_]:
    """Digest the positions of `parts`; returns which of all positions proved right."""
    machine = task.machine
    size = sum(index.end(last - 1) - index.start(first) for first, last in parts)
    machine.progress.expect(size)
    phase = task.phase(phase_name, size)
    right = np.zeros(len(index), np.bool_)
    machinery = Machinery(machine.workers, machine.kernel)
    for part in compare_spans(target.fd, target.name, index, parts, machinery):
        right[part.first : part.last] = part.right
        phase.advance(part.size)
    return right
