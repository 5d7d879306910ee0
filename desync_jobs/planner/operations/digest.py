"""Deciding `digest`: the digest of a whole blob or tree, as `casync digest` prints it."""

from dataclasses import dataclass

from desync_jobs.manifest.operations.digest import DigestSpec
from desync_jobs.planner.archives import (
    Archive,
    ArchiveFacts,
    archive_cost,
    need_tree,
    read_file,
)
from desync_jobs.planner.cost import Amount, Cost
from desync_jobs.planner.facts import FileFacts
from desync_jobs.planner.listing import decide_listing
from desync_jobs.planner.needed import need_apart, need_blob
from desync_jobs.planner.step import Decision


@dataclass(frozen=True, slots=True, eq=False)
class DigestFacts:
    """What is digested, and the output."""

    read: ArchiveFacts
    output: FileFacts


@dataclass(frozen=True, slots=True, eq=False)
class DigestDetail:
    """What to read."""

    read: Archive


def plan_digest(spec: DigestSpec, facts: DigestFacts) -> Decision:
    """Decide to read all of it."""
    if spec.blob is not None and isinstance(facts.read, FileFacts):
        blob = need_blob(facts.read)
        read: Archive = blob
        cost = Cost((Amount("blob", blob.size, exact=blob.size > 0),), work=blob.size)
    else:
        read = need_tree(spec, facts.read)
        cost = archive_cost(spec, read)
    need_apart(facts.output, read_file(read))
    return decide_listing(facts.output, cost, DigestDetail(read))
