"""Carrying out the assembly of one blob, source by source.

Order: what must be read before it is overwritten, then copies within the target, then seeds,
then stores, then zeros. Places that a seed should have had right and had not are done last, from
wherever `invalid_seeds` allows.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np

from desync_jobs.assembly.cloning import RangeCopier
from desync_jobs.assembly.extracting import Written, copy_within, fetch_into, zero_within
from desync_jobs.assembly.placing import Target
from desync_jobs.assembly.seeding import Machinery, OpenSeed, seed_into
from desync_jobs.core.matching import Run, Runs, match_runs
from desync_jobs.core.segments import fetch_all
from desync_jobs.errors import BlobMismatchError
from desync_jobs.execute.inputs import open_input
from desync_jobs.execute.opening import Reading, open_sources
from desync_jobs.execute.seed_index import cut_seed
from desync_jobs.execute.task import Task
from desync_jobs.formats.unique import unique_chunks
from desync_jobs.manifest.operations.extract import ExtractSpec
from desync_jobs.planner.extraction import ExtractDetail
from desync_jobs.report.words import counted


class Extraction:
    """One run of an extraction into an open target."""

    def __init__(
        self, task: Task[ExtractSpec], detail: ExtractDetail, target: Target, work: int
    ) -> None:
        self._task = task
        self._detail = detail
        self._target = target
        self._phase = task.phase("assembling", work)
        self._source = open_sources(task, Reading(detail.index.algorithm, detail.index.largest))
        self._copier = RangeCopier()
        self._positions = 0
        self._cloned = 0
        self._wrong: dict[int, list[int]] = {}
        """Positions that seeds did not have right, by the number of the seed."""
        self._fetched_instead = 0

    def run(self) -> None:
        """Write every planned position, and prove that none was left out."""
        machine, detail = self._task.machine, self._detail
        index, assembly, target = detail.index, detail.assembly, self._target
        with ExitStack() as opened:
            seeds = self._open_seeds(opened)
            self._count(
                copy_within(target, index, assembly.copied, machine.workers, machine.kernel)
            )
            self._seed(assembly.seeded, seeds)
            if self._wrong:
                self._mend(seeds)
        fetched = fetch_into(target, index, assembly.fetched, self._source, machine.workers)
        self._count(fetched)
        if self._task.spec.in_place and detail.target.present:
            self._count(zero_within(target, index, assembly.zeros))
        else:
            # The file is new: what nobody writes is a hole.
            self._positions += len(assembly.zeros)
        if self._positions != assembly.positions:
            raise AssertionError(f"{self._positions} positions written, not all that were planned")

    def statistics(self) -> dict[str, object]:
        """Return the plan's figures, corrected by what seeds did not have, and each store's."""
        figures: dict[str, Any] = self._detail.statistics()
        wrong = sum(map(len, self._wrong.values()))
        figures["chunks_from_store"] += self._fetched_instead
        figures["chunks_from_seeds"] -= self._fetched_instead
        figures["stores"] = {
            name: {"chunks": one.chunks, "stored_bytes": one.stored_bytes, "requests": one.requests}
            for name, one in self._source.counts().items()
        }
        if self._detail.seeds:
            figures["damaged_seed_chunks"] = wrong
        figures["bytes_cloned_from_seeds"] = self._cloned
        figures["bytes_copied_from_seeds"] -= self._cloned
        return figures

    def _count(self, batches: Iterator[Written]) -> None:
        for batch in batches:
            self._positions += len(batch.places)
            self._phase.advance(batch.size)

    def _open_seeds(self, opened: ExitStack) -> list[OpenSeed]:
        streams = self._task.machine.streams
        seeds = []
        for number, seed in enumerate(self._detail.seeds):
            fd = opened.enter_context(open_input(seed.blob.path, streams))
            open_seed = OpenSeed(fd, f"seed {seed.name} ({seed.blob.path})", seed.index)
            if self._overwrites(fd):
                open_seed = self._staged(number, open_seed, opened)
            seeds.append(open_seed)
        return seeds

    def _overwrites(self, fd: int) -> bool:
        """Whether writing the target changes this seed."""
        mine, theirs = os.fstat(self._target.fd), os.fstat(fd)
        return (mine.st_dev, mine.st_ino, mine.st_rdev) == (
            theirs.st_dev,
            theirs.st_ino,
            theirs.st_rdev,
        )

    def _staged(self, number: int, seed: OpenSeed, opened: ExitStack) -> OpenSeed:
        """Set aside what is wanted of a seed that is about to be overwritten."""
        folder = os.path.dirname(self._target.name)
        where = None if folder.startswith("/dev") else folder
        import tempfile

        aside = opened.enter_context(tempfile.TemporaryFile(dir=where))  # noqa: SIM115 - closed by the stack
        kept = Target(aside.fileno(), f"copy of {seed.name}")
        for run in self._runs_of(number):
            begin = seed.index.start(run.at)
            length = self._detail.index.end(run.last - 1) - self._detail.index.start(run.first)
            self._copier.copy(seed, begin, kept, begin, length)
        return OpenSeed(kept.fd, seed.name, seed.index)

    def _runs_of(self, number: int) -> Iterator[Run]:
        return (run for run in self._detail.assembly.seeded if run.seed == number)

    def _seed(self, runs: Runs, seeds: Sequence[OpenSeed]) -> None:
        machine = self._task.machine
        machinery = Machinery(machine.workers, machine.kernel, self._copier)
        for part in seed_into(self._target, self._detail.index, runs, seeds, machinery):
            self._positions += len(part.places)
            self._cloned += part.cloned
            self._phase.advance(part.size)
            if part.wrong:
                self._note_wrong(seeds[part.seed], part.seed, part.wrong)

    def _note_wrong(self, seed: OpenSeed, number: int, wrong: list[int]) -> None:
        if self._task.spec.invalid_seeds == "fail":
            index = self._detail.index
            raise BlobMismatchError(
                f"{seed.name} is not what its index says: it lacks bytes {index.start(wrong[0])}-"
                f"{index.end(wrong[0])} of the target; allow invalid seeds or mend this one"
            )
        self._wrong.setdefault(number, []).extend(wrong)

    def _mend(self, seeds: Sequence[OpenSeed]) -> None:
        """Bring what seeds lacked: from the seeds indexed anew, if allowed, then from stores."""
        for number, wrong in self._wrong.items():
            self._task.warn(
                f"{seeds[number].name} is not what its index says: taken from elsewhere: "
                f"{counted(len(wrong), 'chunk')}"
            )
        missing = sorted(position for wrong in self._wrong.values() for position in wrong)
        if self._task.spec.invalid_seeds == "regenerate":
            missing = self._regenerated(missing)
        segments = fetch_all(*self._detail.groups, np.array(missing, np.int64))
        self._fetched_instead = len(segments)
        machine = self._task.machine
        self._count(
            fetch_into(self._target, self._detail.index, segments, self._source, machine.workers)
        )

    def _regenerated(self, missing: list[int]) -> list[int]:
        """Index the seeds that were wrong anew, once, and return what they still lack."""
        index, before = self._detail.index, self._wrong
        facts = [self._detail.seeds[number] for number in before]
        found = [cut_seed(self._task, seed.name, seed.blob, index) for seed in facts]
        _, group = unique_chunks(np.concatenate([index.ids, *(one.ids for one in found)]))
        mine, *theirs = np.split(group, np.cumsum([len(index), *map(len, found)])[:-1])
        wanted = np.zeros(len(index), np.bool_)
        wanted[missing] = True
        with ExitStack() as opened:
            seeds = []
            for seed, fresh in zip(facts, found, strict=True):
                fd = opened.enter_context(open_input(seed.blob.path, self._task.machine.streams))
                seeds.append(OpenSeed(fd, f"seed {seed.name} ({seed.blob.path})", fresh))
            runs = match_runs(mine, wanted, theirs)
            self._wrong = {}
            covered = {place for run in runs for place in range(run.first, run.last)}
            self._seed(runs, seeds)
        lacking = {place for wrong in self._wrong.values() for place in wrong}
        self._wrong = before
        return sorted((set(missing) - covered) | lacking)
