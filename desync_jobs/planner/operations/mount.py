"""Deciding `mount`: show an archive until it is unmounted or stopped."""

from dataclasses import dataclass

from desync_jobs.errors import SourceError
from desync_jobs.manifest.operations.mount import MountTreeSpec
from desync_jobs.planner.facts import FileFacts, FileKind, IndexFacts, StoreFacts
from desync_jobs.planner.needed import need_index, need_mountpoint, need_stores
from desync_jobs.planner.step import Action, Decision


@dataclass(frozen=True, slots=True, eq=False)
class MountFacts:
    """The archive, or its index and the stores; the place."""

    archive: FileFacts | None
    index: IndexFacts | None
    stores: tuple[StoreFacts, ...]
    mountpoint: str
    place_exists: bool
    """Whether the mount point is a directory, or was one before somebody else mounted there."""


@dataclass(frozen=True, slots=True, eq=False)
class MountDetail:
    """What is shown: a file, or the archive that an index describes."""

    source: FileFacts | IndexFacts


def plan_mount(spec: MountTreeSpec, facts: MountFacts) -> Decision:
    """Decide to mount; which chunks that fetches depends on what is read."""
    source: FileFacts | IndexFacts
    if facts.archive is not None:
        source = _need_file(facts.archive)
    else:
        source = need_index(facts.index, spec.index or "")
        need_stores(facts.stores, source.index)
    need_mountpoint(facts.mountpoint, exists=facts.place_exists)
    reason = "shows the archive until it is unmounted or stopped"
    return Decision(Action.RUN, reason, detail=MountDetail(source))


def _need_file(facts: FileFacts) -> FileFacts:
    if facts.kind is FileKind.ABSENT:
        raise SourceError(f"{facts.path}: archive does not exist")
    if facts.kind in (FileKind.DIRECTORY, FileKind.STREAM):
        raise SourceError(
            f"{facts.path} is no file; an archive is mounted from a file, or by index"
        )
    return facts
