import pytest

from desync_jobs.errors import StoreError
from desync_jobs.stores.leases.ledger import (
    REMEMBERED,
    SKEW,
    Entry,
    Ledger,
    Publication,
    Role,
    parse_ledger,
)

NOW = 1_000_000.0


def entry(name: str, role: Role, until: float = NOW + 60) -> Entry:
    return Entry(id=name, role=role, owner=f"owner of {name}", until=until)


def ledger(*entries: Entry) -> Ledger:
    return Ledger(number=7, leases=entries)


def blocking(state: Ledger, role: Role, own: str = "me") -> list[str]:
    return [one.id for one in state.blocking(role, own, NOW)]


def test_writers_do_not_hinder_each_other() -> None:
    assert blocking(ledger(entry("a", Role.WRITER)), Role.WRITER) == []


@pytest.mark.parametrize("role", [Role.COLLECTOR, Role.WAITING])
def test_a_writer_waits_for_whoever_deletes_or_is_about_to(role: Role) -> None:
    state = ledger(entry("a", Role.WRITER), entry("b", role))

    assert blocking(state, Role.WRITER) == ["b"]


def test_a_collector_waits_for_writers_and_other_collectors() -> None:
    state = ledger(entry("a", Role.WRITER), entry("b", Role.COLLECTOR))

    assert blocking(state, Role.COLLECTOR) == ["a", "b"]


def test_of_two_collectors_that_wait_the_first_in_line_goes_first() -> None:
    state = ledger(entry("a", Role.WAITING), entry("b", Role.WAITING))

    assert blocking(state, Role.COLLECTOR, "a") == []
    assert blocking(state, Role.COLLECTOR, "b") == ["a"]


def test_nobody_waits_for_himself_or_for_what_is_over_by_any_clock() -> None:
    over = entry("a", Role.COLLECTOR, NOW - SKEW - 1)
    perhaps = entry("b", Role.COLLECTOR, NOW - SKEW + 1)

    assert blocking(ledger(over, perhaps), Role.WRITER) == ["b"]
    assert blocking(ledger(entry("me", Role.WAITING)), Role.COLLECTOR) == []


def test_the_next_state_has_a_new_lease_at_the_end_and_nothing_that_is_over() -> None:
    state = ledger(entry("a", Role.WRITER, NOW - SKEW - 1), entry("b", Role.WRITER))

    after = state.having(entry("c", Role.WRITER), NOW)

    assert (after.number, [one.id for one in after.leases]) == (8, ["b", "c"])


def test_a_lease_that_is_renewed_keeps_its_place() -> None:
    state = ledger(entry("a", Role.WAITING), entry("b", Role.WAITING))

    after = state.having(entry("a", Role.COLLECTOR, NOW + 99), NOW)

    assert [(one.id, one.role) for one in after.leases] == [
        ("a", Role.COLLECTOR),
        ("b", Role.WAITING),
    ]


def test_what_was_published_is_told_for_a_day() -> None:
    state = ledger(entry("a", Role.WRITER))

    after = state.without("a", ("s3://b/x.caibx",), NOW)
    much_later = after.having(entry("b", Role.WRITER), NOW + REMEMBERED + SKEW + 1)

    assert after.leases == ()
    assert after.published == (Publication(url="s3://b/x.caibx", until=NOW + REMEMBERED),)
    assert much_later.published == ()


def test_an_index_that_is_published_again_is_told_once() -> None:
    state = Ledger().without("a", ("x", "y"), NOW).without("b", ("x",), NOW + 5)

    assert [(one.url, one.until) for one in state.published] == [
        ("x", NOW + 5 + REMEMBERED),
        ("y", NOW + REMEMBERED),
    ]


def test_a_state_survives_being_written() -> None:
    state = ledger(entry("a", Role.WRITER)).without("b", ("x",), NOW)

    assert parse_ledger(state.model_dump_json().encode(), "here") == state


@pytest.mark.parametrize("data", [b"", b"[]", b'{"number": "1"}', b'{"more": 1}'])
def test_what_is_no_state_is_refused(data: bytes) -> None:
    with pytest.raises(StoreError, match="here: is not a state of leases"):
        parse_ledger(data, "here")
