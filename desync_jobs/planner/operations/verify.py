"""Deciding `verify`: read a whole store and check every chunk."""

from dataclasses import dataclass

from desync_jobs.manifest.operations.verify import VerifySpec
from desync_jobs.planner.cost import Amount, Cost
from desync_jobs.planner.facts import StoreFacts
from desync_jobs.planner.needed import need_store
from desync_jobs.planner.plan import Action, Decision


@dataclass(frozen=True, slots=True)
class VerifyFacts:
    """The store and how much is in it."""

    store: StoreFacts
    chunks: int
    stored_bytes: int


def plan_verify(spec: VerifySpec, facts: VerifyFacts) -> Decision:
    """Decide to read everything in the store; `repair` removes what is found damaged."""
    need_store(facts.store)
    amount = Amount(spec.store, facts.stored_bytes, facts.chunks, facts.chunks)
    reason = "verifications always run"
    if spec.repair:
        reason += "; damaged chunks are removed"
    return Decision(Action.RUN, reason, Cost((amount,), work=facts.stored_bytes), detail=facts)
