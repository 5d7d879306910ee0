"""The resume journal: which positions of an index are already right in a target.

A hidden file beside the target. `note` appends what was just written: after a kill it counts,
since the system still has those bytes. `settle` syncs the target and says so: what was noted
before counts after a power cut too. What a later run believes is told in `journal_state`.

What `open` writes is synced before it returns, and `remove` is: no older state of the journal can
come back after the target was written to.
"""

import os
import secrets
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from desync_jobs.assembly.journal_binding import Binding
from desync_jobs.assembly.journal_file import JournalFile
from desync_jobs.assembly.journal_state import JournalState, judge, nothing_done
from desync_jobs.assembly.placing import Target
from desync_jobs.errors import TargetError
from desync_jobs.formats.journal import LIFE_SIZE, Doubted, Noted, Settled, Started, Stopped
from desync_jobs.formats.ranges import ascending, range_bytes


@dataclass(frozen=True, slots=True)
class Pace:
    """How much a power cut may take back: what was written or noted since the last settling."""

    size: int = 256 << 20
    """Bytes written."""
    seconds: float = 30


DEFAULT_PACE: Final = Pace()


class Journal:
    """An open journal; a context manager that leaves the file for the next run.

    `note` may be called from any thread.
    """

    def __init__(self, file: JournalFile, target: Target, state: JournalState, pace: Pace) -> None:
        self.stopped = state.stopped
        """Whether the run before this one ended in order; False after a kill or if none was."""
        self.changed_by_others = state.changed_by_others
        """Whether somebody else changed the target since then: all is doubtful that was done."""
        self.done = _read_only(state.done)
        """One a position: it is right in the target."""
        self.doubtful = _read_only(state.doubtful)
        """One a position: it was right once, and must be hashed."""
        self._done = state.done
        self._doubtful = state.doubtful
        self._file = file
        self._target = target
        self._pace = pace
        self._lock = threading.Lock()
        self._settling = threading.Lock()
        self._noted = 0 if state.settled else file.size
        self._covered = 0
        self._size = 0
        self._since = time.monotonic()

    @classmethod
    def open(cls, path: str, target: Target, binding: Binding, pace: Pace = DEFAULT_PACE) -> Self:
        """Open the journal at `path`, or begin it anew where it does not fit `binding`.

        Call this under the target's lock and before the target is changed. Raises `LockedError`
        while another run has the journal, and `TargetError` where it cannot be written.
        """
        file = JournalFile.open(path)
        try:
            state = _resumed(file, binding) or _begun(file, binding)
            file.append(Started(binding.life))
            file.sync()
            file.sync_name()
        except BaseException:
            file.close()
            raise
        return cls(file, target, state, pace)

    @property
    def due(self) -> bool:
        """Whether it is time to settle."""
        if self._noted <= self._covered:
            return False
        late = time.monotonic() - self._since >= self._pace.seconds
        return late or self._size >= self._pace.size

    def sample(self, count: int) -> NDArray[np.int64]:
        """Return up to `count` positions that are done, to be hashed before a killed run goes on.

        The first and the last, which whoever mounts a file system or makes partitions changes;
        the rest at random. Where one of them is wrong, call `doubt`.
        """
        there = np.flatnonzero(self.done)
        if len(there) <= count:
            return there
        inner = secrets.SystemRandom().sample(range(1, len(there) - 1), max(count - 2, 0))
        picked = there[[0, *sorted(inner), -1]]
        return picked[:count]

    def note(self, positions: Sequence[int] | NDArray[np.int64], size: int) -> None:
        """Append that `positions`, in any order, are right in the target.

        Call this after their bytes were written, `size` in all (0 where they were found right).
        Raises `TargetError` where the journal cannot be written; all noted before stays good.
        """
        numbers = ascending(positions)
        if len(numbers) and not 0 <= numbers[0] <= numbers[-1] < len(self.done):
            raise ValueError(f"positions {numbers[0]} to {numbers[-1]} of {len(self.done)}")
        with self._lock:
            self._size += size
            numbers = numbers[~self._done[numbers]]
            if not len(numbers):
                return
            if self._noted <= self._covered:
                self._since = time.monotonic()
            self._file.append(Noted(self._changed(), range_bytes(numbers)))
            self._noted = self._file.size
            self._done[numbers] = True
            self._doubtful[numbers] = False

    def settle(self) -> None:
        """Sync the target, and append that what was noted before survives a power cut.

        Other threads may note meanwhile; that is not settled yet. Raises `TargetError` where
        the target or the journal cannot be written.
        """
        with self._settling:
            with self._lock:
                covered, size = self._noted, self._size
            if covered > self._covered:
                changed = self._changed()
                self._sync_target()
                with self._lock:
                    self._file.append(Settled(covered, changed))
                    self._size -= size
                self._file.sync()
                self._covered = covered
                self._since = time.monotonic()

    def doubt(self) -> None:
        """Believe nothing that is done: a sample of it was wrong.

        Raises `TargetError` where the journal cannot be written.
        """
        with self._lock:
            self._file.append(Doubted())
            self._noted = 0
            self._doubtful |= self._done
            self._done[:] = False
        self._file.sync()

    def close_clean(self) -> None:
        """Append that this run stopped in order: nothing of it writes to the target any more.

        The next run then knows of any change by others. Does not settle: that may take long. Where
        this cannot be written, the next run takes this one for killed.
        """
        with self._lock, suppress(TargetError):
            self._file.append(Stopped(self._changed()))

    def remove(self) -> None:
        """Remove the journal: the target is complete, or its work is given up.

        Raises `TargetError`.
        """
        self._file.remove()

    def _changed(self) -> int:
        try:
            return os.fstat(self._target.fd).st_ctime_ns
        except OSError as error:
            # XFS answers nothing any more where its disk has gone.
            raise TargetError(
                f"{self._target.name}: cannot be looked at: {error.strerror}"
            ) from error

    def _sync_target(self) -> None:
        try:
            # Not fdatasync: the change time, too, must not be older after a power cut.
            os.fsync(self._target.fd)
        except OSError as error:
            self._lose_unsettled()
            raise TargetError.of_writing(self._target.name, error) from error

    def _lose_unsettled(self) -> None:
        """Let later runs hash what was not settled: the system drops what it failed to write.

        It may also keep such bytes in memory as if they were written; they must be read anew.
        """
        with suppress(OSError):
            os.posix_fadvise(self._target.fd, 0, 0, os.POSIX_FADV_DONTNEED)
        with self._lock:
            try:
                self._file.append(Started(os.urandom(LIFE_SIZE)))
            except TargetError:
                self._file.remove()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # The lock goes with the descriptor.
        self._file.close()


def _resumed(file: JournalFile, binding: Binding) -> JournalState | None:
    """Cut off what is torn, and append that nothing is believed where the judgement was that."""
    written = file.written()
    state = judge(file.contents(), written, binding)
    if state is not None:
        file.go_on(state.end)
        if state.changed_by_others:
            file.append(Doubted())
    return state


def _begun(file: JournalFile, binding: Binding) -> JournalState:
    file.begin(binding.subject)
    return nothing_done(binding.subject)


def _read_only(marks: NDArray[np.bool_]) -> NDArray[np.bool_]:
    view = marks.view()
    view.flags.writeable = False
    return view
