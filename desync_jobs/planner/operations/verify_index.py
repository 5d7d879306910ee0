"""Deciding `verify-index`: hold a blob against its index."""

from dataclasses import dataclass

from desync_jobs.errors import BlobMismatchError
from desync_jobs.manifest.operations.verify_index import VerifyIndexSpec
from desync_jobs.planner.cost import Amount, Cost
from desync_jobs.planner.facts import FileFacts, FileKind, IndexFacts
from desync_jobs.planner.needed import need_index, need_size
from desync_jobs.planner.step import Action, Decision


@dataclass(frozen=True, slots=True, eq=False)
class VerifyIndexFacts:
    """The index and the blob as they stand."""

    index: IndexFacts | None
    blob: FileFacts


def plan_verify_index(spec: VerifyIndexSpec, facts: VerifyIndexFacts) -> Decision:
    """Decide to read the whole blob; a wrong size needs no reading."""
    found = need_index(facts.index, spec.index)
    blob = need_size(facts.blob)
    size = found.index.blob_size
    if blob.size < size or (blob.kind is FileKind.REGULAR and blob.size != size):
        raise BlobMismatchError(
            f"{blob.path} has {blob.size} bytes, its index {found.path} describes {size}"
        )
    cost = Cost((Amount("blob", size, len(found.index)),), work=size)
    return Decision(Action.RUN, "verifications always run", cost, detail=found.index)
