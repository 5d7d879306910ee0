"""Deciding `digest`: the digest of a whole blob, as `casync digest` prints it."""

from dataclasses import dataclass

from desync_jobs.manifest.operations.digest import DigestSpec
from desync_jobs.planner.cost import Amount, Cost
from desync_jobs.planner.facts import FileFacts
from desync_jobs.planner.listing import decide_listing
from desync_jobs.planner.needed import need_apart, need_blob
from desync_jobs.planner.plan import Decision


@dataclass(frozen=True, slots=True)
class DigestFacts:
    """The blob and the output."""

    blob: FileFacts
    output: FileFacts


def plan_digest(_spec: DigestSpec, facts: DigestFacts) -> Decision:
    """Decide to read the whole blob."""
    blob = need_blob(facts.blob)
    need_apart(facts.output, blob)
    cost = Cost((Amount("blob", blob.size, exact=blob.size > 0),), work=blob.size)
    return decide_listing(facts.output, cost, blob)
