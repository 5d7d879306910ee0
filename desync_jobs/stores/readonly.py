"""What a store that can only be read says to everything else."""

from collections.abc import Iterator, Sequence
from typing import NoReturn

from desync_jobs.core.chunk import ChunkID
from desync_jobs.errors import ChunkInvalidError, StoreError
from desync_jobs.stores.base import Chunk, Stored, StoredEntry


class ReadOnly:
    """The half of a `ChunkStore` that a read-only one has not; each call raises `StoreError`.

    Planning refuses such work before it comes to this.
    """

    name: str

    def prepare(self) -> None:
        self._refuse("made")

    def put(self, chunks: Sequence[Chunk]) -> Stored:
        del chunks
        self._refuse("written to")

    def replace(self, chunks: Sequence[Chunk]) -> None:
        del chunks
        self._refuse("written to")

    def touch(self, chunks: Sequence[Chunk]) -> None:
        """Do nothing: nobody can note it."""

    def flush(self) -> None:
        """Do nothing: nothing was written."""

    def entries(self) -> Iterator[StoredEntry]:
        self._refuse("listed")

    def examine(self, entries: Sequence[StoredEntry]) -> list[ChunkInvalidError | None]:
        del entries
        self._refuse("listed")

    def compressed_sizes(self, ids: Sequence[ChunkID]) -> list[int | None]:
        del ids
        self._refuse("asked for sizes")

    def remove(self, entry: StoredEntry) -> None:
        del entry
        self._refuse("written to")

    def _refuse(self, what: str) -> NoReturn:
        raise StoreError(f"store {self.name}: can only be read, and not be {what}")
