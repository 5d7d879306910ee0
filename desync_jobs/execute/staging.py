"""Where an extraction writes that is not in place: a hidden file that replaces the target.

With a journal about it the hidden file stays behind where a run is ended, by whatever: the next
run of the same index goes on with it. Nothing is kept where that helps nobody:

* of blobs that are fetched again faster than a journal is made safe;
* before anything is right, and where what is right did not prove to be the blob wanted;
* where the disk is full, so that others get the room.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from desync_jobs.assembly.hidden import staged_path
from desync_jobs.assembly.journal import Journal, Pace
from desync_jobs.assembly.pending import Durability, PendingFile, StagedFile
from desync_jobs.assembly.placing import Target
from desync_jobs.errors import TargetError
from desync_jobs.execute.inputs import file_facts
from desync_jobs.execute.resume import journalled
from desync_jobs.execute.target_lock import locked_for_replacement
from desync_jobs.execute.targets import refuse_changed, set_size
from desync_jobs.execute.task import Streams, Task
from desync_jobs.manifest.operations.extract import ExtractSpec
from desync_jobs.planner.extraction import ExtractDetail
from desync_jobs.planner.facts import FileFacts, FileKind

_WORTH_KEEPING: Final = 8 << 20
"""Bytes of a blob from which a journal is kept."""

_FULL: Final = {errno.ENOSPC, errno.EDQUOT}


def staged_facts(target: str, streams: Streams) -> FileFacts | None:
    """Look at what an earlier run left of the next version of `target`.

    None where there is nothing that is this user's own: whoever owns a file can write to it at any
    time. Raises `SourceError`.
    """
    path = staged_path(target)
    seen = file_facts(path, streams)
    if seen.kind is not FileKind.REGULAR or os.stat(path).st_uid != os.geteuid():
        return None
    return seen


@contextmanager
def staged_target(
    task: Task[ExtractSpec], detail: ExtractDetail, pace: Pace
) -> Iterator[tuple[Target, Journal | None]]:
    """Lend the hidden file and its journal; published where the block ends without error.

    Raises `LockedError` while another run writes the target, in whichever way.
    """
    with locked_for_replacement(detail.target.path), _staged(task, detail, pace) as opened:
        yield opened


@contextmanager
def _staged(
    task: Task[ExtractSpec], detail: ExtractDetail, pace: Pace
) -> Iterator[tuple[Target, Journal | None]]:
    path, size = detail.target.path, detail.index.blob_size
    durability = Durability(task.spec.durability)
    if size < _WORTH_KEEPING:
        with PendingFile(path) as pending:
            target = Target(pending.fd, path)
            set_size(target, size)
            yield target, None
            _publish(pending, durability)
        return
    with StagedFile(path) as staged:
        target = Target(staged.fd, path)
        if detail.begun is not None:
            refuse_changed(os.fstat(staged.fd), detail.begun)
        with journalled(task, target, detail, pace) as journal:
            try:
                if detail.begun is None:
                    staged.truncate()
                set_size(target, size)
                yield target, journal
                _publish(staged, durability)
            except BaseException as error:
                if _is_useless(journal, error):
                    _drop(staged, journal)
                raise


def _publish(staged: StagedFile, durability: Durability) -> None:
    """Replace the target, unless somebody made one meanwhile who still writes it."""
    with locked_for_replacement(staged.path):
        staged.commit(durability)


def _is_useless(journal: Journal | None, error: BaseException) -> bool:
    cause = error.__cause__
    full = isinstance(cause, OSError) and cause.errno in _FULL
    return journal is None or not journal.done.any() or (full and isinstance(error, TargetError))


def _drop(staged: StagedFile, journal: Journal | None) -> None:
    staged.drop()
    if journal is not None:
        # Left behind it would be about no file any more.
        with suppress(TargetError):
            journal.remove()
