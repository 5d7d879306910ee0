"""Deciding `untar`: unpack an archive as a directory tree or a tar stream."""

from dataclasses import dataclass, replace

from desync_jobs.errors import TargetError, UsageError
from desync_jobs.manifest.operations.untar import UntarSpec
from desync_jobs.planner.archives import (
    Archive,
    ArchiveFacts,
    archive_cost,
    need_archive,
    read_file,
)
from desync_jobs.planner.cost import Amount
from desync_jobs.planner.facts import FileFacts, FileKind
from desync_jobs.planner.listing import decide_listing
from desync_jobs.planner.needed import need_apart
from desync_jobs.planner.step import Action, Decision


@dataclass(frozen=True, slots=True, eq=False)
class UntarFacts:
    """The archive, and what is at the place of the target or of the tar stream."""

    archive: ArchiveFacts
    target: FileFacts
    mounted: str | None
    """A place at or below the target that something is mounted at."""
    inside: str | None
    """What is read and is in the target itself."""


@dataclass(frozen=True, slots=True, eq=False)
class UntarDetail:
    """The archive to read, and the directory or stream to write."""

    archive: Archive
    target: FileFacts


def plan_untar(spec: UntarSpec, facts: UntarFacts) -> Decision:
    """Decide to read the whole archive; what of it is right already is known only then."""
    archive, target = need_archive(spec, facts.archive), facts.target
    if spec.tar_stream is not None:
        return _plan_stream(spec, archive, target)
    if target.present and target.kind is not FileKind.DIRECTORY:
        raise TargetError(f"{target.path} is not a directory; name another target")
    if spec.atomic and facts.mounted is not None:
        raise TargetError(
            f"{target.path} cannot be replaced as a whole: something is mounted at "
            f"{facts.mounted}; unmount it, or leave out atomic"
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


def _plan_stream(spec: UntarSpec, archive: Archive, output: FileFacts) -> Decision:
    need_apart(output, read_file(archive))
    cost = archive_cost(spec, archive)
    written = Amount("tar stream", archive.size, exact=False)
    cost = replace(cost, writes=(*cost.writes, written))
    return decide_listing(output, cost, UntarDetail(archive, output))


def _reason(spec: UntarSpec, target: FileFacts) -> str:
    if not target.present:
        return "the target does not exist"
    if spec.atomic:
        return "the target is replaced as a whole"
    others = "removed" if spec.deletes else "left alone"
    return f"what differs in the target is written, what else is in it is {others}"
