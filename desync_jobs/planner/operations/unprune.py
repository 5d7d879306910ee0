"""Deciding `unprune`: whether anything is in quarantine."""

from dataclasses import dataclass

from desync_jobs.errors import UsageError
from desync_jobs.manifest.operations.unprune import UnpruneSpec
from desync_jobs.planner.facts import StoreFacts
from desync_jobs.planner.needed import need_store
from desync_jobs.planner.step import Action, Decision
from desync_jobs.report.words import counted


@dataclass(frozen=True, slots=True)
class UnpruneFacts:
    """What is in quarantine."""

    store: StoreFacts
    chunks: int | None
    """None where the place can have no quarantine."""
    indexes: int
    """How many can come back."""


def plan_unprune(spec: UnpruneSpec, facts: UnpruneFacts) -> Decision:
    """Decide to bring back what there is."""
    need_store(facts.store)
    if facts.chunks is None:
        raise UsageError(f"store {spec.store} can have nothing but chunks, so no quarantine")
    if not facts.chunks and not facts.indexes:
        return Decision(Action.UNCHANGED, "nothing is in quarantine")
    found = f"{counted(facts.chunks, 'chunk')} and {counted(facts.indexes, 'index')}"
    return Decision(Action.RUN, f"{found} are in quarantine", changes=True)
