"""Chunk stores in any place of objects: the same layout, forms and verification everywhere."""

from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

from desync_jobs.codecs.form import Form
from desync_jobs.core.chunk import ChunkID
from desync_jobs.errors import (
    ChunkInvalidError,
    ChunkMissingError,
    CodecError,
    NameRefusedError,
    StoreError,
)
from desync_jobs.manifest.capability import Capability
from desync_jobs.stores.base import (
    BATCH_CHUNKS,
    Chunk,
    Fetched,
    Presence,
    Stored,
    StoredEntry,
    StoredSize,
)
from desync_jobs.stores.counters import Counters, Counts, Waiting
from desync_jobs.stores.forms import ChunkForms, StoredForm
from desync_jobs.stores.objects.base import ObjectPlace, TooLarge, Unusable
from desync_jobs.stores.objects.claims import Claims
from desync_jobs.stores.policy.retry import Attempts, Failure, Fault, GiveUp
from desync_jobs.stores.policy.values import DEFAULT_POLICY, NeverStopped, Policy, Stopper
from desync_jobs.stores.reader import NotRead, RawChunk, Reader

CHUNK_CONTENT_TYPE: Final = "application/zstd"
"""What desync calls every chunk, compressed or not."""

Wanted: TypeAlias = tuple[ChunkID, tuple[StoredForm, ...]]
"""A chunk, and the forms in which to look for it."""

_DAMAGED: Final = Failure("the content is damaged", Fault.TRANSIENT)


