"""From names of the manifest to live stores, for one operation."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from desync_jobs.core.chunk import CHUNK_SIZE_LIMIT, DigestAlgorithm
from desync_jobs.execute.disks import disk_facts
from desync_jobs.execute.task import Task
from desync_jobs.manifest.job import Job
from desync_jobs.manifest.operations import OperationSpec
from desync_jobs.manifest.stores import CacheSpec, StoreSpec
from desync_jobs.planner.abilities import need_abilities, places_of
from desync_jobs.planner.facts import StoreFacts

if TYPE_CHECKING:
    from desync_jobs.planner.fetched import CachePlace
    from desync_jobs.stores.base import ChunkSource, ChunkStore
    from desync_jobs.stores.forms import ChunkForms
    from desync_jobs.stores.objects.base import ObjectPlace
    from desync_jobs.stores.open import Surroundings

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Reading:
    """How an operation reads chunks: the index decides, never the store."""

    algorithm: DigestAlgorithm
    limit: int = CHUNK_SIZE_LIMIT
    """Plain bytes of the largest chunk it can meet."""
    also: DigestAlgorithm | None = None
    """Another digest that a chunk's name may be."""
    always: bool = False
    """Whether chunks are verified also where a place is not to be (`skip_verify`)."""


EITHER: Final = Reading(DigestAlgorithm.SHA512_256, also=DigestAlgorithm.SHA256)
"""How chunks are read where nobody says which digest their IDs are made with."""
_ANY: Final = Reading(DigestAlgorithm.SHA512_256)
"""For places whose chunks are not read."""


class Sourced(Protocol):
    """A spec of an operation that fetches chunks through a cache."""

    @property
    def stores(self) -> Sequence[str]:
        """Names of the stores, in the order they are asked."""
        ...

    @property
    def cache(self) -> str | None:
        """Name of the cache."""
        ...

    @property
    def cache_repair(self) -> bool:
        """Whether damaged chunks of the cache are fetched again."""
        ...


def store_facts(task: Task[S], name: str) -> StoreFacts:
    """Look whether the directory of a store is there; one that is elsewhere is taken to be.

    Of a failover group, one member has to be there.
    """
    job = task.machine.job
    members = job.spec.members(name)
    locations = ", ".join(job.location(member) for member in members)
    return StoreFacts(name, locations, any(_present(job, member) for member in members))


def _present(job: Job, name: str) -> bool:
    spec = job.spec.place(name)
    if spec.directory is None or (isinstance(spec, StoreSpec) and spec.on_error == "skip"):
        return True
    return os.path.isdir(job.location(name))


def cache_place(task: Task[S], name: str | None) -> "CachePlace | None":
    """Look at the cache that keeps what is fetched, where there is one."""
    if name is None:
        return None
    from desync_jobs.planner.fetched import CachePlace
    from desync_jobs.planner.holdings import Keeps

    job = task.machine.job
    spec = job.spec.place(name)
    keeps = Keeps.PLAIN if spec.compression == "none" else Keeps.COMPRESSED
    return CachePlace(
        Keeps.OTHERWISE if spec.encryption is not None else keeps,
        None if spec.directory is None else disk_facts(job.location(name)),
        spec.max_size if isinstance(spec, CacheSpec) else None,
    )


def source_facts(task: Task[S], names: Iterable[str]) -> tuple[StoreFacts, ...]:
    """Look at several stores and failover groups."""
    return tuple(store_facts(task, name) for name in names)


def check_abilities(task: Task[OperationSpec]) -> None:
    """Raise `UsageError` where a place cannot do what the operation wants of it."""
    names = places_of(task.spec)
    able = {}
    if names:
        from desync_jobs.stores.open import capabilities

        around = surroundings(task)
        able = {name: capabilities(name, around) for name in names}
    need_abilities(task.machine.job.spec, task.spec, able)


def open_store(task: Task[S], name: str, reading: Reading) -> "ChunkStore":
    """Open the store or cache called `name`; under its lease where the operation has that."""
    from desync_jobs.stores import open as opening

    store = opening.open_store(name, surroundings(task, reading))
    lease = task.leases.get(name)
    if lease is None:
        return store
    from desync_jobs.stores.leased import LeasedStore

    return LeasedStore(store, lease)


def open_stores(task: Task[S], names: Sequence[str], reading: Reading) -> "ChunkSource":
    """Open several stores and failover groups, to be asked in their order."""
    from desync_jobs.stores import open as opening

    return opening.open_source(names, surroundings(task, reading))


def open_sources(task: Task[Sourced], reading: Reading) -> "ChunkSource":
    """Open what an operation fetches from: its stores in order, behind its cache."""
    from desync_jobs.stores import open as opening

    spec = task.spec
    stores = open_stores(task, spec.stores, reading)
    if spec.cache is None:
        return stores
    around = surroundings(task, reading)
    return opening.open_behind_cache(spec.cache, stores, around, repair=spec.cache_repair)


def open_forms(task: Task[S], name: str) -> "ChunkForms":
    """Return how the store or cache called `name` keeps chunks."""
    from desync_jobs.stores import open as opening

    return opening.open_forms(name, surroundings(task))


def open_place_of_store(task: Task[S], name: str) -> "ObjectPlace | None":
    """Return the objects behind a store or cache; None where it can have none but chunks."""
    from desync_jobs.stores import open as opening

    return opening.open_place_of_store(name, surroundings(task))


def open_place_of_indexes(task: Task[S], url: str) -> "ObjectPlace":
    """Return the place that the manifest calls `url`, a directory or a URL with indexes below."""
    from desync_jobs.stores import open as opening

    return opening.open_place_of_indexes(task.path(url), surroundings(task))


def open_index_place(task: Task[S], url: str) -> "tuple[ObjectPlace, str]":
    """Return the place in which the index at `url` is or will be, and its name there."""
    from desync_jobs.stores import open as opening

    return opening.open_index_place(url, surroundings(task))


def surroundings(task: Task[S], reading: Reading = _ANY) -> "Surroundings":
    """Return what places are opened with, for an operation that reads chunks as `reading` says.

    Who reads none need not say how.
    """
    from desync_jobs.stores.open import Surroundings
    from desync_jobs.stores.reader import Reader

    machine = task.machine
    algorithms = (reading.algorithm, *([reading.also] if reading.also else []))
    reader = Reader(machine.kernel, algorithms, reading.limit)
    return Surroundings(
        machine.job,
        reader,
        machine.cancel,
        task.warn,
        machine.places,
        verifies_always=reading.always,
    )
