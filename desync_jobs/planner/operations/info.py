"""Deciding `info`: figures of an index, and how much of it is at hand."""

from dataclasses import dataclass

from desync_jobs.manifest.operations.info import InfoSpec
from desync_jobs.planner.cost import Amount, Cost
from desync_jobs.planner.facts import FileFacts, IndexFacts, StoreFacts
from desync_jobs.planner.listing import decide_listing
from desync_jobs.planner.needed import need_apart, need_index, need_store
from desync_jobs.planner.step import Decision


@dataclass(frozen=True, slots=True, eq=False)
class InfoFacts:
    """The index, the output, the stores, and the seeds' indexes."""

    index: IndexFacts | None
    output: FileFacts
    stores: tuple[StoreFacts, ...]
    seeds: tuple[IndexFacts, ...]


@dataclass(frozen=True, slots=True, eq=False)
class InfoDetail:
    """What the doer counts."""

    index: IndexFacts
    seeds: tuple[IndexFacts, ...]


def plan_info(spec: InfoSpec, facts: InfoFacts) -> Decision:
    """Decide to ask every store for the presence of each distinct chunk."""
    found = need_index(facts.index, spec.index)
    need_apart(facts.output, found)
    for store in facts.stores:
        need_store(store)
    count = len(found.index)
    asked = tuple(Amount(store.name, 0, count, count, exact=False) for store in facts.stores)
    cost = Cost((Amount("index", 40 * count, count), *asked))
    detail = InfoDetail(found, facts.seeds)
    return decide_listing(facts.output, cost, detail)
