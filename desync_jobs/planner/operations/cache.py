"""Deciding `cache`: copy the chunks of indexes from stores into one store."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from desync_jobs.manifest.operations.cache import CacheOpSpec
from desync_jobs.planner.copied import Lacking, copying_cost, sizes_of
from desync_jobs.planner.cost import Cost
from desync_jobs.planner.facts import StoreFacts
from desync_jobs.planner.fetched import CachePlace
from desync_jobs.planner.holdings import Holdings, Places
from desync_jobs.planner.needed import need_store
from desync_jobs.planner.step import Action, Decision
from desync_jobs.report.words import counted


@dataclass(frozen=True, slots=True, eq=False)
class CacheFacts:
    """What the cache lacks of the indexes."""

    stores: tuple[StoreFacts, ...]
    wanted: int
    """Distinct chunks of the indexes, ignored ones left out."""
    lacking: tuple[Lacking, ...]
    place: CachePlace | None = None
    """The cache itself."""


@dataclass(frozen=True, slots=True, eq=False)
class CacheDetail:
    """What the doer copies."""

    parts: tuple[Lacking, ...]
    place: CachePlace | None = None

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Plain bytes of every chunk that is copied."""
        return sizes_of(self.parts)


def plan_cache(spec: CacheOpSpec, facts: CacheFacts) -> Decision:
    """Decide to copy what the cache lacks."""
    count = sum(len(part.ids) for part in facts.lacking)
    if not count:
        return Decision(
            Action.UNCHANGED,
            f"the cache has all {facts.wanted:,} chunks",
            statistics={"bytes": 0, "chunks_stored": 0, "bytes_stored": 0},
        )
    for store in facts.stores:
        need_store(store)
    detail = CacheDetail(facts.lacking, facts.place)
    reason = f"the cache lacks {count:,} of {counted(facts.wanted, 'chunk')}"
    return Decision(Action.RUN, reason, cache_cost(spec, detail), changes=True, detail=detail)


def cache_cost(spec: CacheOpSpec, detail: CacheDetail, holdings: Holdings | None = None) -> Cost:
    """Return the cost of copying; `holdings` are what stores said of the chunks of all parts."""
    return copying_cost(
        Places(spec.cache, spec.stores), detail.sizes, detail.place, holdings, f"cache {spec.cache}"
    )
