"""What every store promises: batches in, one answer for each chunk out.

A batch is at most 64 chunks and about 8 MiB of plain bytes, so that a thread's memory is
bounded and the kernel can digest eight chunks at a time. The answer to each ID is a
value: the chunk, or the error that says why not. `ChunkMissingError` is an
answer; a store that cannot answer at all (permission, I/O) raises `StoreError`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, Protocol, TypeAlias, runtime_checkable

from desync_jobs.codecs.form import Form
from desync_jobs.core.chunk import BytesLike, ChunkID
from desync_jobs.errors import ChunkInvalidError, ChunkMissingError
from desync_jobs.stores.counters import Counts

BATCH_CHUNKS: Final = 64
BATCH_BYTES: Final = 8 << 20


class Presence(Enum):
    """Whether a store has a chunk; `UNKNOWN` is never counted as no."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Chunk:
    """A verified chunk: its plain bytes digest to its ID.

    `stored` and `form` are the bytes it was read as, so that copying between
    stores of the same form compresses nothing again; `stored` is None where there was none.
    """

    id: ChunkID
    plain: BytesLike
    stored: bytes | None = None
    form: Form | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """What a `put` wrote; chunks that were here already are not counted."""

    chunks: int
    size: int
    """Stored bytes."""


NOTHING_STORED: Final = Stored(0, 0)

Fetched: TypeAlias = Chunk | ChunkMissingError | ChunkInvalidError
"""The answer for one requested chunk."""


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """One chunk file as a listing shows it: nothing about its content is known yet."""

    id: ChunkID
    form: Form
    """`PLAIN`, or `ZSTD` for every compressed form: their files have the same name."""
    size: int
    """Stored bytes."""
    used: float | None = field(default=None, compare=False)
    """When it was last written or touched, in seconds since 1970; None where nobody can tell."""


@dataclass(frozen=True, slots=True)
class StoredSize:
    """What one `fetch` of a chunk would come to, found out without reading the chunk.

    `asked` names the places that the fetch would ask for it, in order, each with one
    request. What `presence` says is of the last of them: it has the chunk (`YES`); neither it
    nor any before has (`NO`); or it cannot tell (`UNKNOWN`), and the chunk may come from
    there or from whatever is asked after it, which was not looked at.
    """

    presence: Presence
    asked: tuple[str, ...]
    size: int | None = None
    """Stored bytes that are transferred; None where the chunk is not there, or where the place has
    it and does not say how long it is."""
    form: Form | None = None
    """As in a `StoredEntry`: `PLAIN`, or `ZSTD` for every compressed form."""


class ChunkSource(Protocol):
    """Where verified chunks come from."""

    @property
    def name(self) -> str:
        """How messages and statistics call it."""
        ...

    def fetch(self, ids: Sequence[ChunkID]) -> list[Fetched]:
        """Answer for each of `ids`, in their order."""
        ...

    def presence(self, ids: Sequence[ChunkID]) -> list[Presence]:
        """Say for each of `ids` whether it is here, without reading content.

        A place that does not exist yet has nothing; one that is gone is not known.
        """
        ...

    def stored_sizes(self, ids: Sequence[ChunkID]) -> list[StoredSize]:
        """Say for each of `ids` where a `fetch` would get it and as how many stored bytes.

        Costs what `presence` costs: a look at the file, or a request without a body. Asked for a
        preview, with more IDs than a batch to fetch has. A chunk that cannot be looked at is
        `UNKNOWN`; only a store that does not answer at all raises `StoreError`. On an unchanged
        store, and as long as no chunk is damaged, `fetch` does what was said: the same places,
        requests and bytes in `counts`. Looking is not counted there.
        """
        ...

    def counts(self) -> dict[str, Counts]:
        """Return what each place behind this source did so far, by its name."""
        ...


class ChunkStore(ChunkSource, Protocol):
    """A source that also keeps chunks, lists them and removes them."""

    def prepare(self) -> None:
        """Make the place itself where it does not exist yet, as the first `put` would."""
        ...

    def put(self, chunks: Sequence[Chunk]) -> Stored:
        """Keep what is not here yet; each chunk appears whole or not at all."""
        ...

    def replace(self, chunks: Sequence[Chunk]) -> None:
        """Keep `chunks` in place of whatever is stored under their IDs."""
        ...

    def touch(self, chunks: Sequence[Chunk]) -> None:
        """Take note that `chunks`, just fetched from here, were used; where that can be noted."""
        ...

    def flush(self) -> None:
        """Return when everything put so far would survive a power cut."""
        ...

    def entries(self) -> Iterator[StoredEntry]:
        """List every chunk file, in no particular order."""
        ...

    def examine(self, entries: Sequence[StoredEntry]) -> list[ChunkInvalidError | None]:
        """Read these very chunk files, decode and digest them; None for each that is right.

        One that is gone by now is right: somebody else removed it.
        """
        ...

    def compressed_sizes(self, ids: Sequence[ChunkID]) -> list[int | None]:
        """Return the bytes of each of `ids` as stored, None where it is missing or plain."""
        ...

    def remove(self, entry: StoredEntry) -> None:
        """Delete one chunk file; nothing happens where it is already gone."""
        ...


@runtime_checkable
class Foldered(Protocol):
    """A store that lists its folders one by one, each with the chunks of a prefix."""

    def entries_in(self, folders: Iterable[str]) -> Iterator[StoredEntry]:
        """List every chunk file in some of the folders `0000` to `ffff`; one may be missing."""
        ...
