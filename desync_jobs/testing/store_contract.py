"""What every chunk store must do, as tests: subclass `StoreContract` and give it a store.

class TestMyStore(StoreContract):
    @pytest.fixture
    def store(self, tmp_path):
        return MyStore(...)

    def overwrite(self, store, chunk, data):
        ...
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from desync_jobs.codecs.form import Form
from desync_jobs.errors import ChunkInvalidError, ChunkMissingError
from desync_jobs.manifest.capability import Capability
from desync_jobs.stores.base import (
    BATCH_CHUNKS,
    Chunk,
    ChunkStore,
    Fetched,
    Presence,
    Stored,
    StoredEntry,
    StoredSize,
)
from desync_jobs.stores.counters import Counts
from desync_jobs.testing.chunks import make_chunk, make_chunks

ABSENT = make_chunk(b"nobody has this")


def ids_of(chunks: Sequence[Chunk]) -> list[bytes]:
    """Return the IDs of some chunks."""
    return [chunk.id for chunk in chunks]


def plain_of(answers: Sequence[Fetched]) -> list[bytes]:
    """Return the content of answers that must all be chunks."""
    chunks = [answer for answer in answers if isinstance(answer, Chunk)]
    assert len(chunks) == len(answers), answers
    return [bytes(chunk.plain) for chunk in chunks]


class StoreContract(ABC):
    """The promises of `ChunkStore`. Each test gets a store of its own, with nothing in it."""

    @pytest.fixture
    @abstractmethod
    def store(self) -> ChunkStore:
        """Return a new store, which takes SHA-512/256 and chunks of at least 1 MiB."""

    @abstractmethod
    def overwrite(self, store: ChunkStore, chunk: Chunk, data: bytes) -> None:
        """Put `data` where the store keeps `chunk`, which it has, behind the store's back."""

    capabilities: frozenset[Capability] = frozenset(Capability)
    """What the store can do; tests of what it cannot are skipped, and say so."""

    def fill(self, store: ChunkStore, chunks: Sequence[Chunk]) -> None:
        """Put `chunks` into a store; behind its back, where it can only be read."""
        store.put(chunks)

    def listed(self, store: ChunkStore) -> list[StoredEntry]:
        """List the chunk files of a store; behind its back, where it cannot list them itself."""
        return list(store.entries())

    def size(self, store: ChunkStore) -> int:
        """Return the stored bytes of all chunk files."""
        return sum(entry.size for entry in self.listed(store))

    def told(self, store: ChunkStore, entry: StoredEntry) -> StoredSize:
        """Return what the store says of a chunk that it has, before the chunk is fetched."""
        return StoredSize(Presence.YES, (store.name,), entry.size, entry.form)

    def need(self, *capabilities: Capability) -> None:
        """Skip the test where the store lacks one of `capabilities`."""
        lacking = sorted(one.value for one in set(capabilities) - self.capabilities)
        if lacking:
            pytest.skip(f"this store cannot {' or '.join(lacking)}")

    def test_a_prepared_store_has_nothing(self, store: ChunkStore) -> None:
        self.need(Capability.WRITE, Capability.PRESENCE)
        store.prepare()
        store.prepare()

        assert self.listed(store) == []
        assert store.presence([ABSENT.id]) == [Presence.NO]
        assert store.compressed_sizes([ABSENT.id]) == [None]
        assert [type(answer) for answer in store.fetch([ABSENT.id])] == [ChunkMissingError]

    def test_batches_of_nothing_are_possible(self, store: ChunkStore) -> None:
        self.need(Capability.WRITE)
        assert store.put([]) == Stored(0, 0)
        store.replace([])

        assert store.fetch([]) == []
        assert store.examine([]) == []
        assert store.presence([]) == []
        assert store.stored_sizes([]) == []
        assert store.compressed_sizes([]) == []

    def test_what_was_put_is_fetched_in_the_order_asked(self, store: ChunkStore) -> None:
        chunks = make_chunks(BATCH_CHUNKS)
        self.fill(store, chunks)
        asked = [*reversed(chunks), chunks[0], chunks[0]]

        answers = store.fetch(ids_of(asked))

        assert plain_of(answers) == [chunk.plain for chunk in asked]
        assert [answer.id for answer in answers if isinstance(answer, Chunk)] == ids_of(asked)

    @pytest.mark.parametrize("plain", [b"\0", b"some data", bytes(1 << 20), b"\x28\xb5\x2f\xfd"])
    def test_any_content_comes_back(self, store: ChunkStore, plain: bytes) -> None:
        chunk = make_chunk(plain)
        self.fill(store, [chunk])

        assert plain_of(store.fetch([chunk.id])) == [plain]

    def test_what_was_put_does_not_change_with_its_buffer(self, store: ChunkStore) -> None:
        self.need(Capability.WRITE)
        chunk = make_chunks(1)[0]
        buffer = bytearray(chunk.plain)
        store.put([Chunk(chunk.id, memoryview(buffer))])
        buffer[:] = bytes(len(buffer))

        assert plain_of(store.fetch([chunk.id])) == [chunk.plain]

    def test_a_missing_chunk_is_an_answer_among_others(self, store: ChunkStore) -> None:
        chunks = make_chunks(2)
        self.fill(store, chunks)

        first, missing, last = store.fetch([chunks[0].id, ABSENT.id, chunks[1].id])

        assert plain_of([first, last]) == [chunk.plain for chunk in chunks]
        assert isinstance(missing, ChunkMissingError)
        assert missing.chunk_id == ABSENT.id
        assert str(missing) == f"chunk {ABSENT.id.hex()} is missing from {store.name}"

    @pytest.mark.parametrize(
        "data",
        [
            b"garbage",
            b"",
            b"\x28\xb5\x2f\xfd",
            bytes((1 << 20) + (1 << 20) // 8 + (65 << 10)),
        ],
        ids=["garbage", "empty", "truncated", "oversized"],
    )
    def test_a_damaged_chunk_is_an_answer_among_others(
        self, store: ChunkStore, data: bytes
    ) -> None:
        chunks = make_chunks(3)
        self.fill(store, chunks)
        self.overwrite(store, chunks[1], data)

        first, invalid, last = store.fetch(ids_of(chunks))

        assert plain_of([first, last]) == [chunks[0].plain, chunks[2].plain]
        assert isinstance(invalid, ChunkInvalidError)
        assert (invalid.chunk_id, invalid.store) == (chunks[1].id, store.name)
        assert f"chunk {chunks[1].id.hex()} is invalid: " in str(invalid)

    def test_presence_is_an_answer_for_each_chunk(self, store: ChunkStore) -> None:
        self.need(Capability.PRESENCE)
        chunks = make_chunks(2)
        self.fill(store, chunks)

        assert store.presence([chunks[1].id, ABSENT.id, chunks[0].id]) == [
            Presence.YES,
            Presence.NO,
            Presence.YES,
        ]

    def test_what_a_chunk_will_come_to_is_known_before_it_is_fetched(
        self, store: ChunkStore
    ) -> None:
        self.need(Capability.PRESENCE)
        chunks = make_chunks(2)
        self.fill(store, chunks)
        entries = {entry.id: entry for entry in self.listed(store)}

        sizes = store.stored_sizes([chunks[1].id, ABSENT.id, chunks[0].id])

        assert sizes[1] == StoredSize(Presence.NO, (store.name,))
        assert [sizes[0], sizes[2]] == [
            self.told(store, entries[chunk.id]) for chunk in reversed(chunks)
        ]

    def test_fetching_does_what_was_said_and_looking_is_not_counted(
        self, store: ChunkStore
    ) -> None:
        self.need(Capability.PRESENCE)
        chunks = make_chunks(3)
        self.fill(store, chunks)
        before = store.counts()[store.name]
        ids = [*ids_of(chunks), ABSENT.id]

        said = store.stored_sizes(ids)
        looked = store.counts()[store.name]
        store.fetch(ids)

        fetched = [one for one in said if one.presence is Presence.YES]
        sizes = {entry.id: entry.size for entry in self.listed(store)}
        after = store.counts()[store.name]
        assert looked == before
        assert after == before + Counts(
            len(fetched),
            sum(
                sizes[chunk.id] if one.size is None else one.size
                for one, chunk in zip(fetched, chunks, strict=True)
            ),
            len(ids),
            plain_bytes=sum(len(chunk.plain) for chunk in chunks),
        )
        assert after.seconds >= looked.seconds >= 0

    def test_compressed_chunks_have_their_stored_size(self, store: ChunkStore) -> None:
        self.need(Capability.PRESENCE)
        chunks = make_chunks(2)
        self.fill(store, chunks)
        sizes = {
            entry.id: None if entry.form is Form.PLAIN else self.told(store, entry).size
            for entry in self.listed(store)
        }

        assert store.compressed_sizes([*ids_of(chunks), ABSENT.id]) == [
            sizes[chunks[0].id],
            sizes[chunks[1].id],
            None,
        ]

    def test_a_chunk_is_put_once(self, store: ChunkStore) -> None:
        self.need(Capability.WRITE)
        chunks = make_chunks(2)
        first = store.put([chunks[0], chunks[0]])
        again = store.put([chunks[0]])
        second = store.put(chunks)

        assert again == Stored(0, 0)
        assert [first.chunks, second.chunks] == [1, 1]
        assert min(first.size, second.size) > 0
        assert self.size(store) == first.size + second.size
        assert len(self.listed(store)) == len(chunks)

    def test_entries_are_what_is_stored(self, store: ChunkStore) -> None:
        self.need(Capability.LIST)
        chunks = make_chunks(20)
        store.put(chunks)

        entries = list(store.entries())

        assert sorted(entry.id for entry in entries) == sorted(ids_of(chunks))
        assert min(entry.size for entry in entries) > 0

    def test_each_damaged_file_is_found_by_examining(self, store: ChunkStore) -> None:
        self.need(Capability.DELETE)
        chunks = make_chunks(4)
        store.put(chunks)
        self.overwrite(store, chunks[1], b"garbage")
        self.overwrite(store, chunks[3], b"")
        entries = self.listed(store)
        gone = next(entry for entry in entries if entry.id == chunks[2].id)
        store.remove(gone)

        errors = [error for error in store.examine(entries) if error is not None]

        assert sorted(error.chunk_id for error in errors) == sorted([chunks[1].id, chunks[3].id])
        assert {error.store for error in errors} == {store.name}

    def test_a_removed_chunk_is_missing_and_the_others_stay(self, store: ChunkStore) -> None:
        self.need(Capability.DELETE)
        chunks = make_chunks(3)
        store.put(chunks)
        self.overwrite(store, chunks[1], b"garbage")
        entry = next(entry for entry in self.listed(store) if entry.id == chunks[1].id)

        store.remove(entry)
        store.remove(entry)

        answers = store.fetch(ids_of(chunks))
        assert isinstance(answers[1], ChunkMissingError)
        assert plain_of([answers[0], answers[2]]) == [chunks[0].plain, chunks[2].plain]
        assert len(self.listed(store)) == len(chunks) - 1

    def test_a_replaced_chunk_is_whole_again(self, store: ChunkStore) -> None:
        self.need(Capability.WRITE)
        chunks = make_chunks(2)
        store.put(chunks[:1])
        self.overwrite(store, chunks[0], b"garbage")

        store.replace(chunks)

        assert plain_of(store.fetch(ids_of(chunks))) == [chunk.plain for chunk in chunks]
        assert len(self.listed(store)) == len(chunks)

    def test_a_fetched_chunk_can_be_put_again(self, store: ChunkStore) -> None:
        self.need(Capability.DELETE)
        chunk = make_chunks(1)[0]
        store.put([chunk])
        (fetched,) = store.fetch([chunk.id])
        assert isinstance(fetched, Chunk)
        store.remove(self.listed(store)[0])

        store.put([fetched])

        assert plain_of(store.fetch([chunk.id])) == [chunk.plain]

    def test_flush_returns_with_and_without_anything_put(self, store: ChunkStore) -> None:
        self.need(Capability.WRITE)
        store.flush()
        store.put(make_chunks(1))
        store.flush()

        assert len(self.listed(store)) == 1

    def test_what_is_served_and_added_is_counted(self, store: ChunkStore) -> None:
        self.need(Capability.WRITE)
        chunks = make_chunks(3)
        written = store.put(chunks[:2]).size
        store.replace(chunks[2:])
        size = self.size(store)

        store.fetch([*ids_of(chunks), ABSENT.id])

        plain = sum(len(chunk.plain) for chunk in chunks)
        assert store.counts() == {store.name: Counts(3, size, 4, 3, size, plain_bytes=plain)}
        assert 0 < written < size

    def test_threads_that_put_the_same_chunks_leave_one_of_each(self, store: ChunkStore) -> None:
        self.need(Capability.WRITE)
        chunks = make_chunks(30)
        with ThreadPoolExecutor(8) as threads:
            stored = list(threads.map(lambda _: store.put(chunks), range(8)))

        assert plain_of(store.fetch(ids_of(chunks))) == [chunk.plain for chunk in chunks]
        assert len(self.listed(store)) == sum(one.chunks for one in stored) == len(chunks)
        assert sum(one.size for one in stored) == self.size(store)
