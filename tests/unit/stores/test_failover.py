import random
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from desync_jobs.assembly.cancel import Cancel
from desync_jobs.core.chunk import ChunkID
from desync_jobs.errors import (
    ChunkInvalidError,
    ChunkMissingError,
    InterruptedRunError,
    StoreError,
)
from desync_jobs.stores.base import Chunk, ChunkSource, Fetched, Presence, StoredSize
from desync_jobs.stores.failover import FailoverGroup, GroupRules, Missing
from desync_jobs.stores.policy.values import Policy
from desync_jobs.testing.chunks import make_chunks
from desync_jobs.testing.faulty import Fault, FaultyStore
from desync_jobs.testing.memory import MemoryStore

CHUNKS = make_chunks(4)
IDS = [chunk.id for chunk in CHUNKS]
QUICK = Policy(attempts=3, backoff=0.01)


class Group:
    """A failover group and what it said."""

    def __init__(self, *members: ChunkSource, missing: Missing = Missing.NEXT) -> None:
        self.notices: list[str] = []
        self.cancel = Cancel()
        rules = GroupRules(missing, 30, QUICK)
        self.source = FailoverGroup("mirrors", members, rules, self.cancel, self.notices.append)


def memory(name: str, chunks: Sequence[Chunk] = CHUNKS) -> MemoryStore:
    return MemoryStore(name, chunks)


def failing(name: str, calls: Sequence[int] = range(1, 50)) -> FaultyStore:
    faults = [
        Fault(verb, call, StoreError(f"store {name}: is down"))
        for verb in ("fetch", "presence", "stored_sizes")
        for call in calls
    ]
    return FaultyStore(memory(name), faults)


def plain(answers: Sequence[Fetched]) -> list[bytes]:
    return [bytes(answer.plain) for answer in answers if isinstance(answer, Chunk)]


def test_the_first_member_is_asked_alone_while_it_is_well() -> None:
    first, second = memory("a"), FaultyStore(memory("b"))
    group = Group(first, second)

    assert plain(group.source.fetch(IDS)) == [chunk.plain for chunk in CHUNKS]
    assert second.calls == []
    assert group.notices == []


def test_a_failure_goes_on_to_the_next_member_and_is_told_once() -> None:
    first, second = failing("a"), memory("b")
    group = Group(first, second)

    for _ in range(3):
        assert plain(group.source.fetch(IDS)) == [chunk.plain for chunk in CHUNKS]
    assert len(first.calls) == 1
    assert group.notices == [
        "failover group mirrors: store a: is down; the other members are asked"
    ]


def test_a_member_that_is_back_is_told_and_asked_again() -> None:
    first = failing("a", [1])
    rules = GroupRules(Missing.NEXT, 0.0, QUICK)
    notices: list[str] = []
    group = FailoverGroup("mirrors", [first, memory("b")], rules, Cancel(), notices.append)
    group.fetch(IDS)
    group.fetch(IDS)

    assert notices[1:] == ["failover group mirrors: a answers again"]
    assert len(first.calls) == 2
    assert group.counts()["b"].chunks == group.counts()["a"].chunks == len(IDS)


def test_where_all_fail_in_every_attempt_the_last_error_is_told() -> None:
    first, second = failing("a"), failing("b")
    group = Group(first, second)

    with pytest.raises(StoreError, match=r"^failover group mirrors: store b: is down$"):
        group.source.fetch(IDS)
    assert (len(first.calls), len(second.calls)) == (QUICK.attempts, QUICK.attempts)


def test_with_two_failures_the_third_member_serves() -> None:
    group = Group(failing("a"), failing("b"), memory("c"))

    assert plain(group.source.fetch(IDS)) == [chunk.plain for chunk in CHUNKS]
    assert set(group.source.counts()) == {"a", "b", "c"}


def test_all_members_are_asked_again_after_a_wait() -> None:
    first, second = failing("a", [1]), failing("b", [1])
    group = Group(first, second)

    assert plain(group.source.fetch(IDS)) == [chunk.plain for chunk in CHUNKS]
    assert len(first.calls) + len(second.calls) == 3


def test_what_one_member_lacks_is_looked_for_in_the_next() -> None:
    first, second = memory("a", CHUNKS[:2]), FaultyStore(memory("b"))
    group = Group(first, second)

    assert plain(group.source.fetch(IDS)) == [chunk.plain for chunk in CHUNKS]
    assert [call.items for call in second.calls] == [2]


