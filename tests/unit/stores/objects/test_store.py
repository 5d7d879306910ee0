import threading
from collections.abc import Callable, Sequence

import pytest

from desync_jobs.codecs.aead import Cipher, CipherAlgorithm
from desync_jobs.codecs.form import Form
from desync_jobs.core.kernel import best
from desync_jobs.errors import (
    ChunkInvalidError,
    ChunkMissingError,
    InterruptedRunError,
    StoreError,
)
from desync_jobs.stores.base import Chunk, Presence, Stored, StoredEntry, StoredSize
from desync_jobs.stores.forms import ChunkForms
from desync_jobs.stores.objects.base import Capability
from desync_jobs.stores.objects.store import ObjectStore
from desync_jobs.stores.policy.values import NeverStopped, Policy
from desync_jobs.stores.reader import Reader
from desync_jobs.testing.chunks import make_chunk, make_chunks
from desync_jobs.testing.objects import MemoryPlace

ZSTD = ChunkForms()
PLAIN = ChunkForms(Form.PLAIN)
CHUNK, OTHER, ABSENT = make_chunks(3)
QUICK = Policy(attempts=3, backoff=0.001)


def store_in(
    place: MemoryPlace, forms: ChunkForms = ZSTD, policy: Policy = QUICK, limit: int = 1 << 20
) -> ObjectStore:
    return ObjectStore(place, Reader(best(), limit=limit), forms, policy)


def holding(*chunks: Chunk, forms: ChunkForms = ZSTD) -> MemoryPlace:
    return MemoryPlace({forms.own.name(chunk.id): bytes(forms.encode(chunk)) for chunk in chunks})


def test_the_other_form_is_asked_for_what_is_not_there_in_the_own() -> None:
    place = holding(CHUNK)
    place.objects |= holding(OTHER, forms=PLAIN).objects

    answers = store_in(place).fetch([CHUNK.id, OTHER.id, ABSENT.id])

    assert [type(answer) for answer in answers] == [Chunk, Chunk, ChunkMissingError]
    own, other = ZSTD.reads
    assert place.calls == [
        ("get", (own.name(CHUNK.id), own.name(OTHER.id), own.name(ABSENT.id))),
        ("get", (other.name(OTHER.id), other.name(ABSENT.id))),
    ]


def test_a_store_of_one_form_does_not_see_the_other() -> None:
    place = holding(OTHER, forms=PLAIN)
    store = store_in(place, ChunkForms(reads_both=False))

    assert isinstance(store.fetch([OTHER.id])[0], ChunkMissingError)
    assert store.presence([OTHER.id]) == [Presence.NO]
    assert list(store.entries()) == []
    assert [verb for verb, _ in place.calls] == ["get", "sizes", "entries"]


@pytest.mark.parametrize("times", [1, 2])
def test_content_that_arrives_damaged_is_asked_for_again(times: int) -> None:
    place = holding(CHUNK, OTHER)
    name = ZSTD.own.name(CHUNK.id)
    place.wrong[name] = [place.objects[name][:-3]] * times
    store = store_in(place)

    answers = store.fetch([OTHER.id, CHUNK.id])

    counts = store.counts()["memory"]
    assert [answer.plain for answer in answers if isinstance(answer, Chunk)] == [
        OTHER.plain,
        CHUNK.plain,
    ]
    assert [names for _, names in place.calls[1:]] == [(name,)] * times
    assert (counts.requests, counts.retries, counts.chunks) == (2, times, 2)
    assert counts.stored_bytes == sum(map(len, place.objects.values()))


def test_content_that_stays_damaged_is_invalid_after_as_many_attempts_as_the_policy_says() -> None:
    place = holding(CHUNK)
    place.objects[ZSTD.own.name(CHUNK.id)] = b"garbage"

    (answer,) = store_in(place).fetch([CHUNK.id])

    assert isinstance(answer, ChunkInvalidError)
    assert [verb for verb, _ in place.calls] == ["get"] * 3


