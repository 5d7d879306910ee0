"""Deciding `cache`: copy the chunks of indexes from stores into one store."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from desync_jobs.core.chunk import DigestAlgorithm
from desync_jobs.manifest.operations.cache import CacheOpSpec
from desync_jobs.planner.cost import Amount, Cost
from desync_jobs.planner.facts import StoreFacts
from desync_jobs.planner.needed import need_store
from desync_jobs.planner.plan import Action, Decision
from desync_jobs.report.words import counted


@dataclass(frozen=True, slots=True, eq=False)
class Lacking:
    """Distinct chunks of one digest algorithm that the cache does not have."""

    algorithm: DigestAlgorithm
    ids: NDArray[np.uint8]
    """Shape (chunks, 32)."""
    sizes: NDArray[np.int64]
    """Plain bytes of each."""
    limit: int
    """Largest chunk of the indexes they come from."""


@dataclass(frozen=True, slots=True, eq=False)
class CacheFacts:
    """What the cache lacks of the indexes."""

    stores: tuple[StoreFacts, ...]
    wanted: int
    """Distinct chunks of the indexes, ignored ones left out."""
    lacking: tuple[Lacking, ...]


@dataclass(frozen=True, slots=True, eq=False)
class CacheDetail:
    """What the doer copies."""

    parts: tuple[Lacking, ...]


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
    size = sum(int(part.sizes.sum()) for part in facts.lacking)
    cost = Cost(
        (Amount("+".join(spec.stores), size, count, count),),
        (Amount(spec.cache, size, count, count),),
        work=size,
    )
    reason = f"the cache lacks {count:,} of {counted(facts.wanted, 'chunk')}"
    return Decision(Action.RUN, reason, cost, changes=True, detail=CacheDetail(facts.lacking))
