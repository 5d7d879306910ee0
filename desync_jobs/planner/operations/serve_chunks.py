"""Deciding `serve-chunks`: serve until stopped."""

from dataclasses import dataclass

from desync_jobs.manifest.operations.serve_chunks import ServeChunksSpec
from desync_jobs.planner.facts import StoreFacts
from desync_jobs.planner.needed import need_store
from desync_jobs.planner.step import Action, Decision


@dataclass(frozen=True, slots=True)
class ServeChunksFacts:
    """The stores."""

    stores: tuple[StoreFacts, ...]


def plan_serve_chunks(spec: ServeChunksSpec, facts: ServeChunksFacts) -> Decision:
    """Decide to serve; a store that clients fill is made where it does not exist."""
    if not spec.writable:
        for store in facts.stores:
            need_store(store)
    return Decision(Action.RUN, "serves until it is stopped", changes=spec.writable)
