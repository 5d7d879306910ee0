"""Facts of one operation → its decision: the table of planners."""

from collections.abc import Callable
from typing import Any, Final

from desync_jobs.manifest.operations import OperationSpec
from desync_jobs.manifest.operations.cache import CacheOpSpec
from desync_jobs.manifest.operations.cat import CatSpec
from desync_jobs.manifest.operations.chop import ChopSpec
from desync_jobs.manifest.operations.chunk import ChunkSpec
from desync_jobs.manifest.operations.digest import DigestSpec
from desync_jobs.manifest.operations.extract import ExtractSpec
from desync_jobs.manifest.operations.info import InfoSpec
from desync_jobs.manifest.operations.inspect_chunks import InspectChunksSpec
from desync_jobs.manifest.operations.list_chunks import ListChunksSpec
from desync_jobs.manifest.operations.make import MakeSpec
from desync_jobs.manifest.operations.verify import VerifySpec
from desync_jobs.manifest.operations.verify_index import VerifyIndexSpec
from desync_jobs.planner.operations.cache import plan_cache
from desync_jobs.planner.operations.cat import plan_cat
from desync_jobs.planner.operations.chop import plan_chop
from desync_jobs.planner.operations.chunk import plan_chunk
from desync_jobs.planner.operations.digest import plan_digest
from desync_jobs.planner.operations.extract import plan_extract
from desync_jobs.planner.operations.info import plan_info
from desync_jobs.planner.operations.inspect_chunks import plan_inspect_chunks
from desync_jobs.planner.operations.list_chunks import plan_list_chunks
from desync_jobs.planner.operations.make import plan_make
from desync_jobs.planner.operations.verify import plan_verify
from desync_jobs.planner.operations.verify_index import plan_verify_index
from desync_jobs.planner.order import Order
from desync_jobs.planner.plan import Action, Decision, Step

# The facts' type belongs to the spec's type; each planner's own signature says so.
PLANNERS: Final[dict[type, Callable[[Any, Any], Decision]]] = {
    MakeSpec: plan_make,
    ExtractSpec: plan_extract,
    VerifyIndexSpec: plan_verify_index,
    VerifySpec: plan_verify,
    ChopSpec: plan_chop,
    CacheOpSpec: plan_cache,
    CatSpec: plan_cat,
    ChunkSpec: plan_chunk,
    ListChunksSpec: plan_list_chunks,
    InfoSpec: plan_info,
    InspectChunksSpec: plan_inspect_chunks,
    DigestSpec: plan_digest,
}


def decide(name: str, spec: OperationSpec, order: Order, facts: object) -> Step:
    """Return the step of operation `name`; raises the error that says why it cannot be done."""
    decision = PLANNERS[type(spec)](spec, facts)
    return Step(
        operation=name,
        kind=spec.kind,
        action=decision.action,
        reason=decision.reason,
        needs=_in_order(order, name),
        cost=decision.cost,
        changes=decision.changes,
        detail=decision.detail,
    )


def defer(name: str, spec: OperationSpec, order: Order, changing: frozenset[str]) -> Step:
    """Return the step of an operation whose inputs `changing` will change first."""
    makers = " and ".join(one for one in order.names if one in changing)
    return Step(
        operation=name,
        kind=spec.kind,
        action=Action.DEFERRED,
        reason=f"planned when {makers} is done",
        needs=_in_order(order, name),
        changes=True,
    )


def _in_order(order: Order, name: str) -> tuple[str, ...]:
    return tuple(one for one in order.names if one in order.needs[name])
