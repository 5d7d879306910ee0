import json

import pytest

from desync_jobs.errors import StoreError
from desync_jobs.stores.leases.ledger import (
    REMEMBERED,
    SKEW,
    Entry,
    Ledger,
    Publication,
    parse_ledger,
)
from desync_jobs.stores.leases.role import Role

NOW = 1_000_000.0
LIST = f"1000060-{'0' * 64}"


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

    after = state.without("a", NOW).telling(("s3://b/x.caibx",), (), NOW)
    much_later = after.having(entry("b", Role.WRITER), NOW + REMEMBERED + SKEW + 1)

    assert after.leases == ()
    assert after.published == (Publication(url="s3://b/x.caibx", until=NOW + REMEMBERED),)
    assert much_later.published == ()


def test_an_index_that_is_published_again_is_told_once() -> None:
    state = (
        Ledger()
        .without("a", NOW)
        .telling(("x", "y"), (), NOW)
        .without("b", NOW + 5)
        .telling(("x",), (), NOW + 5)
    )

    assert [(one.url, one.until) for one in state.published] == [
        ("x", NOW + 5 + REMEMBERED),
        ("y", NOW + REMEMBERED),
    ]


@pytest.mark.parametrize("data", [b"", b"[]", b'{"number": "1"}', b'{"more": 1}'])
def test_what_is_no_state_is_refused(data: bytes) -> None:
    with pytest.raises(StoreError, match="here: is not a state of leases"):
        parse_ledger(data, "here")


def test_a_state_has_at_most_a_thousand_publications_itself_and_the_rest_in_lists() -> None:
    urls = tuple(f"s3://b/{number}" for number in range(1001))
    full = Ledger().without("a", NOW).telling(urls[:1000], (), NOW)
    state = full.without("b", NOW + 5).telling(urls[1000:], (), NOW + 5)
    after = state.relieved((LIST,))

    assert full.excess() == ()
    assert [one.url for one in state.excess()] == list(urls[:501])
    assert [one.url for one in after.published] == list(urls[501:])
    assert (after.number, after.lists, after.excess()) == (2, (LIST,), ())


def test_a_list_is_named_until_it_is_old() -> None:
    state = ledger().relieved((LIST,))

    until = NOW + 60 + SKEW
    assert state.having(entry("a", Role.WRITER), until).lists == (LIST,)
    assert state.without("a", until).lists == (LIST,)
    assert state.having(entry("a", Role.WRITER), until + 1).lists == ()


def test_a_state_without_lists_is_written_as_ever() -> None:
    state = ledger(entry("a", Role.WRITER)).without("b", NOW).telling(("x",), (), NOW)

    assert state.content() == (
        b'{"number":8,"leases":[{"id":"a","role":"writer","owner":"owner of a","until":1000060.0}],'
        b'"published":[{"url":"x","until":1086400.0}]}'
    )
    assert parse_ledger(state.content(), "here") == state


def test_a_state_with_lists_survives_being_written() -> None:
    state = ledger(entry("a", Role.WRITER)).relieved((LIST,))

    assert parse_ledger(state.content(), "here") == state


@pytest.mark.parametrize("name", ["x", f"../{LIST}", f"{LIST}\n", f"{LIST}0"])
def test_what_is_no_name_of_a_list_is_refused(name: str) -> None:
    data = json.dumps({"lists": [name]}).encode()

    with pytest.raises(StoreError, match="here: is not a state of leases"):
        parse_ledger(data, "here")
