"""Deciding `mount-index`: show a blob until it is unmounted or stopped."""

from dataclasses import dataclass

from desync_jobs.errors import UsageError
from desync_jobs.formats.index import Index
from desync_jobs.manifest.operations.mount_index import MountIndexSpec
from desync_jobs.planner.facts import IndexFacts, StoreFacts
from desync_jobs.planner.needed import need_index, need_mountpoint, need_stores
from desync_jobs.planner.step import Action, Decision


@dataclass(frozen=True, slots=True, eq=False)
class MountIndexFacts:
    """The index, the stores, the place."""

    index: IndexFacts | None
    stores: tuple[StoreFacts, ...]
    mountpoint: str
    place_exists: bool
    """Whether the mount point is a directory, or was one before somebody else mounted there."""
    hidden: str | None = None
    """A file that is to be written and would be hidden by what is mounted."""


@dataclass(frozen=True, slots=True, eq=False)
class MountIndexDetail:
    """What is shown."""

    index: Index
    digest: str
    """SHA-256 of the index file, in hex."""


def plan_mount_index(spec: MountIndexSpec, facts: MountIndexFacts) -> Decision:
    """Decide to mount; which chunks that fetches depends on what is read."""
    found = need_index(facts.index, spec.index)
    need_stores(facts.stores, found.index)
    need_mountpoint(facts.mountpoint, exists=facts.place_exists)
    if facts.hidden is not None:
        raise UsageError(
            f"{facts.hidden} is in {facts.mountpoint}, where it would be hidden; name a file "
            "elsewhere"
        )
    detail = MountIndexDetail(found.index, found.file_digest)
    reason = "shows the blob until it is unmounted or stopped"
    return Decision(Action.RUN, reason, changes=spec.copy_on_read is not None, detail=detail)
