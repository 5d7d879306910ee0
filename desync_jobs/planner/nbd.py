"""Deciding to serve a blob as a block device."""

from dataclasses import dataclass

from desync_jobs.formats.index import Index
from desync_jobs.manifest.nbd import NbdSpec
from desync_jobs.planner.facts import IndexFacts, StoreFacts
from desync_jobs.planner.needed import need_index, need_stores


@dataclass(frozen=True, slots=True, eq=False)
class NbdFacts:
    """The index and the stores."""

    index: IndexFacts | None
    stores: tuple[StoreFacts, ...]


@dataclass(frozen=True, slots=True, eq=False)
class NbdDetail:
    """What is served, and the device it is attached to."""

    index: Index
    device: str | None = None


def need_served(spec: NbdSpec, facts: NbdFacts) -> Index:
    """Return the index of the blob; raises where that or a store is not there."""
    found = need_index(facts.index, spec.index)
    need_stores(facts.stores, found.index)
    return found.index
