"""What the operator of a place asks for bytes and requests, and what a run may cost.

Amounts of money are decimal numbers and stay exact; a number of a manifest counts as it is written.
"""

import re
from decimal import Decimal
from typing import Annotated, Final, NamedTuple, TypeAlias

from pydantic import AfterValidator, PlainSerializer, PlainValidator, WithJsonSchema

from desync_jobs.manifest.base import Spec
from desync_jobs.manifest.scalars import VARIABLE_USE

_MOST: Final = 10**9
_PLACES: Final = 12
"""Digits after the point."""
_NUMBER: Final = "[0-9]{1,10}(\\.[0-9]{1,12})?"
_CURRENCY: Final = "[A-Z]{3}"
_MONEY: Final = re.compile(f"({_NUMBER}) *({_CURRENCY})")


def _amount(value: object) -> Decimal:
    """Return a number as it is written: of a float, the shortest that is read as the same."""
    known = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    if isinstance(value, str):
        known = re.fullmatch(_NUMBER, value.strip()) is not None
    number = Decimal(str(value).strip()) if known else Decimal("NaN")
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int) or not 0 <= number <= _MOST or exponent < -_PLACES:
        raise ValueError(f"{value!r} is not an amount of money; write for example 0.09")
    return number


def _currency(text: str) -> str:
    if not re.fullmatch(_CURRENCY, text):
        raise ValueError(f"{text!r} is not a currency; write its three letters, such as 'EUR'")
    return text


class Money(NamedTuple):
    """An amount of a currency."""

    amount: Decimal
    currency: str


def parse_money(value: object) -> Money:
    """Return the amount in `"12.50 EUR"`; `ValueError` for what is none."""
    match = _MONEY.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"{value!r} is not an amount of money; write for example '12.50 EUR'")
    return Money(_amount(match[1]), match[3])


def format_money(money: Money) -> str:
    """Return words that `parse_money` reads as `money`."""
    return f"{money.amount:f} {money.currency}"


Amount: TypeAlias = Annotated[
    Decimal,
    PlainValidator(_amount),
    PlainSerializer(lambda amount: f"{amount:f}", return_type=str),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "minimum": 0, "maximum": _MOST},
                {"type": "string", "pattern": f"^ *{_NUMBER} *$|{VARIABLE_USE}"},
            ]
        }
    ),
]
"""An amount of money: a number, or its text."""

Currency: TypeAlias = Annotated[
    str,
    AfterValidator(_currency),
    WithJsonSchema({"type": "string", "pattern": f"^{_CURRENCY}$|{VARIABLE_USE}"}),
]
"""A currency by its three letters."""

Cost: TypeAlias = Annotated[
    Money,
    PlainValidator(parse_money),
    PlainSerializer(format_money, return_type=str),
    WithJsonSchema({"type": "string", "pattern": f"^ *{_NUMBER} *{_CURRENCY} *$|{VARIABLE_USE}"}),
]
"""An amount of money with its currency: `12.50 EUR`."""


class PricesSpec(Spec):
    """What the operator of a place asks; what is not said is free.

    Plans count chunks by it: their bytes, questions for them, and listings. Indexes, leases, what
    planning asks itself and repeated requests come on top.
    """

    currency: Currency
    """The currency, by its three letters: `EUR`. All places of a job have the same."""
    download_gib: Amount = Decimal(0)
    """For each GiB that is fetched from the place."""
    upload_gib: Amount = Decimal(0)
    """For each GiB that is sent to it."""
    get_1000: Amount = Decimal(0)
    """For a thousand requests that read a chunk or ask whether it is there."""
    put_1000: Amount = Decimal(0)
    """For a thousand requests that write a chunk."""
    list_1000: Amount = Decimal(0)
    """For a thousand requests that list chunks, each a thousand of them."""
