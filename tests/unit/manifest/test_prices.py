from decimal import Decimal
from typing import Any

import pytest

from desync_jobs.errors import ManifestError
from desync_jobs.manifest.job import JobSpec
from desync_jobs.manifest.load import job_from_document
from desync_jobs.manifest.prices import format_money, parse_money


def load(limits: dict[str, Any] | None = None, **prices: dict[str, Any] | None) -> JobSpec:
    document = {
        "version": 1,
        "stores": {
            name: {"url": name} if table is None else {"url": name, "prices": table}
            for name, table in prices.items()
        },
        "operations": {"it": {"kind": "verify", "store": "a"}},
        "limits": limits or {},
    }
    return job_from_document(document, "/", "job.toml").spec


def complaint(limits: dict[str, Any] | None = None, **prices: dict[str, Any] | None) -> str:
    with pytest.raises(ManifestError) as raised:
        load(limits, **prices)
    return str(raised.value)


def test_a_price_is_the_decimal_number_that_is_written() -> None:
    prices = load(a={"currency": "EUR", "get_1000": 0.1, "put_1000": "0.30", "list_1000": 2})
    found = prices.stores["a"].prices

    assert found is not None
    assert (found.get_1000, found.put_1000) == (Decimal("0.1"), Decimal("0.3"))
    assert (found.list_1000, found.upload_gib) == (Decimal(2), Decimal(0))


@pytest.mark.parametrize(
    "value",
    [-1, True, "free", 1e10, float("nan"), float("inf"), "1e-13", [], "1e2", "1_000", "\u0661"],
)
def test_what_is_no_amount_is_refused(value: object) -> None:
    told = complaint(a={"currency": "EUR", "get_1000": value})

    assert told.startswith("job.toml: stores.a.prices.get_1000: ")
    assert told.endswith(" is not an amount of money; write for example 0.09")


def test_prices_have_a_currency_and_a_job_has_one_currency() -> None:
    assert complaint(a={}) == "job.toml: stores.a.prices.currency: missing"
    assert complaint(a={"currency": "euro"}) == (
        "job.toml: stores.a.prices.currency: 'euro' is not a currency; write its three letters, "
        "such as 'EUR'"
    )
    assert complaint(a={"currency": "EUR"}, b={"currency": "USD"}, c={"currency": "USD"}) == (
        "job.toml: stores.b.prices.currency: stores.a has EUR, and nothing converts currencies; "
        "use one"
    )
    assert complaint({"max_cost": "5 USD"}, a={"currency": "EUR"}) == (
        "job.toml: limits.max_cost: stores.a has prices in EUR; write the limit in that currency"
    )


@pytest.mark.parametrize("text", ["5", "EUR", "-1 EUR", "1,5 EUR", "1 eur", "", "1e3 EUR"])
def test_what_is_no_money_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not an amount of money; write for example '12\.50"):
        parse_money(text)


def test_money_is_written_as_it_is_read() -> None:
    assert format_money(parse_money(" 12.50EUR ")) == "12.50 EUR"


def test_a_limit_on_money_needs_a_place_with_prices() -> None:
    assert complaint({"max_cost": "5 EUR"}, a=None) == (
        "job.toml: limits.max_cost: no store or cache has prices, so it limits nothing; write "
        "them, or leave it out"
    )
