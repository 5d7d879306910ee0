"""Deciding `cat`: write a range of a blob without extracting the rest."""

from dataclasses import dataclass

import numpy as np

from desync_jobs.manifest.operations.cat import CatSpec
from desync_jobs.planner.blob_range import (
    BlobRange,
    RangeFacts,
    Sources,
    need_range,
    unseen_range_cost,
)
from desync_jobs.planner.cost import Amount, Cost
from desync_jobs.planner.facts import DiskFacts, FileFacts
from desync_jobs.planner.fetched import FetchedCost
from desync_jobs.planner.listing import decide_listing
from desync_jobs.planner.needed import need_apart
from desync_jobs.planner.space import Need, in_blocks, spaces, warnings
from desync_jobs.planner.step import Decision


@dataclass(frozen=True, slots=True, eq=False)
class CatFacts:
    """The blob and the output."""

    blob: RangeFacts
    output: FileFacts
    disk: DiskFacts | None = None
    """The file system of an output that is a file."""


@dataclass(frozen=True, slots=True, eq=False)
class CatDetail:
    """The range to write, and where it is written."""

    range: BlobRange
    disk: DiskFacts | None = None


def plan_cat(spec: CatSpec, facts: CatFacts) -> Decision:
    """Decide which chunks the range needs; a range past the end is refused before any output."""
    return decide_range(spec, need_range(facts.blob, spec.index, spec.offset, spec.length), facts)


def decide_range(spec: Sources, wanted: BlobRange, facts: CatFacts) -> Decision:
    """Decide to write `wanted`."""
    need_apart(facts.output, wanted.found)
    detail = CatDetail(wanted, facts.disk)
    cost = cat_cost(detail, unseen_range_cost(spec, wanted))
    return decide_listing(facts.output, cost, detail)


def cat_cost(detail: CatDetail, fetched: FetchedCost) -> Cost:
    """Return what reading comes to, with the output."""
    size, disk = detail.range.size, detail.disk
    needs = list(fetched.needs)
    if disk is not None:
        room = in_blocks(np.array([size]), disk.block)
        needs.insert(0, Need("the output", disk, room, room))
    space = spaces(needs)
    return Cost(
        fetched.reads,
        (Amount("output", size), *fetched.writes),
        work=size,
        space=space,
        warnings=(*fetched.warnings, *warnings(space)),
    )
