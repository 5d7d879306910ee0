"""Deciding `prune`: what of a store no index needs, and how long that has been so."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from desync_jobs.errors import SourceError, StoreError, UsageError
from desync_jobs.formats.marks import Keys, Marks, mark_keys, prefixes
from desync_jobs.manifest.operations.prune import PruneSpec
from desync_jobs.planner.cost import Amount, Cost, Deletion
from desync_jobs.planner.facts import StoreFacts
from desync_jobs.planner.fingerprint import VOLATILE
from desync_jobs.planner.garbage import Garbage, Stock, sort_out
from desync_jobs.planner.needed import need_store
from desync_jobs.planner.step import Action, Decision
from desync_jobs.report.words import counted

GRACE: Final = 86_400.0
"""Seconds of `grace` unless it is given."""


@dataclass(frozen=True, slots=True)
class RootFacts:
    """The indexes of one place, or those that are named one by one."""

    url: str
    kept: Mapping[str, str]
    """The SHA-256 of each index that is kept, by its name."""
    expired: tuple[str, ...] = ()
    """The names of those that no rule keeps."""


@dataclass(frozen=True, slots=True, eq=False)
class PruneFacts:
    """What is there, and what is needed."""

    store: StoreFacts
    keeps_marks: bool
    """Whether the place can have files that are no chunks."""
    roots: tuple[RootFacts, ...]
    needed: Keys
    """Prefixes of the IDs of every chunk that an index has, in ascending order."""
    stock: Stock
    marks: Marks
    quarantined: tuple[str, ...]
    """What is in quarantine, by the names that it had: chunk files."""
    now: float = field(metadata=VOLATILE)


@dataclass(frozen=True, slots=True, eq=False)
class PruneDetail:
    """What is to go; the doer removes of it what is garbage still, and never anything else."""

    deleted: Keys
    """Keys of chunk files."""
    expired: Mapping[str, tuple[str, ...]]
    """Names of indexes by their place."""


def plan_prune(spec: PruneSpec, facts: PruneFacts) -> Decision:
    """Decide what goes, what is marked, and what of the quarantine comes back.

    Raises where nothing may be removed: without any index, with the wrong store, and where a store
    cannot have marks that are asked for.
    """
    need_store(facts.store)
    grace = grace_of(spec)
    if not facts.keeps_marks and (grace or spec.quarantine):
        raise UsageError(
            f"store {spec.store} can have nothing but chunks, so neither marks nor a quarantine; "
            "write grace = '0s', and run it while nobody publishes"
        )
    check_roots(spec, facts)
    garbage = sort_out(facts.stock, facts.needed, facts.marks, facts.now, grace)
    stock = facts.stock
    deleted = garbage.deleted
    keys = mark_keys(stock.ids[deleted], stock.compressed[deleted])
    expired = {root.url: root.expired for root in facts.roots if root.expired}
    detail = PruneDetail(np.sort(keys), expired)
    deletion = Deletion(spec.store, len(keys), int(stock.sizes[deleted].sum()), len(stock))
    cost = Cost(
        reads=(Amount("indexes", 40 * len(facts.needed), len(facts.needed)),),
        work=deletion.bytes,
        deletes=(deletion,),
    )
    changes = bool(len(keys) or expired or _marks_change(facts, garbage))
    if not changes and not facts.quarantined:
        return Decision(Action.UNCHANGED, "every chunk is needed, or too new to go", cost)
    return Decision(Action.RUN, _reason(facts, garbage), cost, changes=changes, detail=detail)


def deletions(detail: PruneDetail, facts: PruneFacts) -> Iterator[str]:
    """Yield a line for everything that is to go: indexes first, then chunk files by their IDs."""
    for url, names in detail.expired.items():
        for name in names:
            yield f"index {url}: {name}"
    stock = facts.stock
    keys = mark_keys(stock.ids, stock.compressed)
    for at in np.flatnonzero(np.isin(keys, detail.deleted)).tolist():
        form = "compressed" if stock.compressed[at] else "plain"
        yield f"chunk {stock.ids[at].tobytes().hex()} {form} {stock.sizes[at]}"


def grace_of(spec: PruneSpec) -> float:
    """Return for how many seconds garbage stays."""
    return GRACE if spec.grace is None else spec.grace


def check_roots(spec: PruneSpec, facts: PruneFacts) -> None:
    """Raise the error that says why nothing may be removed, if that is so."""
    for root in facts.roots:
        if not root.kept:
            gone = f"; no rule keeps any of {len(root.expired)}" if root.expired else ""
            raise SourceError(
                f"{root.url}: there is no index{gone}, so everything would be garbage; nothing is "
                "removed without an index that says what is needed"
            )
    if not facts.roots:
        raise UsageError("no index says what is needed; name indexes or roots")
    found = np.isin(prefixes(facts.stock.ids), facts.needed, assume_unique=False)
    if len(facts.needed) and len(facts.stock) and not found.any():
        raise StoreError(
            f"store {spec.store} has no chunk of any index, so it is not the store of these; "
            "nothing is removed"
        )


def _marks_change(facts: PruneFacts, garbage: Garbage) -> bool:
    return not np.array_equal(garbage.marks.keys, facts.marks.keys)


def _reason(facts: PruneFacts, garbage: Garbage) -> str:
    going, waiting = int(garbage.deleted.sum()), len(garbage.marks.keys)
    parts = [f"no index needs {counted(going, 'chunk')} of {len(facts.stock):,}"]
    if waiting:
        parts.append(f"{waiting:,} more wait for the end of the grace")
    expired = sum(len(root.expired) for root in facts.roots)
    if expired:
        parts.append(f"no rule keeps {counted(expired, 'index')}")
    return ", ".join(parts)
