"""Stored bytes to verified chunks, the same way for every store.

A batch is decoded chunk by chunk and digested at once. Damage is an answer for
its chunk alone; nothing leaves here that does not have the digest of its name.

Stored chunks may decode to far more than their names promise, so no more than
`BATCH_BYTES` are ever decoded, and one chunk, before those that are wrong are dropped.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias

from desync_jobs.codecs.decode import Decoder
from desync_jobs.codecs.form import Form, detect_form
from desync_jobs.core.chunk import CHUNK_SIZE_LIMIT, ChunkID, DigestAlgorithm
from desync_jobs.core.digest import digest_many
from desync_jobs.core.kernel import Kernel
from desync_jobs.errors import ChunkInvalidError, ChunkMissingError, CodecError
from desync_jobs.stores.base import BATCH_BYTES, Chunk, Fetched

_FRAME_OVERHEAD: Final = 64 << 10


class RawChunk(NamedTuple):
    """The bytes kept for one chunk."""

    id: ChunkID
    compressed: bool
    data: bytes


NotRead: TypeAlias = ChunkMissingError | ChunkInvalidError
"""Why there are no bytes for a chunk."""


@dataclass(frozen=True, slots=True)
class Reader:
    """What stored chunks are held against. Safe to share by stores and threads."""

    kernel: Kernel
    algorithms: tuple[DigestAlgorithm, ...] = (DigestAlgorithm.SHA512_256, DigestAlgorithm.SHA256)
    """Digests an ID may be made with: that of the index, or both where no index says."""
    limit: int = CHUNK_SIZE_LIMIT
    """The longest plain chunk, in bytes: the maximum of the index, where there is one."""
    _decoder: Decoder = field(default_factory=Decoder, init=False, repr=False, compare=False)

    @property
    def stored_limit(self) -> int:
        """The longest stored chunk, in bytes: data that does not compress grows a little."""
        return min(self.limit + self.limit // 8 + _FRAME_OVERHEAD, CHUNK_SIZE_LIMIT)

    def answers(self, store: str, batch: Iterable[RawChunk | NotRead]) -> Iterator[Fetched]:
        """Answer for each of `batch`, which is read from the store called `store` as needed."""
        window: list[Fetched] = []
        size = 0
        for stored in batch:
            answer = self._decode(store, stored)
            window.append(answer)
            if isinstance(answer, Chunk):
                size += len(answer.plain)
            if size >= BATCH_BYTES:
                yield from self._verified(store, window)
                window, size = [], 0
        yield from self._verified(store, window)

    def _verified(self, store: str, answers: list[Fetched]) -> list[Fetched]:
        """Put errors in the places of chunks that do not have the digest of their name."""
        chunks = {at: answer for at, answer in enumerate(answers) if isinstance(answer, Chunk)}
        for at, digest in self._wrong_digests(chunks).items():
            reason = f"its content has the digest {digest.hex()}"
            answers[at] = ChunkInvalidError(chunks[at].id, store, reason)
        return answers

    def _decode(self, store: str, stored: RawChunk | NotRead) -> Fetched:
        if not isinstance(stored, RawChunk):
            return stored
        try:
            form = _form_of(stored)
            plain = self._decoder.decode(form, stored.data, self.limit)
        except CodecError as error:
            invalid = ChunkInvalidError(stored.id, store, str(error))
            invalid.__cause__ = error
            return invalid
        return Chunk(stored.id, plain, stored.data, form)

    def _wrong_digests(self, chunks: Mapping[int, Chunk]) -> dict[int, bytes]:
        """Find the chunks that no algorithm's digest fits.

        `chunks` is by position; the answer is too, with the digest of the first algorithm.
        """
        wrong: dict[int, bytes] = {}
        places = list(chunks)
        for algorithm in self.algorithms:
            digests = digest_many(self.kernel, algorithm, [chunks[at].plain for at in places])
            mismatches = {
                at: digest
                for at, digest in zip(places, digests, strict=True)
                if chunks[at].id != digest
            }
            wrong = {at: wrong.get(at, digest) for at, digest in mismatches.items()}
            places = list(wrong)
            if not places:
                break
        return wrong


def _form_of(stored: RawChunk) -> Form:
    if not stored.data:
        raise CodecError("it is empty")
    form = detect_form(stored.data) if stored.compressed else Form.PLAIN
    if form is None:
        raise CodecError("it is neither zstd nor xz nor gzip")
    return form