def test_one_attempt_asks_once() -> None:
    place = holding(CHUNK)
    place.objects[ZSTD.own.name(CHUNK.id)] = b""

    (answer,) = store_in(place, policy=Policy(attempts=1)).fetch([CHUNK.id])

    assert isinstance(answer, ChunkInvalidError)
    assert len(place.calls) == 1


def test_an_object_that_is_too_large_is_invalid_at_once() -> None:
    place = holding(CHUNK)
    store = store_in(place, limit=1000)
    place.objects[ZSTD.own.name(CHUNK.id)] = bytes(100_000)

    (answer,) = store.fetch([CHUNK.id])

    assert str(answer) == (
        f"store memory: chunk {CHUNK.id.hex()} is invalid: it has 100000 bytes, more than the "
        "limit of 66661"
    )
    assert len(place.calls) == 1


def test_a_sealed_chunk_that_was_tampered_with_is_asked_for_again_and_invalid() -> None:
    forms = ChunkForms(layer=Cipher(CipherAlgorithm.AES_256_GCM, bytes(32)))
    place = holding(CHUNK, forms=forms)
    name = forms.own.name(CHUNK.id)
    place.objects[name] = place.objects[name][:-1] + b"\0"

    (answer,) = store_in(place, forms).fetch([CHUNK.id])

    assert isinstance(answer, ChunkInvalidError)
    assert "it cannot be decrypted" in str(answer)
    assert len(place.calls) == 3


def test_waiting_for_content_to_be_right_is_stopped() -> None:
    class Stopped(NeverStopped):
        def pause(self, seconds: float) -> None:
            assert 0 <= seconds <= 0.001
            raise InterruptedRunError("SIGINT")

    place = holding(CHUNK)
    place.objects[ZSTD.own.name(CHUNK.id)] = b"garbage"
    store = ObjectStore(place, Reader(best()), ZSTD, QUICK, Stopped())

    with pytest.raises(InterruptedRunError):
        store.fetch([CHUNK.id])


def test_what_cannot_be_looked_at_is_unknown_and_never_put_blindly() -> None:
    place = holding(CHUNK)
    store = store_in(place)
    place.broken = StoreError("store memory: down")

    assert store.presence([CHUNK.id, OTHER.id]) == [Presence.UNKNOWN] * 2
    for call in (store.stored_sizes, store.compressed_sizes, store.fetch):
        with pytest.raises(StoreError, match="down"):
            call([CHUNK.id])
    with pytest.raises(StoreError, match="down"):
        store.put([CHUNK])


def test_sizes_say_where_a_chunk_would_come_from() -> None:
    place = holding(CHUNK)
    place.objects |= holding(OTHER, forms=PLAIN).objects
    place.objects[ZSTD.own.name(ABSENT.id)] = b""
    store = store_in(place)
    ids = [CHUNK.id, OTHER.id, ABSENT.id]

    assert store.stored_sizes(ids) == [
        StoredSize(Presence.YES, ("memory",), len(ZSTD.encode(CHUNK)), Form.ZSTD),
        StoredSize(Presence.YES, ("memory",), 2000, Form.PLAIN),
        StoredSize(Presence.NO, ("memory",)),
    ]
    place.tells_sizes = False
    assert store.stored_sizes(ids[:1]) == [
        StoredSize(Presence.YES, ("memory",), None, Form.ZSTD),
    ]


def test_only_what_is_not_there_in_any_form_is_put_and_once() -> None:
    place = holding(CHUNK, forms=PLAIN)
    store = store_in(place)

    stored = store.put([CHUNK, OTHER, OTHER])

    assert stored == Stored(1, len(ZSTD.encode(OTHER)))
    assert place.calls[-1] == ("put", (ZSTD.own.name(OTHER.id),))


