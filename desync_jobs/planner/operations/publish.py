"""Deciding `publish`: what of chunks, indexes, aliases, pointers and head is not in its place."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from desync_jobs.manifest.operations.publish import PublishSpec
from desync_jobs.planner.copied import Lacking, copying_cost, sizes_of
from desync_jobs.planner.cost import Cost, summed
from desync_jobs.planner.facts import StoreFacts
from desync_jobs.planner.fetched import CachePlace
from desync_jobs.planner.holdings import Holdings, Places
from desync_jobs.planner.needed import need_store
from desync_jobs.planner.step import Action, Decision
from desync_jobs.report.words import counted, listed

HEAD_SCHEMA: Final = "desync-run.head/1"
NOTHING: Final = {"bytes": 0, "chunks_stored": 0, "bytes_stored": 0, "files_written": 0}
"""What is counted of a publication that has nothing to do."""


class Sort(Enum):
    """What a file is, in the order in which they appear."""

    INDEX = "index"
    ALIAS = "alias"
    """The copy of an index."""
    POINTER = "pointer"
    """A text with the name of an index."""
    HEAD = "head"
    """A document about all indexes."""


@dataclass(frozen=True, slots=True)
class Published:
    """A file in one place."""

    sort: Sort
    place: str
    """The place, as it is written in the manifest."""
    name: str
    source: str
    """Of an index or an alias the index, as it is written in the manifest; otherwise the text."""
    digest: str
    """The SHA-256 of what is to be there."""
    found: str | None
    """The SHA-256 of what is there; None where nothing is."""

    @property
    def done(self) -> bool:
        """Whether it is in its place."""
        return self.digest == self.found


@dataclass(frozen=True, slots=True, eq=False)
class Filling:
    """What a store lacks."""

    store: str
    parts: tuple[Lacking, ...]
    place: CachePlace | None
    """The store itself."""

    @property
    def chunks(self) -> int:
        """How many chunks that is."""
        return sum(len(part.ids) for part in self.parts)


@dataclass(frozen=True, slots=True, eq=False)
class PublishFacts:
    """What is to be published, and what of it is."""

    stores: tuple[StoreFacts, ...]
    wanted: int
    """Distinct chunks of the indexes."""
    filled: tuple[Filling, ...]
    """Every store that gets chunks."""
    files: tuple[Published, ...]
    """In the order in which they appear."""


@dataclass(frozen=True, slots=True, eq=False)
class PublishDetail:
    """What the doer does, in this order; what is done is among it."""

    filled: tuple[Filling, ...]
    files: tuple[Published, ...]


def plan_publish(spec: PublishSpec, facts: PublishFacts) -> Decision:
    """Decide to do what is not done."""
    if any(one.parts for one in facts.filled):
        for store in facts.stores:
            need_store(store)
    reasons = list(_reasons(spec, facts))
    if not reasons:
        reason = f"all {counted(facts.wanted, 'chunk')} and every index are public"
        return Decision(Action.UNCHANGED, reason, statistics=NOTHING)
    detail = PublishDetail(facts.filled, facts.files)
    cost = publish_cost(spec, detail)
    return Decision(Action.RUN, ", ".join(reasons), cost, changes=True, detail=detail)


def publish_cost(
    spec: PublishSpec, detail: PublishDetail, holdings: Sequence[Holdings | None] = ()
) -> Cost:
    """Return the cost of copying; `holdings` are what stores said, for each store that is filled.

    Of a store, they are about the chunks of all its parts.
    """
    said = holdings or [None] * len(detail.filled)
    costs = [
        copying_cost(
            Places(one.store, spec.stores),
            sizes_of(one.parts),
            one.place,
            found,
            f"store {one.store}",
        )
        for one, found in zip(detail.filled, said, strict=True)
    ]
    return costs[0] if len(costs) == 1 else summed(costs, {})


def head_text(indexes: Sequence[tuple[str, str, int, int]]) -> str:
    """Return the content of a head, of name, SHA-256, bytes of the blob and chunks of each index.

    It says nothing but what was published, so publishing the same again changes nothing.
    """
    listed = [
        {"name": name, "sha256": digest, "bytes": size, "chunks": chunks}
        for name, digest, size, chunks in indexes
    ]
    return json.dumps({"schema": HEAD_SCHEMA, "indexes": listed}, indent=2) + "\n"


def pointer_text(name: str) -> str:
    """Return the content of a pointer to the index called `name`."""
    return f"{name}\n"


def _reasons(spec: PublishSpec, facts: PublishFacts) -> Iterator[str]:
    for filling in facts.filled:
        if filling.parts:
            which = "the store" if len(facts.filled) == 1 else f"store {filling.store}"
            yield f"{which} lacks {filling.chunks:,} of {counted(facts.wanted, 'chunk')}"
    places: dict[tuple[Sort, str], list[str]] = {}
    for one in facts.files:
        if not one.done:
            places.setdefault((one.sort, one.name), []).append(one.place)
    files: dict[tuple[str, ...], list[str]] = {}
    for (sort, name), found in places.items():
        files.setdefault(tuple(found), []).append(f"{sort.value} {name}")
    for where, names in files.items():
        last = f" in {listed(where)}" if spec.mirrors else ""
        yield f"{listed(names)} to be written{last}"
