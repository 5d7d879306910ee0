from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from desync_jobs.errors import LockedError, StoreError
from desync_jobs.stores.leases.flags import FOLDER as FLAGS
from desync_jobs.stores.leases.ledger import SKEW
from desync_jobs.stores.leases.ledgered import TIME_TO_LIVE, Clock, LedgeredLease
from desync_jobs.stores.leases.log import LedgerLog
from desync_jobs.stores.leases.role import Role
from desync_jobs.stores.policy.values import NeverStopped
from desync_jobs.testing.objects import MemoryPlace


@dataclass
class Time(NeverStopped):
    """A time that passes only while somebody waits, or when it is told to."""

    passed: float = 5000.0
    later: list[tuple[float, Callable[[], object]]] = field(default_factory=list)
    """What happens when that much has passed."""

    def check(self) -> None: ...

    def pause(self, seconds: float) -> None:
        self.passed += seconds
        while self.later and self.later[0][0] <= self.passed:
            self.later.pop(0)[1]()

    def clock(self, skew: float = 0.0) -> Clock:
        return Clock(lambda: 1e9 + self.passed + skew, lambda: self.passed)


class Overwriting(MemoryPlace):
    """A place that does not heed that an object is to be new, and may be slow once."""

    def __init__(self) -> None:
        super().__init__()
        self.before_create: Callable[[], object] | None = None

    def create(self, name: str, data: bytes, content_type: str) -> bool:
        slow, self.before_create = self.before_create, None
        if slow is not None:
            slow()
        self.put([(name, data)], content_type)
        return True


@dataclass
class Store:
    time: Time = field(default_factory=Time)
    place: MemoryPlace = field(default_factory=MemoryPlace)
    told: list[str] = field(default_factory=list)

    def lease(self, owner: str, skew: float = 0.0) -> LedgeredLease:
        return LedgeredLease(
            "origin", LedgerLog(self.place, self.time), owner, self.time.clock(skew)
        )

    def take(self, lease: LedgeredLease, role: Role, wait: float = 0.0) -> LedgeredLease:
        lease.take(role, wait, self.time, self.told.append)
        return lease


def test_writers_have_a_store_together() -> None:
    store = Store()

    first = store.take(store.lease("one"), Role.WRITER)
    second = store.take(store.lease("two"), Role.WRITER)

    first.check()
    second.check()
    assert store.told == []


def test_a_collector_stops_while_there_are_writers_and_says_who() -> None:
    store = Store()
    store.take(store.lease("make of ci@host"), Role.WRITER)

    with pytest.raises(LockedError) as raised:
        store.take(store.lease("prune"), Role.COLLECTOR)

    assert raised.value.exit_code == 7
    assert str(raised.value) == (
        "store origin is in use by make of ci@host (writer); run again when that is done, or wait "
        "for longer (lease_wait)"
    )
    # Who gave up is not in anybody's way.
    store.take(store.lease("two"), Role.WRITER)


def test_a_collector_waits_until_the_writers_are_done() -> None:
    store = Store()
    writer = store.take(store.lease("make"), Role.WRITER)
    store.time.later.append((5030.0, writer.give_back))

    collector = store.take(store.lease("prune"), Role.COLLECTOR, 60)

    assert collector.role is Role.COLLECTOR
    assert 5030 <= store.time.passed <= 5040
    assert store.told == ["store origin is in use by make (writer); waiting for that to end"]


def test_no_writer_begins_once_a_collector_waits() -> None:
    store = Store()
    writer = store.take(store.lease("old"), Role.WRITER)

    def another() -> None:
        with pytest.raises(LockedError, match=r"in use by prune \(waiting\)"):
            store.take(store.lease("new"), Role.WRITER)

    store.time.later += [(5010.0, another), (5020.0, writer.give_back)]

    store.take(store.lease("prune"), Role.COLLECTOR, 60)

    assert store.time.later == []


def test_whoever_died_is_waited_for_until_nobody_can_take_him_for_alive() -> None:
    store = Store()
    store.take(store.lease("dead"), Role.WRITER)
    store.time.passed += TIME_TO_LIVE + SKEW - 10

    with pytest.raises(LockedError, match="in use by dead"):
        store.take(store.lease("prune"), Role.COLLECTOR)
    store.take(store.lease("prune"), Role.COLLECTOR, 60)


