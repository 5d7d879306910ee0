"""Small files that appear one after the other, and are synced together.

Each appears whole or not at all, as a `PendingFile` does; syncing them one by one would take some
milliseconds each.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Final

from desync_jobs.assembly.pending import Durability, PendingFile, sync_folder
from desync_jobs.errors import DesyncRunError, TargetError
from desync_jobs.stores.syscalls import sync_file_system

MOST_TOGETHER: Final = 16
"""Files that are open at a time."""


def write_together(files: Sequence[tuple[str, bytes]], check: Callable[[], None]) -> Iterator[bool]:
    """Write each path its content, and yield for each whether what was there was another.

    `check` is called when all is written, before any appears, and may refuse it. The first that
    cannot be written is raised when those before it are in their places.
    """
    failed: DesyncRunError | None = None
    pending: list[PendingFile] = []
    changed: list[bool] = []
    with ExitStack() as opened:
        try:
            for path, content in files:
                one = opened.enter_context(PendingFile(path))
                one.write(content)
                pending.append(one)
        except DesyncRunError as error:
            failed = error
        new = {id(one): one for one in pending if not one.same_as_published()}
        _sync(list(new.values()))
        check()
        try:
            for one in pending:
                if id(one) in new:
                    one.commit(Durability.NONE)
                changed.append(id(one) in new)
        except DesyncRunError as error:
            failed = error
        for folder in {os.path.dirname(one.path) for one in new.values()}:
            _sync_names(folder)
    yield from changed
    if failed is not None:
        raise failed


def _sync(files: Sequence[PendingFile]) -> None:
    """Return when the content of all `files` is on its disk."""
    # Of one file system the first, which was open before anything was written to another.
    first = {os.fstat(one.fd).st_dev: one for one in reversed(files)}
    for one in first.values():
        try:
            if len(files) == 1:
                os.fsync(one.fd)
            else:
                sync_file_system(one.fd)
        except OSError as error:
            raise TargetError.of_writing(one.path, error) from error


def _sync_names(folder: str) -> None:
    try:
        sync_folder(folder)
    except OSError as error:
        raise TargetError.of_writing(folder, error) from error
