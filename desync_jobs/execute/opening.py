"""From names of the manifest to live stores, for one operation."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from desync_jobs.core.chunk import CHUNK_SIZE_LIMIT, DigestAlgorithm
from desync_jobs.execute.task import Task
from desync_jobs.planner.facts import StoreFacts
from desync_jobs.stores.base import ChunkSource, ChunkStore

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Reading:
    """How an operation reads chunks: the index decides, never the store."""

    algorithm: DigestAlgorithm
    limit: int = CHUNK_SIZE_LIMIT
    """Plain bytes of the largest chunk it can meet."""
    also: DigestAlgorithm | None = None
    """Another digest that a chunk's name may be."""
