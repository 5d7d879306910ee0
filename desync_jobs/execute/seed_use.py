"""Using the seeds of one extraction, and leaving out those that turn out wrong.

Runs are brought from the seeds that are trusted. One that is not what its index says, or that
cannot be read, is trusted no more, or is indexed anew, once, where `invalid_seeds` says so;
what it should have had is for the caller to assign again. So there are at most two rounds for
each seed, however often it changes.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

import numpy as np

from desync_jobs.assembly.cloning import RangeCopier
from desync_jobs.assembly.placing import Target
from desync_jobs.assembly.seeding import Machinery, OpenSeed, Seeded, seed_into
from desync_jobs.core.matching import Run, Runs
from desync_jobs.errors import BlobMismatchError, SourceError
from desync_jobs.execute.inputs import open_input
from desync_jobs.execute.seed_index import forget_index, renewed_seed
from desync_jobs.execute.statistics import Share
from desync_jobs.execute.storage import same_storage
from desync_jobs.execute.task import Task
from desync_jobs.formats.index import Index
from desync_jobs.manifest.operations.extract import ExtractSpec
from desync_jobs.planner.facts import SeedFacts
from desync_jobs.report.words import counted

_OPEN: Final = 32
"""Seeds that are open at a time."""
_ASIDE: Final = 64 << 20
"""Bytes set aside between two looks whether the run is to stop."""


class SeedUse:
    """The seeds of one extraction into `target`."""

    def __init__(
        self, task: Task[ExtractSpec], seeds: tuple[SeedFacts, ...], index: Index, target: Target
    ) -> None:
        self._task = task
        self._index = index
        self._target = target
        self._seeds = list(seeds)
        self._copier = RangeCopier()
        self._wrong: dict[int, list[int]] = {}
        """Positions that seeds did not have right in this round, by the number of the seed."""
        self._problems: dict[int, SourceError] = {}
        self._renewed: set[str] = set()
        self._overwritten: set[str] = set()
        """Names of seeds that are the target too, or stand on the same storage."""
        self.shares = {f"seed {seed.name}": Share() for seed in seeds}
        """What each seed gave, by its name in plans."""
        self.cloned = 0
        """Bytes that the target shares with seeds."""
        self.damaged = 0
        """How many positions came out wrong, over all rounds."""

    @property
    def trusted(self) -> tuple[SeedFacts, ...]:
        """The seeds that are trusted; runs refer to them by number."""
        return tuple(self._seeds)

    @property
    def disappointed(self) -> bool:
        """Whether a seed did not have in this round what it should have."""
        return bool(self._wrong)

    @contextmanager
    def set_aside(self, runs: Runs) -> Iterator[dict[int, OpenSeed]]:
        """Lend copies of what `runs` need of seeds that the target's writer will overwrite.

        Every seed is looked at. One that cannot be opened is left out, and its positions are wrong.
        """
        with ExitStack() as kept:
            aside: dict[int, OpenSeed] = {}
            for number in _numbers(runs):
                try:
                    with self._opened(number) as seed:
                        if same_storage(self._target.fd, seed.fd):
                            self._overwritten.add(self._seeds[number].name)
                            aside[number] = self._staged(seed, _of(runs, number), kept)
                except SourceError as error:
                    self._lack(number, runs, error)
            yield aside

    def bring(self, runs: Runs, aside: dict[int, OpenSeed]) -> Iterator[Seeded]:
        """Bring `runs`, what is `aside` from there; yields what came of each stretch.

        There may be more seeds than files may be open: a few are at a time. Raises
        `BlobMismatchError` or `SourceError` for what is wrong in a seed that must be right.
        """
        numbers = [one for one in _numbers(runs) if one not in self._wrong]
        for begin in range(0, len(numbers), _OPEN):
            with ExitStack() as opened:
                seeds: dict[int, OpenSeed] = {}
                for number in numbers[begin : begin + _OPEN]:
                    try:
                        seeds[number] = aside.get(number) or opened.enter_context(
                            self._opened(number)
                        )
                    except SourceError as error:
                        self._lack(number, runs, error)
                yield from self._bring(runs, seeds)

    @contextmanager
    def _opened(self, number: int) -> Iterator[OpenSeed]:
        seed = self._seeds[number]
        with open_input(seed.blob.path, self._task.machine.streams) as fd:
            yield OpenSeed(fd, f"seed {seed.name} ({seed.blob.path})", seed.index)

    def _lack(self, number: int, runs: Runs, error: SourceError) -> None:
        """Take note that a seed cannot be read at all."""
        places = [place for run in _of(runs, number) for place in _places(run)]
        self._note(number, places, SourceError(f"seed {self._seeds[number].name}: {error}"))

    def _bring(self, runs: Runs, seeds: dict[int, OpenSeed]) -> Iterator[Seeded]:
        there = np.isin(runs.seed, list(seeds))
        usable = Runs(runs.first[there], runs.last[there], runs.seed[there], runs.at[there])
        machine = self._task.machine
        machinery = Machinery(machine.workers, machine.kernel, self._copier)
        for part in seed_into(self._target, self._index, usable, seeds, machinery):
            self.cloned += part.cloned
            self.shares[f"seed {self._seeds[part.seed].name}"].add(len(part.places), part.size)
            if part.wrong:
                self._note(part.seed, part.wrong, part.problem)
            yield part

    def reconsider(self) -> None:
        """Leave out the seeds that were wrong, or index them anew; begins the next round."""
        left = []
        for number, seed in enumerate(self._seeds):
            if number not in self._wrong:
                left.append(seed)
                continue
            self._warn(number, seed)
            if seed.automatic:
                forget_index(self._task, seed.blob, self._index)
            if self._task.spec.invalid_seeds == "regenerate" and seed.name not in self._renewed:
                self._renewed.add(seed.name)
                left += self._renew(seed)
        self._seeds = left
        self._wrong, self._problems = {}, {}

    def _renew(self, seed: SeedFacts) -> list[SeedFacts]:
        try:
            return [renewed_seed(self._task, seed, self._index)]
        except SourceError as error:
            self._task.warn(f"seed {seed.name}: {error}; it is not used any more")
            return []

    def _note(self, number: int, places: list[int], problem: SourceError | None) -> None:
        """Take note that a seed lacks what it should have; raises where that is not allowed."""
        seed = self._seeds[number]
        # Nobody promised that an index made by this program is right, or that an earlier
        # run left a target whole that is changed in place.
        expected = seed.automatic or seed.written or seed.name in self._overwritten
        if self._task.spec.invalid_seeds == "fail" and not expected:
            begin, end = self._index.start(places[0]), self._index.end(places[0])
            raise problem or BlobMismatchError(
                f"seed {seed.name} ({seed.blob.path}) is not what its index says: it lacks bytes "
                f"{begin}-{end} of the target; allow invalid seeds or mend this one"
            )
        self.damaged += len(places)
        self._wrong.setdefault(number, []).extend(places)
        if problem is not None:
            self._problems.setdefault(number, problem)

    def _warn(self, number: int, seed: SeedFacts) -> None:
        problem = self._problems.get(number)
        what = f"seed {seed.name} ({seed.blob.path}) is not what its index says"
        lacking = counted(len(self._wrong[number]), "chunk")
        self._task.warn(f"{problem or what}: taken from elsewhere: {lacking}")

    def _staged(self, seed: OpenSeed, runs: list[Run], opened: ExitStack) -> OpenSeed:
        """Set aside what is wanted of a seed that is about to be overwritten."""
        # Imported where it is needed: it takes a while, and few runs come here.
        import tempfile

        folder = os.path.dirname(self._target.name)
        where = folder if os.access(folder, os.W_OK) and not folder.startswith("/dev") else None
        aside = opened.enter_context(tempfile.TemporaryFile(dir=where))  # noqa: SIM115 - closed by the stack
        kept = Target(aside.fileno(), f"copy of {seed.name}")
        for run in runs:
            begin = seed.index.start(run.at)
            end = begin + self._index.end(run.last - 1) - self._index.start(run.first)
            for at in range(begin, end, _ASIDE):
                self._task.machine.cancel.check()
                self._copier.copy(seed, at, kept, at, min(_ASIDE, end - at))
        return OpenSeed(kept.fd, seed.name, seed.index)


def _numbers(runs: Runs) -> list[int]:
    """Return the number of each seed that `runs` need, ascending."""
    # `np.unique` would import masked arrays, which takes a tenth of the start-up.
    numbers: list[int] = np.flatnonzero(np.bincount(runs.seed)).tolist()
    return numbers


def _of(runs: Runs, number: int) -> list[Run]:
    mine = runs.seed == number
    return list(Runs(runs.first[mine], runs.last[mine], runs.seed[mine], runs.at[mine]))


def _places(run: Run) -> range:
    return range(run.first, run.last)
