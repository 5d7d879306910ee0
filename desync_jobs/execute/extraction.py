"""Carrying out the assembly of one blob, source by source.

Order: what must be read before it is overwritten, then copies within the target, then seeds,
then stores, then zeros. What a seed should have had and had not is assigned again, from what is
known then, before stores are asked: another seed may have it, or the target by now.
"""

from collections.abc import Generator
from contextlib import closing
from typing import Any

from desync_jobs.assembly.extracting import Written, copy_within, fetch_into, zero_within
from desync_jobs.assembly.journal import Journal
from desync_jobs.assembly.placing import Target
from desync_jobs.core.ranges import Ranges
from desync_jobs.core.segments import Assembly
from desync_jobs.execute.seed_use import SeedUse
from desync_jobs.execute.statistics import Share, place_statistics, source_statistics
from desync_jobs.execute.task import Task
from desync_jobs.manifest.operations.extract import ExtractSpec
from desync_jobs.planner.extraction import ExtractDetail, assign_again, plain_size, ranges_size
from desync_jobs.stores.base import ChunkSource
from desync_jobs.stores.counters import NO_COUNTS


class Extraction:
    """One run of an extraction into an open target."""

    def __init__(
        self,
        task: Task[ExtractSpec],
        detail: ExtractDetail,
        target: Target,
        journal: Journal | None,
        source: ChunkSource,
    ) -> None:
        self._task = task
        self._detail = detail
        self._target = target
        self._journal = journal
        self._source = source
        self._before = source.counts()
        self._seeds = SeedUse(task, detail.seeds, detail.index, target)
        self._right = detail.held.copy()
        """Which positions the target has right by now."""
        self._fetched = detail.assembly.fetched
        self._shares = {name: Share() for name in ("target", "in place", "zeros")}

    def run(self, work: int) -> None:
        """Write every planned position, `work` bytes in all, and prove that none was left out."""
        self._phase = self._task.phase("assembling", work)
        machine, detail = self._task.machine, self._detail
        index, target = detail.index, self._target
        assembly = detail.assembly
        self._take_what_is_here(assembly)
        while self._seeds.disappointed:
            self._seeds.reconsider()
            assembly = assign_again(detail, self._right, self._seeds.trusted)
            self._take_what_is_here(assembly)
        self._fetched = assembly.fetched
        self._share("in place", Ranges.of(detail.held))
        self._share("zeros", assembly.zeros)
        source, workers, note = self._source, machine.workers, self._remember
        batches = fetch_into(target, index, self._fetched, source, workers, at_once=note)
        with closing(batches):
            for batch in batches:
                self._advance(batch)
        if detail.begun is not None:
            self._count(zero_within(target, index, assembly.zeros))
        else:
            # The file is new: what nobody writes is a hole.
            for first, last in assembly.zeros.blocks():
                self._right[first:last] = True
        if not self._right.all():
            raise AssertionError(f"only {int(self._right.sum())} of {len(index)} chunks are right")

    def statistics(self) -> dict[str, object]:
        """Return the plan's figures, corrected by what seeds did not have, and each store's."""
        figures: dict[str, Any] = self._detail.statistics_with(self._fetched)
        counts = {
            name: one - self._before.get(name, NO_COUNTS)
            for name, one in self._source.counts().items()
        }
        figures["stores"] = place_statistics(counts)
        figures["sources"] = source_statistics(self._shares | self._seeds.shares)
        if self._detail.seeds:
            figures["damaged_seed_chunks"] = self._seeds.damaged
        cloned = max(self._seeds.cloned, 0)
        figures["bytes_cloned_from_seeds"] = cloned
        figures["bytes_copied_from_seeds"] -= cloned
        return figures

    def _take_what_is_here(self, assembly: Assembly) -> None:
        """Write what comes from the target itself and from seeds, as far as it proves right."""
        machine, index, target = self._task.machine, self._detail.index, self._target
        with self._seeds.set_aside(assembly.seeded) as aside:
            self._count(
                copy_within(target, index, assembly.copied, machine.workers, machine.kernel)
            )
            copied = assembly.copied.sources
            self._shares["target"].add(len(copied), plain_size(index, copied))
            for part in self._seeds.bring(assembly.seeded, aside):
                self._note(Written(part.places, part.size))

    def _count(self, batches: Generator[Written, None, None]) -> None:
        # Closed here, so that no thread writes any more when an error is dealt with.
        with closing(batches):
            for batch in batches:
                self._note(batch)

    def _share(self, name: str, ranges: Ranges) -> None:
        self._shares[name].add(len(ranges), ranges_size(self._detail.index, ranges))

    def _note(self, batch: Written) -> None:
        self._remember(batch)
        self._advance(batch)

    def _remember(self, batch: Written) -> None:
        """Have the next run know; called by any thread."""
        if self._journal is not None:
            self._journal.note(batch.places, batch.size)

    def _advance(self, batch: Written) -> None:
        self._right[batch.places] = True
        self._phase.advance(batch.size)
        if self._journal is not None and self._journal.due:
            self._journal.settle()
