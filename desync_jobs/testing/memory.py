"""A store that keeps its chunks in memory, for tests that are not about stores."""

from collections.abc import Iterator, Sequence
from threading import Lock

from desync_jobs.codecs.form import Form
from desync_jobs.core.chunk import ChunkID, DigestAlgorithm
from desync_jobs.errors import ChunkInvalidError, ChunkMissingError
from desync_jobs.stores.base import Chunk, Fetched, Presence, Stored, StoredEntry, StoredSize
from desync_jobs.stores.counters import Counters, Counts


class MemoryStore:
    """A `ChunkStore` of plain chunks. Safe to call from many threads."""

    def __init__(
        self,
        name: str = "memory",
        chunks: Sequence[Chunk] = (),
        algorithm: DigestAlgorithm = DigestAlgorithm.SHA512_256,
    ) -> None:
        self.name = name
        self.plain = {chunk.id: bytes(chunk.plain) for chunk in chunks}
        """What is kept; a test may look, and may damage it."""
        self.flushed: set[ChunkID] = set()
        """What was here when `flush` was last called."""
        self._algorithm = algorithm
        self._counters = Counters()
        self._lock = Lock()

    def fetch(self, ids: Sequence[ChunkID]) -> list[Fetched]:
        answers = [self._fetch(chunk_id) for chunk_id in ids]
        given = [answer for answer in answers if isinstance(answer, Chunk)]
        read = sum(len(chunk.plain) for chunk in given)
        self._counters.add(Counts(len(given), read, len(ids), plain_bytes=read))
        return answers

    def examine(self, entries: Sequence[StoredEntry]) -> list[ChunkInvalidError | None]:
        answers = self.fetch([entry.id for entry in entries])
        return [answer if isinstance(answer, ChunkInvalidError) else None for answer in answers]

    def presence(self, ids: Sequence[ChunkID]) -> list[Presence]:
        return [Presence.YES if chunk_id in self.plain else Presence.NO for chunk_id in ids]

    def stored_sizes(self, ids: Sequence[ChunkID]) -> list[StoredSize]:
        return [self._stored_size(chunk_id) for chunk_id in ids]

    def compressed_sizes(self, ids: Sequence[ChunkID]) -> list[int | None]:
        return [None] * len(ids)

    def counts(self) -> dict[str, Counts]:
        return {self.name: self._counters.total()}

    def prepare(self) -> None:
        """Do nothing: memory is there."""

    def put(self, chunks: Sequence[Chunk]) -> Stored:
        with self._lock:
            new = {one.id: bytes(one.plain) for one in chunks if one.id not in self.plain}
            self.plain.update(new)
        stored = Stored(len(new), sum(map(len, new.values())))
        self._counters.add(Counts(chunks_added=stored.chunks, stored_bytes_added=stored.size))
        return stored

    def replace(self, chunks: Sequence[Chunk]) -> None:
        self.plain.update((chunk.id, bytes(chunk.plain)) for chunk in chunks)
        written = sum(len(chunk.plain) for chunk in chunks)
        self._counters.add(Counts(chunks_added=len(chunks), stored_bytes_added=written))

    def touch(self, chunks: Sequence[Chunk]) -> None:
        """Do nothing: memory forgets nothing by age."""

    def flush(self) -> None:
        self.flushed = set(self.plain)

    def entries(self) -> Iterator[StoredEntry]:
        for chunk_id, plain in list(self.plain.items()):
            yield StoredEntry(chunk_id, Form.PLAIN, len(plain))

    def remove(self, entry: StoredEntry) -> None:
        self.plain.pop(entry.id, None)

    def _stored_size(self, chunk_id: ChunkID) -> StoredSize:
        plain = self.plain.get(chunk_id)
        if plain is None:
            return StoredSize(Presence.NO, (self.name,))
        return StoredSize(Presence.YES, (self.name,), len(plain), Form.PLAIN)

    def _fetch(self, chunk_id: ChunkID) -> Fetched:
        plain = self.plain.get(chunk_id)
        if plain is None:
            return ChunkMissingError(chunk_id, self.name)
        digest = self._algorithm.of(plain)
        if digest != chunk_id:
            reason = f"its content has the digest {digest.hex()}"
            return ChunkInvalidError(chunk_id, self.name, reason)
        return Chunk(chunk_id, plain, plain, Form.PLAIN)
