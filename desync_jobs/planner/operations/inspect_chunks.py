"""Deciding `inspect-chunks`: plain and stored size of every chunk of an index."""

from dataclasses import dataclass

from desync_jobs.manifest.operations.inspect_chunks import InspectChunksSpec
from desync_jobs.planner.cost import Amount, Cost
from desync_jobs.planner.facts import FileFacts, IndexFacts, StoreFacts
from desync_jobs.planner.listing import decide_listing
from desync_jobs.planner.needed import need_apart, need_index, need_store
from desync_jobs.planner.step import Decision


@dataclass(frozen=True, slots=True, eq=False)
class InspectChunksFacts:
    """The index, the output, and the store whose sizes are wanted."""

    index: IndexFacts | None
    output: FileFacts
    store: StoreFacts | None


def plan_inspect_chunks(spec: InspectChunksSpec, facts: InspectChunksFacts) -> Decision:
    """Decide to list every position, with stored sizes where a store is given."""
    found = need_index(facts.index, spec.index)
    need_apart(facts.output, found)
    count = len(found.index)
    reads = [Amount("index", 40 * count, count)]
    if facts.store is not None:
        store = need_store(facts.store)
        reads.append(Amount(store.name, 0, count, count, exact=False))
    return decide_listing(facts.output, Cost(tuple(reads)), found.index)
