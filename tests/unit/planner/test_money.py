from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from desync_jobs.core.prices import Source
from desync_jobs.manifest.job import Job
from desync_jobs.planner.cost import Amount, Bounds, Cost, Deletion
from desync_jobs.planner.document import plan_document
from desync_jobs.planner.explain import explain
from desync_jobs.planner.limits import passed_limit
from desync_jobs.planner.money import Charge, charge_of
from desync_jobs.planner.plan import Plan
from desync_jobs.planner.step import Action, Step

JobOf = Callable[..., Job]

GIB = 1 << 30
PRICES = {
    "currency": "USD",
    "download_gib": 0.09,
    "upload_gib": "0.02",
    "get_1000": 0.0004,
    "put_1000": 0.005,
    "list_1000": 5,
}
STORES = {
    "a": {"url": "a.castr", "prices": PRICES, "reads": "own"},
    "b": {"url": "b.castr", "prices": {"currency": "USD", "download_gib": 1, "get_1000": 1}},
    "free": {"url": "free"},
}
EXTRACT = {"kind": "extract", "index": "i.caibx", "target": "out", "stores": ["a", "b", "free"]}
MAKE = {"kind": "make", "blob": "x", "index": "x.caibx", "store": "a"}
PRUNE = {"kind": "prune", "store": "a", "indexes": ["x.caibx"]}


def charged(job_of: JobOf, operation: dict[str, Any], cost: Cost) -> Charge | None:
    job = job_of({"it": operation}, stores=STORES, caches={})
    return charge_of(job.spec, [Step("it", operation["kind"], Action.RUN, "", cost=cost)])


def usd(lower: str, upper: str | None = None) -> Charge:
    return Charge("USD", Decimal(lower), Decimal(upper or lower))


def read(place: str, stored: Bounds | None, requests: int, *, exact: bool = True) -> Cost:
    amount = Amount(place, GIB, requests, requests, exact, stored, Source.STORE)
    return Cost((amount,))


