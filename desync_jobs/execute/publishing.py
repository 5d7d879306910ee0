"""Indexes that are complete, put in their places in order."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

from desync_jobs.assembly.together import MOST_TOGETHER, write_together
from desync_jobs.execute.indexes import open_index_output
from desync_jobs.execute.result import Status
from desync_jobs.execute.task import Task
from desync_jobs.manifest.paths import url_scheme

S = TypeVar("S")


def published(task: Task[S], indexes: Sequence[tuple[str, bytes]]) -> Iterator[Status]:
    """Write the content of each of some indexes, as the manifest calls them, and yield how it was.

    Their chunks are stored and synced. All are files, or all are elsewhere. `LockedError` instead
    where a lease was lost under which they were.
    """
    if any(url_scheme(task.path(text)) for text, _ in indexes):
        task.leases.expect(task.path(text) for text, _ in indexes)
        for text, content in indexes:
            with open_index_output(task, text) as output:
                output.write(content)
                yield output.finish()
        return
    files = [(task.path(text), content) for text, content in indexes]
    for first in range(0, len(files), MOST_TOGETHER):
        for new in write_together(files[first : first + MOST_TOGETHER], task.leases.check):
            yield Status.DONE if new else Status.UNCHANGED