@pytest.mark.parametrize("roles", [("writer", "collector"), ("collector", "collector")])
def test_what_is_written_late_where_everybody_may_overwrite_lets_nobody_in(
    roles: tuple[str, str],
) -> None:
    early, late = map(Role, roles)
    place = Overwriting()
    store = Store(place=place)
    had = store.lease("early")
    # It lands when that of the other is long settled.
    place.before_create = lambda: store.take(had, early)

    with pytest.raises(LockedError, match="in use by early"):
        store.take(store.lease("late"), late)
    store.time.passed += 120
    had.renew()
    assert len([name for name in place.objects if name.startswith(FLAGS)]) == 1
    with pytest.raises(LockedError, match="in use by early"):
        store.take(store.lease("next"), Role.COLLECTOR)
    had.give_back()
    store.take(store.lease("next"), Role.COLLECTOR)


@pytest.mark.parametrize("skew", [-SKEW, -1.0, 0.0, SKEW])
def test_no_two_clocks_let_an_owner_count_on_what_others_take_for_over(skew: float) -> None:
    store = Store()
    owner = store.take(store.lease("owner", skew), Role.WRITER)
    ends = store.time.passed + TIME_TO_LIVE + 3 * SKEW
    while store.time.passed < ends:
        try:
            store.take(store.lease("prune"), Role.COLLECTOR).give_back()
        except LockedError:
            store.time.passed += 7
        else:
            break

    assert store.time.passed < ends
    with pytest.raises(LockedError, match="this run's lease was lost"):
        owner.check()


def test_a_lease_that_is_renewed_lasts() -> None:
    store = Store()
    owner = store.take(store.lease("owner"), Role.WRITER)
    for _ in range(10):
        store.time.passed += TIME_TO_LIVE / 2
        owner.renew()

    owner.check()
    with pytest.raises(LockedError, match="in use by owner"):
        store.take(store.lease("prune"), Role.COLLECTOR)


def test_a_lease_that_was_not_renewed_in_time_is_not_renewed_any_more() -> None:
    store = Store()
    owner = store.take(store.lease("owner"), Role.WRITER)
    store.time.passed += TIME_TO_LIVE - 60

    with pytest.raises(LockedError, match="lost"):
        owner.renew()


def test_a_lease_that_others_removed_is_lost_at_once() -> None:
    store = Store()
    owner = store.take(store.lease("owner"), Role.WRITER)
    store.place.objects.clear()

    with pytest.raises(LockedError, match="lost"):
        owner.renew()


def test_a_clock_that_was_set_forward_ends_a_lease_in_doubt() -> None:
    store = Store()
    ahead = [0.0]
    clock = Clock(lambda: 1e9 + store.time.passed + ahead[0], lambda: store.time.passed)
    owner = LedgeredLease("origin", LedgerLog(store.place, store.time), "vm", clock)
    store.take(owner, Role.WRITER)
    ahead[0] = TIME_TO_LIVE  # the machine stood still, and with it the clock that nobody sets

    with pytest.raises(LockedError, match="lost"):
        owner.check()


class Suspended(MemoryPlace):
    """A place that answers when the machine that asks it was suspended."""

    def __init__(self) -> None:
        super().__init__()
        self.ahead = 0.0
        """Seconds that the clock which nobody sets has not counted."""
        self.suspended = 0.0
        """For how many it is suspended while it waits for its lease."""

    def create(self, name: str, data: bytes, content_type: str) -> bool:
        made = super().create(name, data, content_type)
        self.ahead, self.suspended = self.ahead + self.suspended, 0.0
        return made


