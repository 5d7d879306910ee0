"""Deciding `diff`: read two trees beside each other."""

from dataclasses import dataclass

from desync_jobs.manifest.operations.diff import DiffSpec
from desync_jobs.manifest.tree_place import TreePlaceSpec
from desync_jobs.planner.archives import (
    Archive,
    ArchiveFacts,
    archive_cost,
    need_apart_from,
    need_directory,
    need_file,
)
from desync_jobs.planner.blob_range import RangeFacts, need_range
from desync_jobs.planner.cost import Cost
from desync_jobs.planner.facts import FileFacts
from desync_jobs.planner.listing import decide_listing
from desync_jobs.planner.step import Decision


@dataclass(frozen=True, slots=True, eq=False)
class DiffFacts:
    """Both trees, the older first, and the output."""

    trees: tuple[ArchiveFacts, ArchiveFacts]
    output: FileFacts
    inside: tuple[bool, bool]
    """Whether the output is in a directory that is read."""


@dataclass(frozen=True, slots=True, eq=False)
class DiffDetail:
    """What to read."""

    old: Archive
    new: Archive


def plan_diff(spec: DiffSpec, facts: DiffFacts) -> Decision:
    """Decide to read both."""
    old, new = (
        _needed(place, found) for place, found in zip(spec.places, facts.trees, strict=True)
    )
    for tree, inside in zip((old, new), facts.inside, strict=True):
        need_apart_from(facts.output, tree, inside=inside)
    cost = both_costs(archive_cost(spec, old), archive_cost(spec, new))
    return decide_listing(facts.output, cost, DiffDetail(old, new))


def _needed(place: TreePlaceSpec, facts: ArchiveFacts) -> Archive:
    if isinstance(facts, RangeFacts):
        return need_range(facts, place.index or "")
    return need_file(facts) if place.directory is None else need_directory(facts)


def both_costs(old: Cost, new: Cost) -> Cost:
    """Return what reading two trees comes to."""
    return Cost(
        (*old.reads, *new.reads),
        (*old.writes, *new.writes),
        work=old.work + new.work,
        space=(*old.space, *new.space),
        warnings=(*old.warnings, *new.warnings),
    )
