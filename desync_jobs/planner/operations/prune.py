"""Deciding `prune`: what of a store no index needs, and how long that has been so."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from desync_jobs.errors import SourceError, StoreError, UsageError
from desync_jobs.formats.marks import Keys, Marks, mark_keys
from desync_jobs.manifest.operations.prune import PruneSpec
from desync_jobs.planner.cost import QUARANTINED, QUARANTINED_INDEX, Amount, Cost, Deletion
from desync_jobs.planner.facts import VOLATILE, StoreFacts
from desync_jobs.planner.garbage import Contents, Sifted
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
    needed: Contents
    """Prefixes of the IDs of every chunk that an index has."""
    stock: Contents
    """The chunk files of the store."""
    marks: Marks
    """What is marked already."""
    quarantined: tuple[str, ...]
    """What is in quarantine, by the names that it had: chunk files."""
    outlived: Mapping[str, tuple[str, ...]] = field(metadata=VOLATILE)
    """What has been in quarantine for long enough as time stands, by place: `TIME/NAME`."""
    indexes_aside: Mapping[str, int] = field(metadata=VOLATILE)
    """How many indexes are in quarantine, by place, where any may go for good."""
    sifted: Sifted = field(metadata=VOLATILE)
    """What becomes of the chunk files as time stands, which follows from the rest."""


@dataclass(frozen=True, slots=True, eq=False)
class PruneDetail:
    """What is to go; the doer removes of it what is garbage still, and never anything else."""

    deleted: Keys
    """Keys of chunk files."""
    expired: Mapping[str, tuple[str, ...]]
    """Names of indexes by their place."""
    outlived: Mapping[str, tuple[str, ...]]
    """What goes for good of what is in quarantine, by its place."""


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
    going = facts.sifted.going
    keys = mark_keys(going.ids, going.compressed)
    expired = {root.url: root.expired for root in facts.roots if root.expired}
    outlived = {place: names for place, names in facts.outlived.items() if names}
    detail = PruneDetail(np.sort(keys), expired, outlived)
    deletion = Deletion(spec.store, len(keys), int(going.sizes.sum()), facts.stock.count)
    cost = Cost(
        reads=(Amount("indexes", 40 * facts.needed.count, facts.needed.count),),
        work=deletion.bytes,
        deletes=(deletion, *_expiries(facts), *_purges(spec, facts)),
    )
    changes = bool(len(keys) or expired or outlived or _marks_change(facts))
    if not changes and not facts.quarantined:
        waiting = counted(len(facts.sifted.marks.keys), "chunk")
        waits = f"{waiting} wait for the end of the grace"
        needed = "every chunk is needed, or too new to go"
        return Decision(Action.UNCHANGED, waits if len(facts.marks.keys) else needed, cost)
    aside = "; what goes now is put aside" if spec.quarantine and (len(keys) or expired) else ""
    reason = f"{_reason(facts)}{aside}"
    return Decision(Action.RUN, reason, cost, changes=changes, detail=detail)


def _expiries(facts: PruneFacts) -> Iterator[Deletion]:
    """Yield the indexes that no rule keeps, by their place, which several roots may share."""
    for url in dict.fromkeys(root.url for root in facts.roots if root.expired):
        gone, there = _indexes_of(url, facts)
        yield Deletion(url, len(gone), 0, len(there), "index")


def _indexes_of(url: str, facts: PruneFacts) -> tuple[set[str], set[str]]:
    """Return the names of the expired indexes of a place, and of all that roots found there."""
    roots = [root for root in facts.roots if root.url == url]
    gone = {name for root in roots for name in root.expired}
    return gone, gone.union(*(root.kept for root in roots))


def _purges(spec: PruneSpec, facts: PruneFacts) -> Iterator[Deletion]:
    """Yield what goes for good of what is in quarantine: for limits that is a deletion too."""
    old = facts.outlived.get(f"store {spec.store}", ())
    if old:
        every = facts.stock.count + len(facts.quarantined)
        yield Deletion(spec.store, len(old), 0, every, QUARANTINED)
    for url, aside in facts.indexes_aside.items():
        names = facts.outlived.get(url, ())
        if names:
            every = len(_indexes_of(url, facts)[1]) + aside
            yield Deletion(url, len(names), 0, every, QUARANTINED_INDEX)


def deletions(detail: PruneDetail, facts: PruneFacts) -> Iterator[str]:
    """Yield a line for everything that is to go: indexes, chunk files by their IDs, quarantine."""
    for url, names in detail.expired.items():
        for name in names:
            yield f"index {url}: {_in_line(name)}"
    going = facts.sifted.going
    for at in range(len(going)):
        form = "compressed" if going.compressed[at] else "plain"
        yield f"chunk {going.ids[at].tobytes().hex()} {form} {going.sizes[at]}"
    for place, names in detail.outlived.items():
        for name in names:
            yield f"quarantined {place}: {_in_line(name)}"


def _in_line(name: str) -> str:
    return name if name.isprintable() else repr(name)


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
    # What is needed may all be in quarantine, and come back; what is nowhere at all is elsewhere.
    missing = facts.needed.count and not facts.quarantined
    if not facts.sifted.needed and (facts.stock.count or missing):
        raise StoreError(
            f"store {spec.store} has no chunk of any index, so it is not the store of these; "
            "nothing is removed"
        )


def _marks_change(facts: PruneFacts) -> bool:
    return not np.array_equal(facts.sifted.marks.keys, facts.marks.keys)


def _reason(facts: PruneFacts) -> str:
    going, waiting = len(facts.sifted.going), len(facts.sifted.marks.keys)
    garbage = f"no index needs {counted(going, 'chunk')} of {facts.stock.count:,}"
    parts = [garbage if going else "no chunk is to go now"]
    if waiting:
        more = " more" if going else ""
        parts.append(f"{waiting:,}{more} wait for the end of the grace")
    expired = sum(len(root.expired) for root in facts.roots)
    if expired:
        parts.append(f"no rule keeps {counted(expired, 'index')}")
    outlived = sum(map(len, facts.outlived.values()))
    if outlived:
        parts.append(f"{outlived:,} in quarantine have been there for quarantine_for")
    return ", ".join(parts)