class ObjectStore:
    """A `ChunkStore` in `place`.

    Content that is wrong is asked for again as `policy` says: it may have been cut short or
    mixed up on the way. What is put is only looked for first, so of two programs that put the
    same chunk at the same time both write it, whole; the threads of this one take turns.
    """

    def __init__(
        self,
        place: ObjectPlace,
        reader: Reader,
        forms: ChunkForms,
        policy: Policy = DEFAULT_POLICY,
        stopper: Stopper | None = None,
    ) -> None:
        self.name = place.name
        self.capabilities = place.capabilities
        self._place = place
        self._reader = reader
        self._forms = forms
        self._policy = policy
        self._stopper = NeverStopped() if stopper is None else stopper
        self._counters = Counters()
        self._retries_before = place.traffic().retries
        self._claims = Claims(self._stopper)

    def fetch(self, ids: Sequence[ChunkID]) -> list[Fetched]:
        return self._answers([(chunk_id, self._forms.reads) for chunk_id in ids])

    def examine(self, entries: Sequence[StoredEntry]) -> list[ChunkInvalidError | None]:
        wanted = [(entry.id, (self._forms.of(entry.form),)) for entry in entries]
        answers = self._answers(wanted)
        return [answer if isinstance(answer, ChunkInvalidError) else None for answer in answers]

    def presence(self, ids: Sequence[ChunkID]) -> list[Presence]:
        try:
            found = self._find(ids, self._forms.reads)
        except StoreError:
            return [Presence.UNKNOWN] * len(ids)
        return [Presence.NO if one is None else Presence.YES for one in found]

    def stored_sizes(self, ids: Sequence[ChunkID]) -> list[StoredSize]:
        return [
            StoredSize(Presence.NO, (self.name,))
            if one is None
            else StoredSize(Presence.YES, (self.name,), one[0], one[1].form)
            for one in self._find(ids, self._forms.reads)
        ]

    def compressed_sizes(self, ids: Sequence[ChunkID]) -> list[int | None]:
        compressed = tuple(one for one in self._forms.reads if one.form is not Form.PLAIN)
        return [None if one is None else one[0] for one in self._find(ids, compressed)]

    def counts(self) -> dict[str, Counts]:
        # Operations of one run may share the place.
        retries = self._place.traffic().retries - self._retries_before
        return {self.name: self._counters.total() + Counts(retries=retries)}

    def prepare(self) -> None:
        """Do nothing: what is needed above an object is made with it."""

    def put(self, chunks: Sequence[Chunk]) -> Stored:
        wanted = self._writable(chunks)
        waiting = Waiting()
        with self._claims.of(wanted), waiting:
            found = self._find(list(wanted), self._forms.reads)
            new = [
                chunk for chunk, place in zip(wanted.values(), found, strict=True) if place is None
            ]
            size = self._write(new)
        self._count_added(len(new), size, waiting)
        return Stored(len(new), size)

    def replace(self, chunks: Sequence[Chunk]) -> None:
        wanted = self._writable(chunks)
        waiting = Waiting()
        with self._claims.of(wanted), waiting:
            size = self._write(list(wanted.values()))
            for other in self._forms.reads[1:]:
                names = [other.name(chunk_id) for chunk_id in wanted]
                self._place.delete(
                    [
                        name
                        for name, found in zip(names, self._place.sizes(names), strict=True)
                        if found is not None
                    ]
                )
        self._count_added(len(chunks), size, waiting)

    def touch(self, chunks: Sequence[Chunk]) -> None:
        """Do nothing: places of objects know no time of use."""

    def flush(self) -> None:
        """Do nothing: a place keeps what it has said it has."""

    def entries(self) -> Iterator[StoredEntry]:
        self._need(Capability.LIST, "listed")
        for entry in self._place.entries(""):
            parsed = self._forms.parse(entry.name)
            if parsed is not None:
                yield StoredEntry(parsed[0], parsed[1].form, entry.size, entry.modified)

    def remove(self, entry: StoredEntry) -> None:
        self._need(Capability.DELETE, "deleted from")
        self._place.delete([self._forms.of(entry.form).name(entry.id)])

    def _answers(self, wanted: Sequence[Wanted]) -> list[Fetched]:
        """Answer for each of `wanted`; asks again for what arrives damaged."""
        waiting = Waiting()
        attempts = Attempts(self._policy, self._stopper)
        with waiting:
            raw, sizes = self._read(wanted)
        answers = list(self._reader.answers(self.name, raw))
        attempt, retries = 1, 0
        while damaged := [at for at, one in enumerate(answers) if _may_be_right(one, sizes[at])]:
            wait = attempts.next_wait(_DAMAGED, attempt)
            if isinstance(wait, GiveUp):
                break
            with waiting:
                self._stopper.pause(wait)
                again, again_sizes = self._read([wanted[at] for at in damaged])
            for at, answer in zip(damaged, self._reader.answers(self.name, again), strict=True):
                answers[at] = answer
            for at, one, size in zip(damaged, again, again_sizes, strict=True):
                raw[at], sizes[at] = one, size
            attempt, retries = attempt + 1, retries + len(damaged)
        self._count_read(answers, sizes, retries, waiting)
        return answers

    def _read(self, wanted: Sequence[Wanted]) -> tuple[list[RawChunk | NotRead], list[int | None]]:
        """Return what is stored for each of `wanted`, and how many bytes were received of it.

        None for what was not received: it is missing, or too large.
        """
        raw: list[RawChunk | NotRead] = [
            ChunkMissingError(chunk_id, self.name) for chunk_id, _ in wanted
        ]
        sizes: list[int | None] = [None] * len(wanted)
        turns = max((len(forms) for _, forms in wanted), default=0)
        left = list(range(len(wanted)))
        for turn in range(turns):
            left = [at for at in left if turn < len(wanted[at][1])]
            asked = [(wanted[at][0], wanted[at][1][turn]) for at in left]
            missing: list[int] = []
            for at, (chunk_id, form), data in zip(left, asked, self._get(asked), strict=True):
                if data is None:
                    missing.append(at)
                else:
                    raw[at] = self._opened(chunk_id, form, data)
                    sizes[at] = len(data) if isinstance(data, bytes) else None
            left = missing
        return raw, sizes

    def _get(
        self, asked: Sequence[tuple[ChunkID, StoredForm]]
    ) -> Sequence[bytes | TooLarge | Unusable | None]:
        if not asked:
            return []
        limit = self._reader.stored_limit + asked[0][1].overhead
        try:
            return self._place.get([form.name(chunk_id) for chunk_id, form in asked], limit)
        except NameRefusedError:
            if any(form is self._forms.own for _, form in asked):
                raise
            return [None] * len(asked)  # a server of one form has nothing in the other

    def _opened(
        self, chunk_id: ChunkID, form: StoredForm, data: bytes | TooLarge | Unusable
    ) -> RawChunk | NotRead:
        if isinstance(data, Unusable):
            return ChunkInvalidError(chunk_id, self.name, data.reason)
        if isinstance(data, TooLarge):
            size = "it has more" if data.size is None else f"it has {data.size} bytes, more"
            limit = self._reader.stored_limit + form.overhead
            return ChunkInvalidError(chunk_id, self.name, f"{size} than the limit of {limit}")
        try:
            return RawChunk(chunk_id, form.form is not Form.PLAIN, form.open(data))
        except CodecError as error:
            return ChunkInvalidError(chunk_id, self.name, str(error))

    def _find(
        self, ids: Sequence[ChunkID], forms: Sequence[StoredForm]
    ) -> list[tuple[int | None, StoredForm] | None]:
        """Return size (None where it is not told) and form of each chunk; None where there is none.

        An empty object holds no chunk.
        """
        found: list[tuple[int | None, StoredForm] | None] = [None] * len(ids)
        left = list(range(len(ids)))
        for form in forms:
            sizes = self._sizes([ids[at] for at in left], form)
            missing: list[int] = []
            for at, size in zip(left, sizes, strict=True):
                if size is None:
                    missing.append(at)
                elif size:
                    found[at] = (None if size < 0 else size), form
            left = missing
        return found

    def _sizes(self, ids: Sequence[ChunkID], form: StoredForm) -> list[int | None]:
        try:
            return self._place.sizes([form.name(chunk_id) for chunk_id in ids])
        except NameRefusedError:
            if form is self._forms.own:
                raise
            return [None] * len(ids)  # a server of one form has nothing in the other

    def _write(self, chunks: Sequence[Chunk]) -> int:
        """Write chunks in their own form and return their stored bytes."""
        size = 0
        for first in range(0, len(chunks), BATCH_CHUNKS):
            batch = chunks[first : first + BATCH_CHUNKS]
            objects = [
                (self._forms.own.name(one.id), bytes(self._forms.encode(one))) for one in batch
            ]
            self._place.put(objects, CHUNK_CONTENT_TYPE)
            size += sum(len(data) for _, data in objects)
        return size

    def _writable(self, chunks: Sequence[Chunk]) -> dict[ChunkID, Chunk]:
        """Return chunks by ID; raises where they cannot be written, before anything is sent."""
        self._need(Capability.WRITE, "written to")
        for chunk in chunks:
            if not len(chunk.plain):
                raise StoreError(f"store {self.name}: chunk {chunk.id.hex()} has no data to write")
        return {chunk.id: chunk for chunk in chunks}

    def _need(self, capability: Capability, done: str) -> None:
        if capability not in self.capabilities:
            raise StoreError(f"store {self.name} cannot be {done}")

    def _count_added(self, chunks: int, size: int, waiting: Waiting) -> None:
        added = Counts(chunks_added=chunks, stored_bytes_added=size, seconds=waiting.seconds)
        self._counters.add(added)

    def _count_read(
        self,
        answers: Sequence[Fetched],
        sizes: Sequence[int | None],
        retries: int,
        waiting: Waiting,
    ) -> None:
        sized = zip(answers, sizes, strict=True)
        given = [(one.plain, size or 0) for one, size in sized if isinstance(one, Chunk)]
        self._counters.add(
            Counts(
                chunks=len(given),
                stored_bytes=sum(size for _, size in given),
                requests=len(answers),
                retries=retries,
                plain_bytes=sum(len(plain) for plain, _ in given),
                seconds=waiting.seconds,
            )
        )


def _may_be_right(answer: Fetched, received: int | None) -> bool:
    """Tell whether a chunk may be right when it is asked for again: if it was received at all."""
    return isinstance(answer, ChunkInvalidError) and received is not None
