"""How far the copying of a whole store is: which parts of it, by the first byte of the IDs.

A part counts as copied as long as the source has the very chunks in it that it had then. A plan
counts on that; a run, under its lease, looks whether they are still where they were copied to. The
file's first line says what is copied where and how; each further one is a prefix in hex and the
SHA-256 of the IDs that begin with it.
"""

import hashlib
import os
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from desync_jobs.execute.opening import open_forms
from desync_jobs.execute.published import publish_text, read_published
from desync_jobs.execute.task import Task
from desync_jobs.manifest.operations.migrate import MigrateSpec
from desync_jobs.stores.base import ChunkStore

_LIMIT: Final = 1 << 16
_EVERY: Final = 1024
"""Chunks between two states of the file; before each the store is synced."""
_BELIEVED: Final = 86_400.0
"""Seconds for which a plan believes the file: for as long nothing that was copied is garbage to a
`prune` of the other store that waits for a day, as it does unless it is told otherwise."""
_LINE: Final = re.compile("([0-9a-f]{2}) ([0-9a-f]{64})")
_PARTS: Final = 256


class CopyProgress:
    """What is copied of `ids`, shape (n, 32) and ascending; nothing without a file."""

    def __init__(self, task: Task[MigrateSpec], ids: NDArray[np.uint8]) -> None:
        named = task.spec.progress
        self._path = None if named is None else task.path(named)
        self._heading = f"# desync-run migration 1 {_binding(task)}"
        self._bounds = np.searchsorted(ids[:, 0], np.arange(_PARTS + 1))
        self._ids = ids
        self._done: dict[int, str] = dict(self._read())
        self._unsaved = 0
        self._reached = 0

    def lacking(self) -> NDArray[np.bool_]:
        """Return for each chunk whether it may not have been copied."""
        mask = np.ones(len(self._ids), np.bool_)
        for part in self._done:
            mask[self._bounds[part] : self._bounds[part + 1]] = False
        return mask

    def note(self, reached: int, count: int, store: ChunkStore) -> None:
        """Take note of `count` more chunks: all whose first byte is below `reached` are copied."""
        self._unsaved += count
        if self._path is None or reached == self._reached:
            return
        for part in range(self._reached, reached):
            self._done[part] = self._digest(part)
        self._reached = reached
        if self._unsaved >= _EVERY:
            store.flush()
            lines = (f"{part:02x} {self._done[part]}\n" for part in sorted(self._done))
            publish_text(self._path, "".join((f"{self._heading}\n", *lines)))
            self._unsaved = 0

    def finish(self) -> None:
        """Remove the file: all is copied."""
        if self._path is not None:
            with suppress(FileNotFoundError):
                os.unlink(self._path)

    def _read(self) -> Iterator[tuple[int, str]]:
        if self._path is None or not _is_fresh(self._path):
            return
        data = read_published(self._path, _LIMIT)
        heading, *lines = (data or b"").decode("ascii", "replace").split("\n")
        if heading != self._heading:
            return
        for line in lines:
            match = _LINE.fullmatch(line)
            if match is not None and self._digest(int(match[1], 16)) == match[2]:
                yield int(match[1], 16), match[2]

    def _digest(self, part: int) -> str:
        ids = self._ids[self._bounds[part] : self._bounds[part + 1]]
        return hashlib.sha256(ids.tobytes()).hexdigest()


def _is_fresh(path: str) -> bool:
    with suppress(FileNotFoundError):
        return time.time() - os.stat(path).st_mtime < _BELIEVED
    return False


def _binding(task: Task[Any]) -> str:
    """Return a digest of what is copied where, and of what it becomes."""
    spec, job = task.spec, task.machine.job
    form = open_forms(task, spec.store).own.suffix
    said = (job.location(spec.stores[0]), job.location(spec.store), form, str(spec.recompress))
    return hashlib.sha256("\0".join(said).encode()).hexdigest()