@pytest.mark.parametrize("forms", [ZSTD, PLAIN])
def test_an_empty_chunk_is_refused_before_anything_is_asked(forms: ChunkForms) -> None:
    place = MemoryPlace()
    store = store_in(place, forms)

    for write in (store.put, store.replace):
        with pytest.raises(
            StoreError, match=r"^store memory: chunk c672\w{60} has no data to write$"
        ):
            write([CHUNK, make_chunk(b"")])

    assert place.calls == []


def test_an_empty_object_is_put_anew() -> None:
    place = MemoryPlace({ZSTD.own.name(CHUNK.id): b""})

    assert store_in(place).put([CHUNK]).chunks == 1
    assert place.objects == holding(CHUNK).objects


def test_large_puts_go_in_batches() -> None:
    place = MemoryPlace()
    chunks = make_chunks(150, size=10)

    assert store_in(place).put(chunks).chunks == 150
    assert [len(names) for verb, names in place.calls if verb == "put"] == [64, 64, 22]


def test_replacing_removes_the_other_form_where_there_is_one() -> None:
    place = holding(CHUNK, forms=PLAIN)

    store_in(place).replace([CHUNK, OTHER])

    assert place.objects == holding(CHUNK, OTHER).objects
    assert place.calls[-1] == ("delete", (PLAIN.own.name(CHUNK.id),))


def test_foreign_objects_are_not_listed() -> None:
    place = holding(CHUNK)
    place.objects |= {"x.caibx": b"1", "abcd/x": b"2", ZSTD.own.name(OTHER.id) + ".tmp": b"3"}

    assert list(store_in(place).entries()) == [
        StoredEntry(CHUNK.id, Form.ZSTD, len(ZSTD.encode(CHUNK)))
    ]


def test_examining_reads_the_very_form_of_the_entry() -> None:
    place = holding(CHUNK)
    place.objects |= holding(CHUNK, forms=PLAIN).objects
    place.objects[PLAIN.own.name(CHUNK.id)] = b"damaged"
    store = store_in(place)

    verdicts = {entry.form: store.examine([entry])[0] for entry in store.entries()}

    assert verdicts[Form.ZSTD] is None
    assert isinstance(verdicts[Form.PLAIN], ChunkInvalidError)


@pytest.mark.parametrize(
    ("lacking", "done"),
    [
        (Capability.WRITE, "written to"),
        (Capability.LIST, "listed"),
        (Capability.DELETE, "deleted from"),
    ],
)
def test_what_a_place_cannot_do_is_refused(lacking: Capability, done: str) -> None:
    place = MemoryPlace(capabilities=frozenset(Capability) - {lacking})
    store = store_in(place)
    verbs: dict[Capability, Callable[[], object]] = {
        Capability.WRITE: lambda: store.put([CHUNK]),
        Capability.LIST: lambda: list(store.entries()),
        Capability.DELETE: lambda: store.remove(StoredEntry(CHUNK.id, Form.ZSTD, 1)),
    }

    with pytest.raises(StoreError) as caught:
        verbs[lacking]()

    assert str(caught.value) == f"store memory cannot be {done}"
    assert place.calls == []


def test_a_thread_that_waits_for_another_to_write_is_stopped() -> None:
    class Stopped(NeverStopped):
        def check(self) -> None:
            raise InterruptedRunError("SIGINT")

    class SlowPlace(MemoryPlace):
        def sizes(self, names: Sequence[str]) -> list[int | None]:
            del names
            entered.set()
            release.wait(10)
            return [None]

    entered, release = threading.Event(), threading.Event()
    store = ObjectStore(SlowPlace(), Reader(best()), ZSTD, QUICK, Stopped())
    writer = threading.Thread(target=store.put, args=([make_chunk(b"x")],))
    writer.start()
    entered.wait(10)
    try:
        with pytest.raises(InterruptedRunError):
            store.put([make_chunk(b"x")])
    finally:
        release.set()
        writer.join()
