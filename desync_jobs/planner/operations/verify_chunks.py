"""Deciding `verify-chunks`: ask stores for every chunk of some indexes, or fetch all of them."""

from dataclasses import dataclass

import numpy as np

from desync_jobs.core.prices import Source
from desync_jobs.errors import SourceError
from desync_jobs.manifest.operations.verify_chunks import VerifyChunksSpec
from desync_jobs.planner.copied import Lacking
from desync_jobs.planner.cost import Amount, Cost
from desync_jobs.planner.facts import StoreFacts
from desync_jobs.planner.fetched import Fetched, fetched_cost
from desync_jobs.planner.holdings import Places
from desync_jobs.planner.needed import need_store
from desync_jobs.planner.step import Action, Decision
from desync_jobs.report.words import counted


@dataclass(frozen=True, slots=True)
class CheckedIndex:
    """One of the indexes."""

    name: str
    digest: str
    """SHA-256 of its file, in hex."""


@dataclass(frozen=True, slots=True, eq=False)
class VerifyChunksFacts:
    """The indexes, and what they need."""

    stores: tuple[StoreFacts, ...]
    indexes: tuple[CheckedIndex, ...]
    wanted: tuple[Lacking, ...]
    """Distinct chunks of all of them, by digest algorithm."""


def plan_verify_chunks(spec: VerifyChunksSpec, facts: VerifyChunksFacts) -> Decision:
    """Decide to look for each distinct chunk once."""
    if not facts.indexes:
        raise SourceError("there is no index, so nothing says which chunks there should be")
    for store in facts.stores:
        need_store(store)
    count = sum(len(part.ids) for part in facts.wanted)
    indexes = counted(len(facts.indexes), "index")
    reason = f"{indexes} with {counted(count, 'distinct chunk')}"
    return Decision(Action.RUN, reason, _cost(spec, facts, count), detail=facts)


def _cost(spec: VerifyChunksSpec, facts: VerifyChunksFacts, count: int) -> Cost:
    if not spec.content:
        # All but the first are asked for what those before them lack.
        asked = tuple(
            Amount(name, 0, 0, count, exact=not at, source=Source.STORE)
            for at, name in enumerate(spec.stores)
        )
        return Cost(asked, work=count)
    plain = np.concatenate([part.sizes for part in facts.wanted])
    fetched = fetched_cost(Fetched(Places(None, spec.stores), plain, np.ones_like(plain)))
    return Cost(fetched.reads, work=int(plain.sum()))
