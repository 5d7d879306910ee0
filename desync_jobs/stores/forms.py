"""How chunks are stored under their names: a chain of layers, and a suffix for each.

Plain bytes are compressed unless the store keeps them plain, and then sealed where it is encrypted;
the suffix of a name is that of the compression followed by that of the seal. A store writes
one such form and reads it first; it may also read the other compression, never another seal.
"""

from dataclasses import dataclass, field
from typing import Protocol

from desync_jobs.codecs.encode import ZstdEncoder
from desync_jobs.codecs.form import Form
from desync_jobs.core.chunk import BytesLike, ChunkID
from desync_jobs.stores.base import Chunk
from desync_jobs.stores.layout import chunk_name, parse_chunk_name, suffix_of


class Layer(Protocol):
    """What seals stored chunks; `codecs.aead.Cipher` is one."""

    @property
    def suffix(self) -> str:
        """How the names of sealed chunks end."""
        ...

    @property
    def overhead(self) -> int:
        """How many bytes longer a sealed chunk is."""
        ...

    def seal(self, data: BytesLike) -> bytes:
        """Return `data` sealed."""
        ...

    def open(self, data: BytesLike) -> bytes:
        """Return what was sealed; `CodecError` where it is damaged."""
        ...


@dataclass(frozen=True, slots=True)
class StoredForm:
    """One form of the chunks of a store."""

    form: Form
    """`PLAIN`, or `ZSTD` for every compressed form: their names have the same suffix."""
    layer: Layer | None = None
    suffix: str = field(init=False)
    """How names in this form end."""
    overhead: int = field(init=False)
    """How many bytes the layer adds."""

    def __post_init__(self) -> None:
        # Once, because every name is made with them.
        layer_suffix, overhead = "", 0
        if self.layer is not None:
            layer_suffix, overhead = self.layer.suffix, self.layer.overhead
        object.__setattr__(self, "suffix", suffix_of(self.form) + layer_suffix)
        object.__setattr__(self, "overhead", overhead)

    def name(self, chunk_id: ChunkID) -> str:
        """Return the name of a chunk: `1c81/1c8109….cacnk`."""
        return chunk_name(chunk_id, self.suffix)

    def open(self, data: bytes) -> bytes:
        """Return what is below the layer; `CodecError` where that cannot be had."""
        return data if self.layer is None else self.layer.open(data)


class ChunkForms:
    """The forms of one store. Safe to call from many threads.

    `writes` is how it compresses; with `reads_both` it also reads the other way.
    """

    def __init__(
        self,
        writes: Form = Form.ZSTD,
        *,
        level: int = 3,
        reads_both: bool = True,
        layer: Layer | None = None,
    ) -> None:
        if writes not in (Form.ZSTD, Form.PLAIN):
            raise ValueError(f"a store writes zstd or plain chunks, not {writes.value}")
        other = Form.PLAIN if writes is Form.ZSTD else Form.ZSTD
        self.own = StoredForm(writes, layer)
        self.reads: tuple[StoredForm, ...] = (self.own,)
        """In the order they are looked for; the first is what is written."""
        if reads_both:
            self.reads = (self.own, StoredForm(other, layer))
        self._encoder = ZstdEncoder(level)

    def encode(self, chunk: Chunk) -> BytesLike:
        """Return the bytes to store for a chunk; those it was read as, where they will do."""
        if self.own.form is Form.PLAIN:
            data: BytesLike = chunk.plain
        elif chunk.form is Form.ZSTD and chunk.stored is not None:
            data = chunk.stored
        else:
            data = self._encoder.encode(chunk.plain)
        if self.own.layer is not None:
            return self.own.layer.seal(data)
        return data

    def of(self, form: Form) -> StoredForm:
        """Return the form of an entry of this store, whose `form` says how it is compressed."""
        return next(one for one in self.reads if one.form is form)

    def parse(self, name: str) -> tuple[ChunkID, StoredForm] | None:
        """Return what an object holds by its name; None for what is not a chunk of this store."""
        parsed = parse_chunk_name(name)
        if parsed is None:
            return None
        chunk_id, suffix = parsed
        form = next((one for one in self.reads if one.suffix == suffix), None)
        return None if form is None else (chunk_id, form)
