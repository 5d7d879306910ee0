"""Deciding `serve-nbd`: serve until stopped."""

from desync_jobs.manifest.operations.serve_nbd import ServeNbdSpec
from desync_jobs.planner.nbd import NbdDetail, NbdFacts, need_served
from desync_jobs.planner.step import Action, Decision


def plan_serve_nbd(spec: ServeNbdSpec, facts: NbdFacts) -> Decision:
    """Decide to serve; how much clients will read is not known."""
    detail = NbdDetail(need_served(spec, facts))
    return Decision(Action.RUN, "serves until it is stopped", detail=detail)
