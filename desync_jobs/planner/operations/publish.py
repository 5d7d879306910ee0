"""Deciding `publish`: what of chunks, indexes, aliases and head is not in its place."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from desync_jobs.manifest.operations.publish import PublishSpec
from desync_jobs.planner.copied import Lacking, copying_cost, sizes_of
from desync_jobs.planner.cost import Cost
from desync_jobs.planner.facts import StoreFacts
from desync_jobs.planner.fetched import CachePlace
from desync_jobs.planner.holdings import Holdings, Places
from desync_jobs.planner.needed import need_store
from desync_jobs.planner.step import Action, Decision
from desync_jobs.report.words import counted

HEAD_SCHEMA: Final = "desync-run.head/1"
NOTHING: Final = {"bytes": 0, "chunks_stored": 0, "bytes_stored": 0, "files_written": 0}
"""What is counted of a publication that has nothing to do."""


@dataclass(frozen=True, slots=True)
class Published:
    """An index, an alias or the head."""

    name: str
    source: str
    """Of an index or an alias the index, as it is written in the manifest; of the head its text."""
    digest: str
    """The SHA-256 of what is to be there."""
    found: str | None
    """The SHA-256 of what is there; None where nothing is."""

    @property
    def done(self) -> bool:
        """Whether it is in its place."""
        return self.digest == self.found


@dataclass(frozen=True, slots=True, eq=False)
class PublishFacts:
    """What is to be published, and what of it is."""

    stores: tuple[StoreFacts, ...]
    wanted: int
    """Distinct chunks of the indexes."""
    lacking: tuple[Lacking, ...]
    indexes: tuple[Published, ...]
    aliases: tuple[Published, ...]
    head: Published | None
    place: CachePlace | None
    """The store itself."""


@dataclass(frozen=True, slots=True, eq=False)
class PublishDetail:
    """What the doer does, in this order; what is done is among it."""

    parts: tuple[Lacking, ...]
    indexes: tuple[Published, ...]
    aliases: tuple[Published, ...]
    head: Published | None
    place: CachePlace | None


def plan_publish(spec: PublishSpec, facts: PublishFacts) -> Decision:
    """Decide to do what is not done."""
    if facts.lacking:
        for store in facts.stores:
            need_store(store)
    reasons = list(_reasons(facts))
    if not reasons:
        reason = f"all {counted(facts.wanted, 'chunk')} and every index are public"
        return Decision(Action.UNCHANGED, reason, statistics=NOTHING)
    detail = PublishDetail(facts.lacking, facts.indexes, facts.aliases, facts.head, facts.place)
    cost = publish_cost(spec, detail)
    return Decision(Action.RUN, ", ".join(reasons), cost, changes=True, detail=detail)


def publish_cost(
    spec: PublishSpec, detail: PublishDetail, holdings: Holdings | None = None
) -> Cost:
    """Return the cost of copying; `holdings` are what stores said of the chunks of all parts."""
    places = Places(spec.store, spec.stores)
    return copying_cost(places, sizes_of(detail.parts), detail.place, holdings)


def head_text(indexes: Sequence[tuple[str, str, int, int]]) -> str:
    """Return the content of a head, of name, SHA-256, bytes of the blob and chunks of each index.

    It says nothing but what was published, so publishing the same again changes nothing.
    """
    listed = [
        {"name": name, "sha256": digest, "bytes": size, "chunks": chunks}
        for name, digest, size, chunks in indexes
    ]
    return json.dumps({"schema": HEAD_SCHEMA, "indexes": listed}, indent=2) + "\n"


def _reasons(facts: PublishFacts) -> Iterator[str]:
    lacking = sum(len(part.ids) for part in facts.lacking)
    if lacking:
        yield f"the store lacks {lacking:,} of {counted(facts.wanted, 'chunk')}"
    for word, every in (("index", facts.indexes), ("alias", facts.aliases)):
        waiting = [one.name for one in every if not one.done]
        if waiting:
            yield f"{word} {', '.join(waiting)} to be written"
    if facts.head is not None and not facts.head.done:
        yield f"head {facts.head.name} to be written"
