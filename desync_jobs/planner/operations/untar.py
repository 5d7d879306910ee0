"""Deciding `untar`: unpack an archive as a directory tree."""

from dataclasses import dataclass, replace

from desync_jobs.errors import TargetError, UsageError
from desync_jobs.manifest.operations.untar import UntarSpec
from desync_jobs.planner.archives import (
    Archive,
    ArchiveFacts,
    archive_cost,
    need_archive,
)
from desync_jobs.planner.cost import Amount
from desync_jobs.planner.facts import FileFacts, FileKind
from desync_jobs.planner.plan import Action, Decision


@dataclass(frozen=True, slots=True, eq=False)
class UntarFacts:
    """The archive, and what is at the target's place."""

    archive: ArchiveFacts
    target: FileFacts
    mounted: bool
    """Whether something is mounted at the target."""
    inside: str | None
    """What is read and is in the target itself."""


@dataclass(frozen=True, slots=True, eq=False)
class UntarDetail:
    """The archive to read, and the directory to write."""

    archive: Archive
    target: FileFacts


def plan_untar(spec: UntarSpec, facts: UntarFacts) -> Decision:
    """Decide to read the whole archive; what of it is right already is known only then."""
    archive, target = need_archive(spec, facts.archive), facts.target
    if target.present and target.kind is not FileKind.DIRECTORY:
        raise TargetError(f"{target.path} is not a directory; name another target")
    if spec.atomic and facts.mounted:
        raise TargetError(
            f"{target.path}: something is mounted there, so it cannot be replaced as a whole; "
            "leave out atomic"
        )
    if facts.inside is not None and spec.deletes:
        raise UsageError(
            f"{facts.inside} is in {target.path}, from which everything else is removed; name "
            "another place"
        )
    cost = archive_cost(spec, archive)
    written = Amount("target", archive.size, exact=False)
    cost = replace(cost, writes=(*cost.writes, written))
    detail = UntarDetail(archive, target)
    return Decision(Action.RUN, _reason(spec, target), cost, changes=True, detail=detail)


def _reason(spec: UntarSpec, target: FileFacts) -> str:
    if not target.present:
        return "the target does not exist"
    if spec.atomic:
        return "the target is replaced as a whole"
    others = "removed" if spec.deletes else "left alone"
    return f"what differs in the target is written, what else is in it is {others}"
