"""An extraction whose journal is under test: a target, its index, and runs of it."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from desync_jobs.assembly.journal import DEFAULT_PACE, Journal, Pace
from desync_jobs.assembly.journal_binding import Binding, bind
from desync_jobs.assembly.journal_place import journal_path
from desync_jobs.assembly.journal_reading import foresee_journal
from desync_jobs.assembly.journal_state import JournalState
from desync_jobs.assembly.placing import Target
from desync_jobs.formats.index import Index
from tests.unit.assembly.indexes import index_of

DIGEST = "12" * 32
POSITIONS = 20
LENGTH = 10
"""Of each chunk."""
OTHER_LIFE = bytes(16)


def chunk(position: int) -> bytes:
    return b"%010d" % position


class Extraction:
    """Opens its target anew for each run, as a new process would."""

    def __init__(self, folder: Path, positions: int) -> None:
        self.index: Index = index_of([chunk(position) for position in range(positions)])
        self.path = folder / "target"
        if not self.path.exists():
            self.path.write_bytes(bytes(positions * LENGTH))
        self.journal = Path(journal_path(str(self.path)))
        self._fds: list[int] = []

    def target(self) -> Target:
        self._fds.append(os.open(self.path, os.O_RDWR))
        return Target(self._fds[-1], str(self.path))

    def close(self) -> None:
        for fd in self._fds:
            os.close(fd)
        self._fds.clear()

    def binding(self, life: bytes | None = None) -> Binding:
        found = bind(self.target(), self.index, DIGEST)
        return found if life is None else replace(found, life=life)

    def open(self, life: bytes | None = None, pace: Pace = DEFAULT_PACE) -> Journal:
        binding = self.binding(life)
        return Journal.open(str(self.journal), self.target(), binding, pace)

    def foresee(self, life: bytes | None = None) -> JournalState | None:
        return foresee_journal(str(self.journal), self.binding(life))

    def write(self, *positions: int) -> None:
        with self.path.open("r+b") as file:
            for position in positions:
                file.seek(position * LENGTH)
                file.write(chunk(position))


def done(journal: Journal | JournalState) -> list[int]:
    found: list[int] = np.flatnonzero(journal.done).tolist()
    return found


def doubtful(journal: Journal | JournalState) -> list[int]:
    found: list[int] = np.flatnonzero(journal.doubtful).tolist()
    return found


def noted(extraction: Extraction, *positions: int) -> None:
    """A run that wrote `positions`, noted them and was killed."""
    with extraction.open() as journal:
        extraction.write(*positions)
        journal.note(positions, len(positions) * LENGTH)


def stopped(extraction: Extraction, *positions: int) -> None:
    """A run that wrote `positions`, noted them and ended in order."""
    with extraction.open() as journal:
        extraction.write(*positions)
        journal.note(positions, len(positions) * LENGTH)
        journal.close_clean()
