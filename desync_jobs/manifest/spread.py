"""Which operations of a job a cluster does, and what it cannot do of a job."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from desync_jobs.errors import Problem
from desync_jobs.manifest.base import OperationBase
from desync_jobs.manifest.engine import DaskEngineSpec
from desync_jobs.manifest.job import JobSpec
from desync_jobs.manifest.locations import Kind, Location, parse_location
from desync_jobs.manifest.operations import OperationSpec

_KINDS: Final = ("cache", "make", "migrate", "prune", "verify")
"""Kinds of operations that many machines can do together; all others are done by one."""
SPREAD_WORDS: Final = "cache, make of many blobs, migrate, the mark of prune, and verify"
"""What many machines do together, as messages say it."""
_TRANSPORTS: Final = ("tcp://", "tls://")


def is_spread(operation: OperationSpec) -> bool:
    """Whether many machines do an operation together."""
    if operation.kind == "make":
        return operation.several
    return operation.kind in _KINDS


def spread_operations(spec: JobSpec) -> tuple[str, ...]:
    """Return the names of the operations that many machines do together; none without a cluster."""
    if not isinstance(spec.engine, DaskEngineSpec):
        return ()
    return tuple(name for name, one in spec.operations.items() if is_spread(one))


def spread_roots(spec: JobSpec) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield the places whose indexes many machines read together, and where each is named."""
    for name, operation in spec.operations.items():
        if operation.kind == "prune":
            for number, root in enumerate(operation.roots):
                yield ("operations", name, "roots", number, "url"), root.url


def engine_problems(spec: JobSpec) -> Iterator[Problem]:
    """Yield what a cluster cannot do of a job that is to run on one."""
    engine = spec.engine
    if not isinstance(engine, DaskEngineSpec):
        return
    if (engine.scheduler is None) == (engine.workers is None):
        message = "give one of scheduler, the address of a cluster, and workers, processes here"
        yield Problem(("engine",), message)
    if engine.scheduler is not None and not engine.scheduler.startswith(_TRANSPORTS):
        message = f"should begin with {' or '.join(_TRANSPORTS)}, not be {engine.scheduler!r}"
        yield Problem(("engine", "scheduler"), message)
    yield from _tls_problems(engine)
    spread = [spec.operations[name] for name in spread_operations(spec)]
    if not spread:
        message = f"a cluster does {SPREAD_WORDS}; the job has none of them, leave the engine out"
        yield Problem(("engine", "kind"), message)
    for where, location in _reached(spec, spread):
        if location.kind is Kind.OTHER and location.scheme == "memory":
            message = "is in the memory of one process, where no worker of a cluster can reach it"
            yield Problem(where, message)


def _reached(
    spec: JobSpec, operations: Iterable[OperationBase]
) -> Iterator[tuple[tuple[str | int, ...], Location]]:
    """Yield what workers have to reach, and where each is named."""
    for name in sorted({name for one in operations for name in _places(spec, one)}):
        section = "stores" if name in spec.stores else "caches"
        yield (section, name, "url"), spec.place(name).location
    for where, url in spread_roots(spec):
        yield where, parse_location(url)


def _tls_problems(engine: DaskEngineSpec) -> Iterator[Problem]:
    keys = ("tls_ca", "tls_cert", "tls_key")
    given = [key for key in keys if getattr(engine, key) is not None]
    if given and len(given) < len(keys):
        yield Problem(("engine", given[0]), f"{', '.join(keys)} are given together")
    if given and not (engine.scheduler or "").startswith("tls://"):
        yield Problem(("engine", given[0]), "is for a scheduler with a URL that begins with tls://")


def _places(spec: JobSpec, operation: OperationBase) -> Iterator[Any]:
    for name in operation.access().places:
        for member in spec.members(name):
            if member in spec.stores or member in spec.caches:
                yield member
