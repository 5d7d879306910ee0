"""Reading back what was written, where a manifest asks for it."""

import numpy as np

from desync_jobs.assembly.batches import spans
from desync_jobs.assembly.compare import Machinery, compare_spans, wrong_ranges
from desync_jobs.assembly.placing import Target
from desync_jobs.errors import TargetError
from desync_jobs.execute.task import Task
from desync_jobs.manifest.operations.extract import ExtractSpec
from desync_jobs.planner.extraction import ExtractDetail


def read_back(task: Task[ExtractSpec], detail: ExtractDetail, target: Target) -> None:
    """Digest what `verify` asks for; `TargetError` names the first range that came out wrong."""
    if task.spec.verify == "fetched":
        return
    index, machine = detail.index, task.machine
    wanted = [
        (first, last)
        for first, last in spans(index)
        if task.spec.verify == "all" or not detail.held[first:last].all()
    ]
    size = sum(index.end(last - 1) - index.start(first) for first, last in wanted)
    machine.progress.expect(size)
    phase = task.phase("verifying", size)
    right = np.ones(len(index), np.bool_)
    machinery = Machinery(machine.workers, machine.kernel)
    for part in compare_spans(target.fd, target.name, index, wanted, machinery):
        right[part.first : part.last] = part.right
        phase.advance(part.size)
    wrong = wrong_ranges(index, right)
    if wrong:
        begin, end = wrong[0]
        raise TargetError(
            f"{target.name}: what was written reads back differently at bytes {begin}-{end}; "
            "check the device and its memory"
        )
