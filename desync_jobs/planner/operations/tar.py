"""Deciding `tar`: archive a directory tree."""

from dataclasses import dataclass

from desync_jobs.errors import SourceError, UsageError
from desync_jobs.manifest.operations.tar import TarSpec
from desync_jobs.planner.cost import Amount, Cost
from desync_jobs.planner.facts import FileFacts, FileKind
from desync_jobs.planner.plan import Action, Decision


@dataclass(frozen=True, slots=True)
class TarFacts:
    """The top of the tree, and what is written."""

    directory: FileFacts
    output: FileFacts
    inside: str | None
    """An output or store that is in the tree itself."""


def plan_tar(spec: TarSpec, facts: TarFacts) -> Decision:
    """Decide to read the tree; how much it has is known only then."""
    directory = facts.directory
    if directory.kind is FileKind.ABSENT:
        raise SourceError(f"{directory.path}: directory does not exist")
    if directory.kind is not FileKind.DIRECTORY:
        raise SourceError(f"{directory.path} is not a directory; an archive is made of one")
    if facts.inside is not None:
        raise UsageError(
            f"{facts.inside} is in {directory.path}, which is archived; name another place"
        )
    if facts.output.kind is FileKind.DIRECTORY:
        raise UsageError(f"{facts.output.path} is a directory; name a file")
    writes = () if spec.store is None else (Amount(spec.store, 0, exact=False),)
    cost = Cost((Amount("directory", 0, exact=False),), writes)
    reason = "a directory tree is always read"
    return Decision(Action.RUN, reason, cost, changes=True, detail=directory)
