"""Deciding `serve-indexes`: serve until stopped."""

from dataclasses import dataclass

from desync_jobs.errors import StoreError
from desync_jobs.manifest.operations.serve_indexes import ServeIndexesSpec
from desync_jobs.planner.step import Action, Decision


@dataclass(frozen=True, slots=True)
class ServeIndexesFacts:
    """The place of the indexes."""

    location: str
    present: bool
    """Whether it is there; what is elsewhere is taken to be."""


def plan_serve_indexes(spec: ServeIndexesSpec, facts: ServeIndexesFacts) -> Decision:
    """Decide to serve."""
    if not facts.present:
        raise StoreError(f"{facts.location} is not a directory; correct url or create it")
    return Decision(Action.RUN, "serves until it is stopped", changes=spec.writable)
