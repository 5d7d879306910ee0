"""Chunks that a copy leaves out, because they are known to be elsewhere."""

from collections.abc import Sequence
from typing import TypeVar

from desync_jobs.core.chunk import ChunkID
from desync_jobs.execute.indexes import need_index
from desync_jobs.execute.inputs import read_chunk_ids
from desync_jobs.execute.kept import rows
from desync_jobs.execute.task import Task

S = TypeVar("S")


def ignored_ids(task: Task[S], indexes: Sequence[str], lists: Sequence[str]) -> set[ChunkID]:
    """Return the IDs of all `indexes` and of all `lists` (text files, one ID a line)."""
    ids: set[ChunkID] = set()
    for text in indexes:
        index = need_index(task, text).index
        ids.update(rows(index.ids_at(index.distinct())))
    for text in lists:
        ids |= read_chunk_ids(task.path(text), task.machine.streams)
    return ids
