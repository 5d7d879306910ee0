"""Deciding `migrate`: what a store lacks of another, and which indexes are to be written."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from desync_jobs.core.prices import Source
from desync_jobs.errors import IndexMissingError
from desync_jobs.manifest.operations.migrate import MigrateSpec
from desync_jobs.planner.copied import Lacking, copying_cost, sizes_of
from desync_jobs.planner.cost import Amount, Bounds, Cost, Deletion
from desync_jobs.planner.facts import StoreFacts
from desync_jobs.planner.fetched import CachePlace
from desync_jobs.planner.holdings import Holdings, Keeps, Places
from desync_jobs.planner.migration_report import report_text
from desync_jobs.planner.migration_values import MovedIndex, Wanted
from desync_jobs.planner.needed import need_store
from desync_jobs.planner.step import Action, Decision
from desync_jobs.report.words import counted


@dataclass(frozen=True, slots=True, eq=False)
class MigrateFacts:
    """What is there to be migrated, and what of it is in its new place."""

    stores: tuple[StoreFacts, ...]
    wanted: Wanted
    lacking: tuple[Lacking, ...]
    """What is to be read. Of all chunks of a store, `sizes` are stored bytes."""
    rewritable: tuple[Lacking, ...]
    """What the store has, and may have in another form than its own."""
    had: tuple[Lacking, ...]
    """What is not read because the store has it, or a run that was stopped says so; nothing where
    indexes are to be written."""
    indexes: tuple[MovedIndex, ...]
    empty: tuple[str, ...]
    """Roots without any index."""
    gone: tuple[str, ...]
    """Names of indexes in the new place that no root has."""
    there: int
    """How many indexes the new place has."""
    place: CachePlace | None
    """The store itself."""
    reported: str | None
    """The content of the report there is."""
    begun: bool
    """Whether a run was stopped that says how far it was."""
    ids: NDArray[np.uint8]
    """All chunks of a store, by ascending ID, where it is to be said how far a run is; shape
    (n, 32)."""


@dataclass(frozen=True, slots=True, eq=False)
class MigrateDetail:
    """What the doer does, in this order."""

    wanted: Wanted
    parts: tuple[Lacking, ...]
    rewritable: tuple[Lacking, ...]
    had: tuple[Lacking, ...]
    """What is looked for once more before all that: a `prune` may have come between."""
    indexes: tuple[MovedIndex, ...]
    gone: tuple[str, ...]
    place: CachePlace | None
    ids: NDArray[np.uint8]


def plan_migrate(spec: MigrateSpec, facts: MigrateFacts) -> Decision:
    """Decide to copy what the store lacks, then to write indexes, then to remove what is gone.

    Raises `IndexMissingError` for a root without any index where others would be removed.
    """
    if spec.remove_gone and facts.empty:
        raise IndexMissingError(
            f"{facts.empty[0]}: there is no index, so every index of {spec.indexes_to} would be "
            "gone; nothing is removed"
        )
    for store in facts.stores:
        if facts.lacking or not spec.selective:
            need_store(store)
    detail = MigrateDetail(
        wanted=facts.wanted,
        parts=facts.lacking,
        rewritable=facts.rewritable,
        had=facts.had,
        indexes=facts.indexes,
        gone=facts.gone,
        place=facts.place,
        ids=facts.ids,
    )
    cost = migrate_cost(spec, detail)
    if facts.gone:
        gone = Deletion(spec.indexes_to or "", len(facts.gone), 0, facts.there, "index")
        cost = replace(cost, deletes=(gone,))
    reasons = list(_reasons(spec, facts))
    if not reasons:
        return Decision(
            Action.UNCHANGED,
            f"the store has all {counted(facts.wanted.chunks, 'chunk')}"
            + (" and every index is in its place" if spec.indexes_to is not None else ""),
            statistics=NOTHING,
        )
    return Decision(Action.RUN, ", ".join(reasons), cost, changes=True, detail=detail)


NOTHING: Final = {
    "bytes": 0,
    "chunks_stored": 0,
    "bytes_stored": 0,
    "chunks_rewritten": 0,
    "indexes_written": 0,
    "indexes_removed": 0,
}
"""What is counted of a migration that has nothing to do."""


def migrate_cost(
    spec: MigrateSpec, detail: MigrateDetail, holdings: Holdings | None = None
) -> Cost:
    """Return the cost of copying; `holdings` are what stores said of the chunks of all parts."""
    sizes = sizes_of(detail.parts)
    if not spec.selective:
        return _whole_cost(spec, detail)
    place = detail.place
    if place is not None and (spec.recompress or spec.chunk_size is not None):
        # What chunks come to in another form is known when they are.
        place = replace(place, keeps=Keeps.OTHERWISE)
    cost = copying_cost(
        Places(spec.store, spec.stores), sizes, place, holdings, f"store {spec.store}"
    )
    if spec.chunk_size is not None:
        cost = replace(cost, work=sum(one.bytes for one in detail.indexes if not one.done))
    return _with_rewriting(spec, detail, cost)


def _whole_cost(spec: MigrateSpec, detail: MigrateDetail) -> Cost:
    """Return the cost of copying chunks of which stored sizes are known, and no others."""
    sizes = sizes_of(detail.parts)
    count, size = len(sizes), int(sizes.sum())
    reads = Amount(
        spec.stores[0], size, count, count, stored=Bounds(size, size), source=Source.STORE
    )
    writes = Amount(spec.store, size, count, count, exact=False)
    return _with_rewriting(spec, detail, Cost((reads,), (writes,), work=size))


def _with_rewriting(spec: MigrateSpec, detail: MigrateDetail, cost: Cost) -> Cost:
    sizes = sizes_of(detail.rewritable)
    if not len(sizes):
        return cost
    count, size = len(sizes), int(sizes.sum())
    again = Amount(spec.store, size, count, count, exact=False)
    return replace(
        cost,
        reads=(*cost.reads, again),
        writes=(*cost.writes, again),
        work=cost.work + size,
    )


def _reasons(spec: MigrateSpec, facts: MigrateFacts) -> Iterator[str]:
    """Yield why something is to be done."""
    lacking = sum(len(part.ids) for part in facts.lacking)
    waiting = sum(not one.done for one in facts.indexes) if spec.indexes_to is not None else 0
    if lacking and spec.chunk_size is not None:
        yield f"{counted(waiting, 'blob')} of {len(facts.indexes):,} to be cut anew"
    elif lacking:
        yield f"the store lacks {lacking:,} of {counted(facts.wanted.chunks, 'chunk')}"
    if facts.rewritable:
        count = sum(len(part.ids) for part in facts.rewritable)
        yield f"{counted(count, 'chunk')} may have another form"
    if waiting and spec.chunk_size is None:
        yield f"{counted(waiting, 'index')} of {len(facts.indexes):,} to be written"
    if facts.gone:
        yield f"{counted(len(facts.gone), 'index')} gone at the source"
    if facts.begun and not lacking:
        yield "what was stopped is to be finished"
    if spec.report is not None and not (lacking or waiting or _reported(spec, facts)):
        yield "the report is to be written"


def _reported(spec: MigrateSpec, facts: MigrateFacts) -> bool:
    return facts.reported == report_text(spec, facts.wanted, facts.indexes)
