"""Deciding `pull`: serve a client until it has gone."""

from dataclasses import dataclass

from desync_jobs.formats.index import Index
from desync_jobs.manifest.operations.pull import PullSpec
from desync_jobs.planner.facts import IndexFacts, StoreFacts
from desync_jobs.planner.needed import need_index, need_store
from desync_jobs.planner.step import Action, Decision


@dataclass(frozen=True, slots=True, eq=False)
class PullFacts:
    """The stores, and the index to serve."""

    stores: tuple[StoreFacts, ...]
    index: IndexFacts | None = None


@dataclass(frozen=True, slots=True, eq=False)
class PullDetail:
    """What is served besides chunks."""

    index: Index | None


def plan_pull(spec: PullSpec, facts: PullFacts) -> Decision:
    """Decide to serve; how much the client will ask for is not known."""
    for store in facts.stores:
        need_store(store)
    index = None if spec.index is None else need_index(facts.index, spec.index).index
    return Decision(Action.RUN, "a client is served until it has gone", detail=PullDetail(index))