@pytest.mark.parametrize("renewed", [False, True])
def test_a_machine_that_stood_still_while_it_asked_has_had_its_lease_all_that_time(
    renewed: bool,
) -> None:
    place = Suspended()
    store = Store(place=place)
    clock = Clock(lambda: 1e9 + store.time.passed + place.ahead, lambda: store.time.passed)
    owner = LedgeredLease("origin", LedgerLog(place, store.time), "vm", clock)
    if renewed:
        store.take(owner, Role.WRITER)
    place.suspended = TIME_TO_LIVE + 2 * SKEW  # so that others take it for over

    if renewed:
        with pytest.raises(LockedError, match="lost"):
            owner.renew()
    else:
        store.take(owner, Role.WRITER)
    with pytest.raises(LockedError, match="lost"):
        owner.check()


def test_what_was_published_is_told_when_a_lease_is_given_back() -> None:
    store = Store()
    lease = store.take(store.lease("one"), Role.WRITER)
    lease.publishes(["s3://b/x.caibx"])
    lease.give_back()

    latest = LedgerLog(store.place, store.time).latest()

    assert [one.url for one in latest.published] == ["s3://b/x.caibx"]
    assert latest.leases == ()


def told(store: Store) -> list[str]:
    """Return what collectors are told when the leases of all who died are over."""
    store.time.passed += TIME_TO_LIVE + SKEW + 1
    return sorted(store.take(store.lease("prune"), Role.COLLECTOR).published())


@pytest.mark.parametrize("count", [1, 16])
def test_collectors_are_told_of_indexes_whoever_dies(count: int) -> None:
    store = Store()
    urls = [f"s3://b/{number:02}.caibx" for number in range(count)]
    store.take(store.lease("dead"), Role.WRITER).publishes(urls)

    latest = LedgerLog(store.place, store.time).latest()
    assert [one.url for one in latest.published] == (urls if count == 1 else [])
    assert len(latest.lists) == (0 if count == 1 else 1)
    assert told(store) == urls


def test_each_index_is_told_once() -> None:
    store = Store()
    lease = store.take(store.lease("make"), Role.WRITER)
    lease.publishes(["s3://b/a"])
    number = LedgerLog(store.place, store.time).latest().number
    store.time.passed += 60
    lease.renew()
    lease.publishes(["s3://b/b"])
    lease.give_back()
    latest = LedgerLog(store.place, store.time).latest()

    assert [one.url for one in latest.published] == ["s3://b/a", "s3://b/b"]
    assert latest.published[1].until - latest.published[0].until == 60
    assert latest.number == number + 3


def test_an_index_whose_telling_fails_does_not_appear_and_is_told_later() -> None:
    class Failing(MemoryPlace):
        failing = False

        def create(self, name: str, data: bytes, content_type: str) -> bool:
            if self.failing:
                raise StoreError("store origin: it burns")
            return super().create(name, data, content_type)

    place = Failing()
    store = Store(place=place)
    lease = store.take(store.lease("make"), Role.WRITER)
    place.failing = True
    with pytest.raises(StoreError, match="it burns"):
        lease.publishes(["s3://b/a"])
    place.failing = False
    lease.give_back()

    assert told(store) == ["s3://b/a"]


def test_who_has_lost_its_lease_tells_of_nothing() -> None:
    store = Store()
    lease = store.take(store.lease("make"), Role.WRITER)
    store.time.passed += TIME_TO_LIVE
    with pytest.raises(LockedError, match="lost"):
        lease.publishes(["s3://b/a"])

    assert LedgerLog(store.place, store.time).latest().published == ()


def test_what_appears_during_a_renewal_is_told_at_once() -> None:
    appearing: list[str] = []
    told_at_once: list[list[str]] = []

    class Meanwhile(MemoryPlace):
        def create(self, name: str, data: bytes, content_type: str) -> bool:
            while appearing:
                lease.publishes([appearing.pop()])
                latest = LedgerLog(store.place, store.time).latest()
                told_at_once.append([one.url for one in latest.published])
            return super().create(name, data, content_type)

    store = Store(place=Meanwhile())
    lease = store.take(store.lease("make"), Role.WRITER)
    lease.publishes(["s3://b/a"])
    appearing.append("s3://b/b")
    lease.renew()
    lease.check()

    assert told_at_once == [["s3://b/a", "s3://b/b"]]
    assert told(store) == ["s3://b/a", "s3://b/b"]
