"""The form in which chunks travel, and what is taken from clients."""

from dataclasses import dataclass, field

from desync_jobs.codecs.form import Form
from desync_jobs.core.chunk import ChunkID
from desync_jobs.errors import ChunkInvalidError, CodecError
from desync_jobs.stores.base import Chunk
from desync_jobs.stores.forms import ChunkForms, StoredForm
from desync_jobs.stores.reader import RawChunk, Reader

_CLIENT = "from the client"


@dataclass(frozen=True, slots=True)
class Wire:
    """Chunks travel in the own form of `forms`, whatever form a store keeps them in.

    What clients send is held against `reader`, whose limit is that of the largest chunk.
    """

    forms: ChunkForms
    reader: Reader
    form: StoredForm = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "form", self.forms.own)

    @property
    def sealed(self) -> bool:
        """Whether chunks are encrypted, so that no two answers for one have the same bytes."""
        return self.form.layer is not None

    @property
    def body_limit(self) -> int:
        """Bytes of the largest body that may be a chunk."""
        return self.reader.stored_limit + self.form.overhead

    def encode(self, chunk: Chunk) -> bytes:
        """Return what is sent of a chunk; compresses nothing that is compressed already."""
        return bytes(self.forms.encode(chunk))

    def decode(self, chunk_id: ChunkID, body: bytes) -> Chunk:
        """Return the chunk that a client sent; `ChunkInvalidError` where it is another."""
        try:
            data = self.form.open(body)
        except CodecError as error:
            raise ChunkInvalidError(chunk_id, _CLIENT, str(error)) from error
        raw = RawChunk(chunk_id, self.form.form is not Form.PLAIN, data)
        (answer,) = self.reader.answers(_CLIENT, [raw])
        if not isinstance(answer, Chunk):
            raise answer
        return answer
