"""Deciding `verify`: read a whole store, or a sample of it, and check every chunk."""

from dataclasses import dataclass, field

from desync_jobs.manifest.operations.verify import VerifySpec
from desync_jobs.planner.cost import Amount, Cost
from desync_jobs.planner.facts import VOLATILE, StoreFacts
from desync_jobs.planner.needed import need_store
from desync_jobs.planner.step import Action, Decision


@dataclass(frozen=True, slots=True)
class Begun:
    """What an earlier run did of the same verification."""

    chunks: int
    bytes: int
    """Stored bytes of those."""
    examined: bool
    """Whether nothing is left to read."""


@dataclass(frozen=True, slots=True)
class VerifyFacts:
    """The store and how much is in it."""

    store: StoreFacts
    chunks: int
    stored_bytes: int
    sources: tuple[StoreFacts, ...] = ()
    """What damaged chunks are fetched from."""
    begun: Begun | None = field(default=None, metadata=VOLATILE)


def plan_verify(spec: VerifySpec, facts: VerifyFacts) -> Decision:
    """Decide to read what is left of the store; what is found damaged goes, or is replaced."""
    need_store(facts.store)
    for source in facts.sources:
        need_store(source)
    chunks, size = round(facts.chunks * spec.share), round(facts.stored_bytes * spec.share)
    if facts.begun is not None:
        left = not facts.begun.examined
        chunks = max(chunks - facts.begun.chunks, 0) if left else 0
        size = max(size - facts.begun.bytes, 0) if left else 0
    exact = spec.share == 1 and facts.begun is None
    amount = Amount(spec.store, size, chunks, chunks, exact=exact)
    return Decision(Action.RUN, _reason(spec, facts), Cost((amount,), work=size), detail=facts)


def _reason(spec: VerifySpec, facts: VerifyFacts) -> str:
    reason = "verifications always run"
    if facts.begun is not None:
        reason = f"an earlier run checked {facts.begun.chunks:,} of {facts.chunks:,} chunks"
    if spec.repair:
        return f"{reason}; damaged chunks are removed"
    if spec.repair_from:
        return f"{reason}; damaged chunks are replaced from {', '.join(spec.repair_from)}"
    return reason
