"""Deciding `list-chunks`: the IDs of an index, a line each."""

from dataclasses import dataclass

from desync_jobs.manifest.operations.list_chunks import ListChunksSpec
from desync_jobs.planner.cost import Amount, Cost
from desync_jobs.planner.facts import FileFacts, IndexFacts
from desync_jobs.planner.listing import decide_listing
from desync_jobs.planner.needed import need_apart, need_index
from desync_jobs.planner.step import Decision


@dataclass(frozen=True, slots=True, eq=False)
class ListChunksFacts:
    """The index and the output."""

    index: IndexFacts | None
    output: FileFacts


def plan_list_chunks(spec: ListChunksSpec, facts: ListChunksFacts) -> Decision:
    """Decide to print every ID."""
    found = need_index(facts.index, spec.index)
    need_apart(facts.output, found)
    cost = Cost((Amount("index", 40 * len(found.index), len(found.index)),))
    return decide_listing(facts.output, cost, found.index)