def test_bytes_and_requests_of_a_store_cost_what_it_asks_for_them_exactly(job_of: JobOf) -> None:
    cost = read("a", Bounds(GIB // 4, GIB // 4), 3)

    assert charged(job_of, EXTRACT, cost) == usd("0.0225012")


def test_not_a_byte_is_lost_or_rounded(job_of: JobOf) -> None:
    charge = charged(job_of, EXTRACT, read("a", Bounds(1, 1), 0))

    assert charge is not None
    assert charge.lower * GIB == Decimal("0.09")


def test_a_chunk_that_may_have_two_forms_may_take_two_requests(job_of: JobOf) -> None:
    assert charged(job_of, EXTRACT, read("b", Bounds(0, 0), 5)) == usd("0.005", "0.01")


def test_what_is_a_range_costs_a_range(job_of: JobOf) -> None:
    cost = read("a", Bounds(0, GIB), 1000, exact=False)

    assert charged(job_of, EXTRACT, cost) == usd("0", "0.0904")


def test_where_nobody_looked_the_most_that_chunks_can_be_counts(job_of: JobOf) -> None:
    charge = charged(job_of, EXTRACT, read("a", None, 0))

    assert charge is not None
    assert charge.lower == 0
    assert charge.upper == Decimal("0.09") * (GIB + GIB // 256) / GIB


def test_of_stores_whose_shares_are_not_known_the_dearest_counts(job_of: JobOf) -> None:
    cost = read("a+b+free", Bounds(GIB, GIB), 1000)

    assert charged(job_of, EXTRACT, cost) == usd("0", "3.0004")


@pytest.mark.parametrize(
    "amount",
    [
        Amount("free", GIB, 1, 1, stored=Bounds(GIB, GIB), source=Source.STORE),
        Amount("target", GIB, 1, source=Source.SELF),
        Amount("seed old", GIB, 1, source=Source.SEED),
        Amount("blob", GIB),
    ],
)
def test_what_has_no_price_costs_nothing(job_of: JobOf, amount: Amount) -> None:
    assert charged(job_of, EXTRACT, Cost((amount,), (amount,))) == usd("0")


def test_a_target_that_is_called_like_a_store_costs_nothing(job_of: JobOf) -> None:
    assert charged(job_of, EXTRACT, Cost((), (Amount("a", GIB, 1),))) == usd("0")


def test_what_is_written_costs_what_is_sent_and_looked_for_at_most(job_of: JobOf) -> None:
    cost = Cost((), (Amount("a", GIB, 1000, 1000, exact=False),))
    most = GIB + GIB // 256 + 128_000

    charge = charged(job_of, MAKE, cost)

    assert charge is not None
    assert charge.lower == 0
    assert charge.upper == Decimal("0.0054") + Decimal("0.02") * most / GIB


def test_what_nobody_knows_before_has_no_upper_end(job_of: JobOf) -> None:
    cost = Cost((), (Amount("a", 0, exact=False),))

    assert charged(job_of, MAKE, cost) == Charge("USD", Decimal(0), None)


def test_a_prune_lists_a_thousand_chunks_at_a_time_or_less_where_it_lists_parts(
    job_of: JobOf,
) -> None:
    few = Cost(deletes=(Deletion("a", 3, 100, 2001),))
    many = Cost(deletes=(Deletion("a", 3, 100, 2_000_000),))

    assert charged(job_of, PRUNE, few) == usd("0.015", "0.05")
    assert charged(job_of, PRUNE, many) == usd("10", "357.685")


def test_a_job_without_prices_has_no_charges(job_of: JobOf) -> None:
    job = job_of({"it": EXTRACT}, stores={one: {"url": one} for one in STORES}, caches={})
    step = Step("it", "extract", Action.RUN, "", cost=read("a", None, 1))
    document = plan_document(job.spec, [step], changes=True, download=None, limit=None)

    assert charge_of(job.spec, [step]) is None
    assert document["charge"] is None
    assert "costs" not in explain(Plan(job, (step,)))


def test_a_plan_shows_each_step_and_the_sum_in_words_and_as_exact_decimals(job_of: JobOf) -> None:
    job = job_of({"x": EXTRACT, "y": MAKE}, stores=STORES, caches={})
    fetched = Step("x", "extract", Action.RUN, "", cost=read("a", Bounds(GIB, GIB), 1))
    written = Cost((), (Amount("a", 0, 0, 3, exact=True),))
    made = Step("y", "make", Action.RUN, "", cost=written)
    document = Plan(job, (fetched, made)).to_json()
    text = explain(Plan(job, (fetched, made)))

    assert document["charge"] == {
        "currency": "USD",
        "lower": "0.0900004",
        "upper": "0.0900016",
    }
    steps = document["steps"]
    assert isinstance(steps, list)
    assert [one["charge"]["upper"] for one in steps] == ["0.0900004", "0.0000012"]
    assert "\n    costs    0.091 USD\n" in text
    assert "\n    costs    at most 0.0000012 USD\n" in text
    assert text.endswith(", costs at most 0.091 USD.\n")


def passed(job_of: JobOf, operation: dict[str, Any], cost: Cost) -> str | None:
    limits = {"max_cost": "0.09 USD"}
    job = job_of({"it": operation}, stores=STORES, caches={}, limits=limits)
    error = passed_limit(job, [Step("it", "", Action.RUN, "", cost=cost)])
    assert error is None or error.exit_code == 8
    return None if error is None else str(error)


def test_the_most_that_it_can_be_is_limited(job_of: JobOf) -> None:
    whole = Bounds(GIB, GIB)

    assert passed(job_of, EXTRACT, read("a", whole, 0)) is None
    assert passed(job_of, EXTRACT, read("a", whole, 1)) == (
        "0.091 USD would be asked for it, more than max_cost = 0.09 USD; nothing of that is begun"
    )
    told = passed(job_of, EXTRACT, read("a", whole, 1, exact=False))
    assert told is not None
    assert told.startswith("up to 0.091 USD would be asked for it")


def test_what_nobody_knows_before_keeps_within_no_limit(job_of: JobOf) -> None:
    assert passed(job_of, MAKE, Cost((), (Amount("a", 0, exact=False),))) == (
        "what is fetched or written is only known when it is done, so max_cost = 0.09 USD cannot "
        "be kept; leave the limit out, or the prices of places that are used; nothing is begun"
    )


@pytest.mark.parametrize(
    "operation",
    [
        {"kind": "mount-index", "index": "i.caibx", "mountpoint": "m", "stores": ["free", "a"]},
        {"kind": "serve-chunks", "stores": ["free"], "cache": "c"},
        {"kind": "pull", "stores": ["b"]},
    ],
)
def test_what_others_ask_for_keeps_within_no_limit(
    job_of: JobOf, operation: dict[str, Any]
) -> None:
    caches = {"c": {"url": "c", "prices": PRICES}}
    job = job_of({"it": operation}, stores=STORES, caches=caches, limits={"max_cost": "1 USD"})
    step = Step("it", operation["kind"], Action.RUN, "")

    assert charge_of(job.spec, [step]) == Charge("USD", Decimal(0), None)
    assert "cannot be kept" in str(passed_limit(job, [step]))
