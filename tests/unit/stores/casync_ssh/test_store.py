from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from desync_jobs.codecs.encode import ZstdEncoder
from desync_jobs.core.kernel import best
from desync_jobs.errors import ChunkInvalidError, ChunkMissingError, StoreError
from desync_jobs.stores.base import Chunk, Presence, StoredSize
from desync_jobs.stores.casync_ssh.store import CasyncSshStore
from desync_jobs.stores.policy.hosts import Hosts
from desync_jobs.stores.policy.values import NeverStopped, Policy
from desync_jobs.stores.reader import Reader
from desync_jobs.testing.chunks import make_chunks
from tests.unit.stores.casync_ssh.peers import peer

CHUNKS = make_chunks(3)
IDS = [chunk.id for chunk in CHUNKS]
QUICK = Policy(attempts=3, backoff=0.01, timeout=5.0)

SERVER = """
STORE = {store!r}
COUNT = {count!r}
hello()
with open(COUNT, "a") as count:
    count.write("x")
while True:
    request = receive()
    if isinstance(request, Goodbye):
        break
    for one in request.ids:
        {answer}
"""
RIGHT = "send(wire.chunk(one, STORE[one]) if one in STORE else wire.missing(one))"


@contextmanager
def serving(folder: Path, answer: str = RIGHT, limit: int = 1 << 20) -> Iterator[CasyncSshStore]:
    """A store with two of the chunks, behind a program that answers so."""
    held = {chunk.id: ZstdEncoder(3).encode(chunk.plain) for chunk in CHUNKS[:2]}
    body = SERVER.format(store=held, count=str(folder / "sessions"), answer=answer)
    reader = Reader(best(), limit=limit)
    budget = Hosts().budget("host", QUICK)
    store = CasyncSshStore("remote", peer(folder, body), reader, budget, QUICK, NeverStopped())
    yield store
    store.close()


def sessions(folder: Path) -> int:
    return len((folder / "sessions").read_text())


def test_chunks_are_verified_and_what_is_missing_is_an_answer(tmp_path: Path) -> None:
    with serving(tmp_path) as store:
        first, missing, second, again = store.fetch([IDS[0], IDS[2], IDS[1], IDS[0]])
        counts = store.counts()["remote"]

    assert isinstance(first, Chunk)
    assert isinstance(second, Chunk)
    assert (first.plain, second.plain) == (CHUNKS[0].plain, CHUNKS[1].plain)
    assert again is first
    assert isinstance(missing, ChunkMissingError)
    assert str(missing) == f"chunk {IDS[2].hex()} is missing from remote"
    assert (counts.chunks, counts.requests, counts.retries) == (2, 3, 0)
    assert counts.plain_bytes == 4000


def test_a_session_is_used_again_but_never_for_the_same_chunk(tmp_path: Path) -> None:
    with serving(tmp_path) as store:
        for wanted in (IDS[:1], IDS[1:2], IDS[:1], IDS[2:]):
            store.fetch(wanted)

    assert sessions(tmp_path) == 2


def test_presence_and_sizes_are_unknown_and_cost_nothing(tmp_path: Path) -> None:
    with serving(tmp_path) as store:
        assert store.presence(IDS) == [Presence.UNKNOWN] * 3
        assert store.stored_sizes(IDS[:1]) == [StoredSize(Presence.UNKNOWN, ("remote",))]
    assert not (tmp_path / "sessions").exists()


def test_a_broken_session_is_replaced(tmp_path: Path) -> None:
    # The first session ends in the middle of its answers.
    answer = f"""if len(open(COUNT).read()) == 1 and one != request.ids[0]: sys.exit(9)
        {RIGHT}"""
    with serving(tmp_path, answer) as store:
        answers = store.fetch(IDS[:2])
        retries = store.counts()["remote"].retries

    assert all(isinstance(one, Chunk) for one in answers)
    assert retries == 1
    assert sessions(tmp_path) == 2


def test_what_fails_always_is_one_error(tmp_path: Path) -> None:
    with serving(tmp_path, "sys.exit('out of order')") as store:
        message = r"^store remote: it ended with exit code 1: out of order \(attempt 3 of 3\)$"
        with pytest.raises(StoreError, match=message):
            store.fetch(IDS[:1])
    assert sessions(tmp_path) == QUICK.attempts


def test_wrong_content_is_an_answer_for_its_chunk(tmp_path: Path) -> None:
    answer = "send(wire.chunk(one, STORE[one] if one == min(STORE) else b'garbage'))"
    with serving(tmp_path, answer) as store:
        answers = {one.id if isinstance(one, Chunk) else None: one for one in store.fetch(IDS[:2])}

    assert isinstance(answers[min(IDS[:2])], Chunk)
    assert isinstance(answers[None], ChunkInvalidError)


def test_a_plain_chunk_is_taken_as_it_is(tmp_path: Path) -> None:
    plain = {chunk.id: chunk.plain for chunk in CHUNKS}
    answer = f"""plain = {plain!r}[one]
        send(struct.pack("<QQQ", 56 + len(plain), MessageType.CHUNK, 0) + one + plain)"""
    with serving(tmp_path, answer) as store:
        answers = store.fetch(IDS)

    assert [one.plain for one in answers if isinstance(one, Chunk)] == [
        chunk.plain for chunk in CHUNKS
    ]


def test_a_chunk_larger_than_any_of_the_index_is_not_decoded(tmp_path: Path) -> None:
    with serving(tmp_path, "send(wire.chunk(one, bytes(1 << 20)))", limit=4096) as store:
        (answer,) = store.fetch(IDS[:1])

    assert isinstance(answer, ChunkInvalidError)
    assert "1048576 bytes, more than" in str(answer)
