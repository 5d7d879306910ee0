"""From names of the manifest to live stores, for one operation."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from desync_jobs.core.chunk import CHUNK_SIZE_LIMIT, DigestAlgorithm
from desync_jobs.execute.task import Task
from desync_jobs.planner.facts import StoreFacts
from desync_jobs.stores import open as opening
from desync_jobs.stores.base import ChunkSource, ChunkStore
from desync_jobs.stores.reader import Reader

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Reading:
    """How an operation reads chunks: the index decides, never the store."""

    algorithm: DigestAlgorithm
    limit: int = CHUNK_SIZE_LIMIT
    """Plain bytes of the largest chunk it can meet."""
    also: DigestAlgorithm | None = None
    """Another digest that a chunk's name may be."""


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
    """Look whether the directory of a store is there."""
    path = task.path(task.machine.job.spec.place(name).path)
    return StoreFacts(name, path, os.path.isdir(path))


def source_facts(task: Task[S], names: Iterable[str]) -> tuple[StoreFacts, ...]:
    """Look at several stores."""
    return tuple(store_facts(task, name) for name in names)


def open_store(task: Task[S], name: str, reading: Reading) -> ChunkStore:
    """Open the store or cache called `name`."""
    job = task.machine.job
    return opening.open_store(name, job.spec.place(name), job.directory, _reader(task, reading))


def open_each(task: Task[S], names: Iterable[str], reading: Reading) -> list[ChunkStore]:
    """Open several stores."""
    return [open_store(task, name, reading) for name in names]


def open_sources(task: Task[Sourced], reading: Reading) -> ChunkSource:
    """Open what an operation fetches from: its stores in order, behind its cache."""
    spec = task.spec
    cache = None if spec.cache is None else open_store(task, spec.cache, reading)
    stores = open_each(task, spec.stores, reading)
    return opening.open_source(stores, cache, repair=spec.cache_repair)


def _reader(task: Task[S], reading: Reading) -> Reader:
    algorithms = (reading.algorithm, *([reading.also] if reading.also else []))
    return Reader(task.machine.kernel, algorithms, reading.limit)
