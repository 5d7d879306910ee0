"""What an operation wants of the places it names, held against what those can do."""

from collections.abc import Iterator, Mapping
from typing import Final

from desync_jobs.errors import UsageError
from desync_jobs.manifest.capability import Capability
from desync_jobs.manifest.job import JobSpec
from desync_jobs.manifest.operations import OperationSpec
from desync_jobs.manifest.stores import CacheSpec

_REFUSALS: Final = {
    Capability.READ: "cannot be read from",
    Capability.WRITE: "cannot be written to",
    Capability.PRESENCE: "cannot be asked what it has",
    Capability.LIST: "cannot be listed",
    Capability.DELETE: "cannot be deleted from",
    Capability.CREATE: "cannot make what is new and nothing else",
}
_LOOKING_KINDS: Final = ("info", "inspect-chunks")
"""Kinds that look for chunks and read none."""


def need_abilities(
    job: JobSpec, operation: OperationSpec, able: Mapping[str, frozenset[Capability]]
) -> None:
    """Raise `UsageError` for the first place that cannot do what `operation` wants of it.

    `able` says what each store, cache and failover group of the operation can do.
    """
    for name, capability in _wanted(job, operation):
        if capability not in able[name]:
            what = "a failover group"
            if name not in job.failover_groups:
                what = job.place(name).location.kind.value
            raise UsageError(
                f"store {name}: {what} {_REFUSALS[capability]}, which {operation.kind} needs"
            )


def places_of(operation: OperationSpec) -> tuple[str, ...]:
    """Return the names of all stores, caches and failover groups of `operation`, each once."""
    return operation.access().places


def _looks(operation: OperationSpec) -> bool:
    """Whether it only asks for chunks."""
    if operation.kind == "verify-chunks":
        return not operation.content
    return operation.kind in _LOOKING_KINDS


def _wanted(job: JobSpec, operation: OperationSpec) -> Iterator[tuple[str, Capability]]:
    access = operation.access()
    looks = _looks(operation)
    for name in access.uses_stores:
        yield name, Capability.PRESENCE if looks else Capability.READ
    for name in access.adds_to:
        yield name, Capability.PRESENCE
        yield name, Capability.WRITE
    for name in access.deletes_from:
        yield name, Capability.DELETE
    if operation.kind in ("verify", "prune"):
        yield operation.store, Capability.LIST
    if operation.kind == "migrate" and not operation.selective:
        yield operation.stores[0], Capability.LIST
    cache = None if looks else getattr(operation, "cache", None)
    if cache is not None:
        yield cache, Capability.WRITE
        spec = job.place(cache)
        if isinstance(spec, CacheSpec) and spec.max_size is not None:
            yield cache, Capability.LIST
            yield cache, Capability.DELETE
