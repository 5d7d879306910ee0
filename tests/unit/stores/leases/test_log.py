from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import pytest

from desync_jobs.errors import StoreError
from desync_jobs.stores.leases.ledger import SKEW, Entry, Ledger, until_of
from desync_jobs.stores.leases.log import FOLDER, LedgerLog
from desync_jobs.stores.leases.publications import FOLDER as LISTS
from desync_jobs.stores.leases.publications import PublicationLists
from desync_jobs.stores.leases.role import Role
from desync_jobs.stores.policy.values import NeverStopped
from desync_jobs.testing.objects import MemoryPlace


@dataclass
class Pauses(NeverStopped):
    """A stopper that counts how long was waited, and lets something happen then."""

    seconds: float = 0.0
    meanwhile: list[Callable[[], object]] = field(default_factory=list)

    def check(self) -> None: ...

    def pause(self, seconds: float) -> None:
        self.seconds += seconds
        if self.meanwhile:
            self.meanwhile.pop(0)()


class Overwriting(MemoryPlace):
    """A place that does not heed that an object is to be new."""

    def create(self, name: str, data: bytes, content_type: str) -> bool:
        self.put([(name, data)], content_type)
        return True


def log(place: MemoryPlace, pauses: Pauses | None = None) -> LedgerLog:
    return LedgerLog(place, pauses or Pauses())


def add(name: str) -> Callable[[Ledger], Ledger]:
    entry = Entry(id=name, role=Role.WRITER, owner=name, until=1e12)
    return lambda ledger: ledger.having(entry, 0.0)


def ids(ledger: Ledger | None) -> list[str]:
    assert ledger is not None
    return [one.id for one in ledger.leases]


def test_the_first_state_is_empty() -> None:
    assert log(MemoryPlace()).latest() == Ledger()


def test_every_change_is_seen_by_everybody() -> None:
    place = MemoryPlace()
    first, second = log(place), log(place)

    assert ids(first.change(add("a"))) == ["a"]
    assert ids(second.change(add("b"))) == ["a", "b"]
    assert ids(first.latest()) == ["a", "b"]
    assert log(place).latest().number == 2


def test_whoever_is_too_late_looks_again_and_loses_nothing() -> None:
    place = MemoryPlace()
    slow, fast = log(place), log(place)
    late: Iterator[Callable[[], object]] = iter([lambda: fast.change(add("fast")), int, int])

    def next_state(ledger: Ledger) -> Ledger:
        next(late)()
        return add("slow")(ledger)

    assert ids(slow.change(next_state)) == ["fast", "slow"]


def test_a_change_that_is_none_writes_nothing() -> None:
    place = MemoryPlace()

    assert log(place).change(lambda _: None) is None
    assert place.objects == {}


def test_an_answer_that_was_lost_is_found_out() -> None:
    place = MemoryPlace()

    class Deaf(MemoryPlace):
        def create(self, name: str, data: bytes, content_type: str) -> bool:
            place.create(name, data, content_type)
            return False  # what a repeated request is told whose first answer was lost

    deaf = Deaf(place.objects)

    assert ids(log(deaf).change(add("a"))) == ["a"]
    assert log(place).latest().number == 1


def test_old_states_are_removed_and_the_number_to_begin_with_is_kept() -> None:
    place = MemoryPlace()
    writer = log(place)
    for number in range(400):
        writer.change(add(str(number % 5)))

    states = sorted(name for name in place.objects if name != f"{FOLDER}latest")
    assert len(states) < 200
    assert states[-1] == f"{FOLDER}{400:012d}"
    assert int(place.objects[f"{FOLDER}latest"]) >= 397
    calls = len(place.calls)
    assert log(place).latest().number == 400
    assert len(place.calls) - calls <= 4


def test_a_state_that_is_gone_is_never_taken_for_an_empty_ledger() -> None:
    place = MemoryPlace()
    log(place).change(add("a"))
    del place.objects[f"{FOLDER}{1:012d}"]

    with pytest.raises(StoreError, match="the state 1 of its leases is gone"):
        log(place).change(add("b"))


def test_where_everybody_may_overwrite_the_last_one_wins_and_the_other_looks_again() -> None:
    place = Overwriting()
    pauses = Pauses()
    slow = log(place, pauses)
    pauses.meanwhile.append(lambda: log(place).change(add("other")))

    # While it waits to see whether its state stays, another state of the same number is made.
    place.objects.clear()
    pauses.meanwhile[:] = [
        lambda: place.objects.update(
            {f"{FOLDER}{1:012d}": add("other")(Ledger()).model_dump_json().encode()}
        )
    ]

    assert ids(slow.change(add("slow"))) == ["other", "slow"]
    assert pauses.seconds >= 4


def test_a_note_that_is_no_number_is_told() -> None:
    place = MemoryPlace({f"{FOLDER}latest": b"x"})

    with pytest.raises(StoreError, match="latest is no number; remove it"):
        log(place).latest()


def publish(urls: Sequence[str], now: float = 1e9) -> Callable[[Ledger], Ledger]:
    return lambda ledger: ledger.without("", now).telling(tuple(urls), (), now)


def test_all_that_was_published_lately_is_told_however_much_it_is() -> None:
    place = MemoryPlace()
    urls = [f"s3://b/images/{number:04}.caibx" for number in range(5000)]
    log(place).change(publish(urls))
    log(place).change(publish(["s3://b/last.caibx"]))
    for _ in range(10):
        log(place).change(add("a"))

    latest = log(place).latest()
    assert len(latest.published) == 501
    assert len(latest.lists) == 5
    assert sorted(log(place).published(1e9)) == sorted(["s3://b/last.caibx", *urls])
    assert len(latest.content()) < 60_000


def test_lists_are_there_before_the_state_that_names_them() -> None:
    place = MemoryPlace()
    log(place).change(publish([f"s3://b/{number}" for number in range(1001)]))

    verbs = [(verb, names[0].rpartition("/")[0] + "/") for verb, names in place.calls]
    assert verbs.index(("put", LISTS)) < verbs.index(("create", FOLDER))


def test_a_state_that_others_were_faster_to_make_loses_no_list() -> None:
    place = MemoryPlace()
    urls = [f"s3://b/{number}" for number in range(2000)]
    late: Iterator[Callable[[], object]] = iter(
        [lambda: log(place).change(publish(urls[:1500])), int, int]
    )

    def next_state(ledger: Ledger) -> Ledger:
        next(late)()
        return publish(urls[1500:])(ledger)

    log(place).change(next_state)

    assert sorted(log(place).published(1e9)) == sorted(urls)


def test_a_list_that_no_state_names_is_told_until_it_is_old_and_removed() -> None:
    place = MemoryPlace()
    names = PublicationLists(place).put(["s3://b/x"], 1e9)
    log(place).change(publish([f"s3://b/{number}" for number in range(1001)], 1e9 + 5))

    told = log(place).published(1e9)
    assert "s3://b/x" in told
    assert len(told) == 1002
    assert len(log(place).published(until_of(names[0]) + 2 * SKEW + 1)) == 1001
    assert f"{LISTS}{names[0]}" not in place.objects