def test_missing_is_final_where_the_manifest_says_so() -> None:
    second = FaultyStore(memory("b"))
    group = Group(memory("a", CHUNKS[:2]), second, missing=Missing.FINAL)

    answers = group.source.fetch(IDS)

    assert plain(answers) == [chunk.plain for chunk in CHUNKS[:2]]
    assert str(answers[3]) == f"chunk {IDS[3].hex()} is missing from mirrors"
    assert group.source.presence(IDS)[2:] == [Presence.NO, Presence.NO]
    assert second.calls == []


def test_a_chunk_is_missing_only_where_every_member_says_so() -> None:
    both = Group(memory("a", CHUNKS[:1]), memory("b", CHUNKS[:2]))
    one_down = Group(memory("a", CHUNKS[:1]), failing("b"))

    assert isinstance(both.source.fetch(IDS[2:3])[0], ChunkMissingError)
    assert both.source.presence(IDS[1:3]) == [Presence.YES, Presence.NO]
    with pytest.raises(StoreError, match="store b: is down"):
        one_down.source.fetch(IDS[2:3])


def test_a_damaged_chunk_is_taken_from_another_member_and_nobody_is_out() -> None:
    first = memory("a")
    first.plain[IDS[1]] = b"damaged"
    group = Group(first, memory("b"))

    assert plain(group.source.fetch(IDS)) == [chunk.plain for chunk in CHUNKS]
    assert group.notices == []


def test_a_chunk_that_is_damaged_everywhere_is_said_to_be_so() -> None:
    first, second = memory("a"), memory("b", CHUNKS[:1])
    first.plain[IDS[1]] = b"damaged"

    (answer,) = Group(first, second).source.fetch(IDS[1:2])

    assert isinstance(answer, ChunkInvalidError)
    assert answer.store == "a"


def test_presence_and_sizes_fail_over_too() -> None:
    group = Group(failing("a"), memory("b", CHUNKS[:1]))

    assert group.source.presence(IDS[:1]) == [Presence.YES]
    with pytest.raises(StoreError, match="store a: is down"):
        group.source.presence(IDS[1:2])
    assert group.source.stored_sizes(IDS[:1])[0].asked == ("b",)


def test_sizes_name_every_member_that_a_fetch_asks() -> None:
    group = Group(memory("a", CHUNKS[:1]), memory("b"))

    first, second = group.source.stored_sizes(IDS[:2])

    assert first == StoredSize(Presence.YES, ("a",), first.size, first.form)
    assert (second.presence, second.asked) == (Presence.YES, ("a", "b"))


def test_a_run_that_is_stopped_does_not_wait_for_members() -> None:
    group = Group(failing("a"))
    group.cancel.stop("SIGINT")

    with pytest.raises(InterruptedRunError):
        group.source.fetch(IDS)


class Flapping(MemoryStore):
    """Fails while it is switched off."""

    off = False
    refused = 0

    def fetch(self, ids: Sequence[ChunkID]) -> list[Fetched]:
        time.sleep(0.0005)
        if self.off:
            self.refused += 1
            raise StoreError(f"store {self.name}: is down")
        return super().fetch(ids)


def test_readers_see_no_error_while_members_fail_in_turn() -> None:
    members = [Flapping(name, CHUNKS) for name in "abc"]
    rules = GroupRules(Missing.NEXT, 0.02, Policy(attempts=50, backoff=0.01, backoff_max=0.05))
    notices: list[str] = []
    group = FailoverGroup("mirrors", members, rules, Cancel(), notices.append)
    end = time.monotonic() + 5
    readers = 16
    flips = 0

    def flap() -> None:
        nonlocal flips
        order = random.Random(7)
        while time.monotonic() < end:
            off = members[order.randrange(len(members))]
            for member in members:
                member.off = member is off
            flips += 1
            time.sleep(0.01)

    def read(_: int) -> int:
        done = 0
        while time.monotonic() < end:
            done += len(plain(group.fetch(IDS)))
        return done

    flapper = threading.Thread(target=flap)
    flapper.start()
    with ThreadPoolExecutor(readers) as threads:
        served = sum(threads.map(read, range(readers)))
    flapper.join()

    # Each chunk was given once for each time it was asked for, and a member that fails is
    # asked by those who are asking it just then, and by one who tries it again.
    assert served == sum(member.counts()[member.name].chunks for member in members)
    assert sum(member.refused for member in members) <= flips * (readers + 1)
    assert any("answers again" in notice for notice in notices)
    assert all(member.counts()[member.name].chunks for member in members)
