"""Keeping what is read of a mounted blob in a file, over restarts and kills."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from desync_jobs.assembly.blob_reader import Elsewhere
from desync_jobs.assembly.copy_file import (
    CopyFile,
    CopyPlaces,
    open_copy_file,
    prepare_copy_file,
    read_marks,
)
from desync_jobs.assembly.copy_on_read import CopyOnRead
from desync_jobs.assembly.prefetching import Prefetching
from desync_jobs.assembly.random_access import RandomAccess
from desync_jobs.errors import DesyncRunError
from desync_jobs.execute.target_lock import lock_for_change
from desync_jobs.execute.task import Task
from desync_jobs.manifest.copy_on_read import CopyOnReadSpec
from desync_jobs.manifest.mounting import MountSpec
from desync_jobs.mount.telling import Failures
from desync_jobs.planner.operations.mount_index import MountIndexDetail


class Saving:
    """Writes the state of a copy now and then; what keeps it from that is told once."""

    def __init__(self, file: CopyFile, every: float, failures: Failures) -> None:
        self._file = file
        self._every = every
        self._failures = failures
        self._last = time.monotonic()

    def tick(self) -> None:
        """Save where it is time."""
        if time.monotonic() - self._last >= self._every:
            self.save()

    def save(self) -> None:
        """Save where anything is new."""
        try:
            self._file.save()
        except DesyncRunError as error:
            self._failures.note(str(error))
        self._last = time.monotonic()


@dataclass(frozen=True, slots=True)
class Copy:
    """A blob that is copied as it is read, and what saves how far that is."""

    blob: CopyOnRead
    file: CopyFile
    saving: Saving


@contextmanager
def opened_copy(
    task: Task[MountSpec],
    spec: CopyOnReadSpec,
    detail: MountIndexDetail,
    fetch: Callable[[Elsewhere], RandomAccess],
) -> Iterator[Copy]:
    """Open the file for this run alone, and fetch what the list names in the background.

    `fetch` opens the blob as stores have it, told what is in the file. When the block is left, the
    state is saved. `LockedError` while another run uses the file; `TargetError` where it cannot be
    used; `SourceError` where there is no such list.
    """
    listed = _listed(task, spec, detail)
    places = CopyPlaces(task.path(spec.file), task.path(spec.state_path))
    fd = open_copy_file(places.file)
    try:
        lock_for_change(fd, places.file)
        file, of_another = prepare_copy_file(fd, places, detail.index, detail.digest)
        if of_another:
            task.warn(f"{places.file} was a copy of another index, and is begun anew")
        failures = Failures(task.warn)
        fetched = fetch(file.copied.there)
        blob = CopyOnRead(detail.index, fetched, file.target, file.copied, failures.note)
        saving = Saving(file, spec.save_every, failures)
        try:
            with Prefetching(blob, detail.index, spec.prefetch_threads) as prefetching:
                if listed is not None:
                    prefetching.begin(listed, failures.note)
                yield Copy(blob, file, saving)
        finally:
            blob.close()
            saving.save()
    finally:
        os.close(fd)


def _listed(
    task: Task[MountSpec], spec: CopyOnReadSpec, detail: MountIndexDetail
) -> NDArray[np.bool_] | None:
    if spec.prefetch is None:
        return None
    path = task.path(spec.prefetch)
    if path == task.path(spec.state_path) and not os.path.exists(path):
        return None  # the list of the run before, and this is the first
    marks = read_marks(path, detail.index, detail.digest)
    if marks is None:
        task.warn(f"{path} is about another index; nothing is fetched beforehand")
    return marks
