"""Doing `list-chunks`: one ID a line, in index order, repeats kept."""

from collections.abc import Iterator
from typing import Final

from desync_jobs.execute.indexes import find_index
from desync_jobs.execute.inputs import output_facts
from desync_jobs.execute.outputs import write_output
from desync_jobs.execute.result import Done
from desync_jobs.execute.task import Task
from desync_jobs.formats.index import Index
from desync_jobs.formats.unique import hex_lines
from desync_jobs.manifest.operations.list_chunks import ListChunksSpec
from desync_jobs.planner.operations.list_chunks import ListChunksFacts
from desync_jobs.planner.step import Step

_BLOCK: Final = 1 << 16
"""Lines written at a time; 4 MB."""


def survey_list_chunks(task: Task[ListChunksSpec]) -> ListChunksFacts:
    """Read the index."""
    streams = task.machine.streams
    return ListChunksFacts(
        find_index(task, task.spec.index),
        output_facts(task.path(task.spec.output), streams),
    )


def do_list_chunks(task: Task[ListChunksSpec], step: Step) -> Done:
    """Write the list."""
    index = step.detail_as(Index)
    cancel = task.machine.cancel

    def lines() -> Iterator[bytes]:
        for first in range(0, len(index), _BLOCK):
            cancel.check()
            yield from hex_lines(index.ids_between(first, min(first + _BLOCK, len(index))))

    status = write_output(task.path(task.spec.output), task.machine.streams, lines())
    return Done(status, {"chunks": len(index)})
