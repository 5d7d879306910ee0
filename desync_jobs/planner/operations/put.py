"""Deciding `put`: cut an archive, keep its chunks, write its index."""

from dataclasses import dataclass

from desync_jobs.manifest.operations.put import PutSpec
from desync_jobs.planner.archives import need_file
from desync_jobs.planner.cost import Amount, Cost
from desync_jobs.planner.facts import FileFacts
from desync_jobs.planner.needed import need_apart
from desync_jobs.planner.step import Action, Decision


@dataclass(frozen=True, slots=True)
class PutFacts:
    """What is there before an archive is made into chunks."""

    archive: FileFacts
    index: FileFacts


def plan_put(spec: PutSpec, facts: PutFacts) -> Decision:
    """Decide to read the archive, which is checked each time; its chunks are known after that."""
    archive = need_file(facts.archive)
    need_apart(facts.index, archive)
    chunks = -(-archive.size // spec.chunk_size.minimum)
    writes = (
        ()
        if spec.store is None
        else (Amount(spec.store, archive.size, chunks, chunks, exact=False),)
    )
    read = Amount("archive", archive.size, exact=archive.size > 0)
    cost = Cost((read,), writes, work=archive.size)
    reason = "an archive is always read and checked"
    return Decision(Action.RUN, reason, cost, changes=True, detail=archive)
