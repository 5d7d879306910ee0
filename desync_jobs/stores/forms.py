"""How chunks are stored under their names: a chain of layers, and a suffix for each.

Plain bytes are compressed unless the store keeps them plain, and then sealed where it is encrypted;
the suffix of a name is that of the compression followed by that of the seal. A store writes
one such form and reads it first; it may also read the other compression, never another seal.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from desync_jobs.codecs.encode import ZstdEncoder
from desync_jobs.codecs.form import Form
from desync_jobs.core.chunk import BytesLike, ChunkID
from desync_jobs.stores.base import Chunk
from desync_jobs.stores.layout import is_prefix, suffix_of

_ID_DIGITS = 64
_PREFIX_DIGITS = 4


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

    @property
    def suffix(self) -> str:
        """How names in this form end."""
        return suffix_of(self.form) + ("" if self.layer is None else self.layer.suffix)

    @property
    def overhead(self) -> int:
        """How many bytes the layer adds."""
        return 0 if self.layer is None else self.layer.overhead

    def name(self, chunk_id: ChunkID) -> str:
        """Return the name of a chunk: `1c81/1c8109….cacnk`."""
        digits = chunk_id.hex()
        return f"{digits[:_PREFIX_DIGITS]}/{digits}{self.suffix}"

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

    def encode(self, chunk: Chunk) -> bytes:
        """Return the bytes to store for a chunk; those it was read as, where they will do."""
        if self.own.form is Form.PLAIN:
            data: BytesLike = chunk.plain
        elif chunk.form is Form.ZSTD and chunk.stored is not None:
            data = chunk.stored
        else:
            data = self._encoder.encode(chunk.plain)
        if self.own.layer is not None:
            return self.own.layer.seal(data)
        return data if isinstance(data, bytes) else bytes(data)

    def of(self, form: Form) -> StoredForm:
        """Return the form of an entry of this store, whose `form` says how it is compressed."""
        return next(one for one in self.reads if one.form is form)

    def parse(self, name: str) -> tuple[ChunkID, StoredForm] | None:
        """Return what an object holds by its name; None for what is not a chunk of this store."""
        prefix, slash, base = name.partition("/")
        digits = base[:_ID_DIGITS]
        if not slash or not is_prefix(prefix) or not digits.startswith(prefix):
            return None
        form = _with_suffix(self.reads, base[_ID_DIGITS:])
        if form is None or len(digits) != _ID_DIGITS or not _is_hex(digits):
            return None
        return bytes.fromhex(digits), form


def _with_suffix(forms: Sequence[StoredForm], suffix: str) -> StoredForm | None:
    return next((form for form in forms if form.suffix == suffix), None)


def _is_hex(digits: str) -> bool:
    return all(digit in "0123456789abcdef" for digit in digits)
