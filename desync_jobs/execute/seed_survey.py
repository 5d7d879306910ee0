"""The seeds of an operation on many indexes, looked for once for each way of cutting."""

from collections.abc import Collection
from typing import TypeVar

from desync_jobs.core.sizes import ChunkSizes
from desync_jobs.execute.seeds import survey_seeds
from desync_jobs.execute.task import Task
from desync_jobs.planner.facts import IndexFacts, SeedFacts

S = TypeVar("S")


class SeedSurvey:
    """Seeds for indexes of one operation; `beside` are the paths of all that it extracts."""

    def __init__(self, task: Task[S], names: tuple[str, ...], beside: Collection[str] = ()) -> None:
        self._task = task
        self._names = names
        self._beside = beside
        self._found: dict[tuple[int, ChunkSizes], tuple[SeedFacts, ...]] = {}

    def serving(self, wanted: IndexFacts) -> tuple[SeedFacts, ...]:
        """Return the seeds that can serve `wanted`; raises what `survey_seeds` raises."""
        # What seeds there are, and how they are indexed where they have no index, depends on this.
        cutting = (wanted.index.flags, wanted.index.sizes)
        if cutting not in self._found:
            self._found[cutting] = survey_seeds(self._task, self._names, wanted, self._beside)
        return self._found[cutting]
