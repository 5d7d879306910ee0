"""Amounts in words, as people read them: bytes, counts, seconds."""

from collections.abc import Sequence
from decimal import ROUND_CEILING, Context, Decimal
from typing import Final

_BYTE_UNITS: Final = ("KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_SCALE: Final = 1024
_MINUTE: Final = 60
_HOUR: Final = 3600
_TEN: Final = 10
_NAMED: Final = 5


def in_bytes(count: int) -> str:
    """Show a size with a binary unit: 1536 gives `1.5 KiB`."""
    if count < _SCALE:
        return counted(count, "byte")
    amount = float(count)
    unit = ""
    for unit in _BYTE_UNITS:  # noqa: B007 -- the unit at which the loop stops is the result
        amount /= _SCALE
        if round(amount, 1) < _SCALE:
            break
    return f"{amount:.1f} {unit}"


def counted(count: int, noun: str) -> str:
    """Show a count with its noun: 1 gives `1 chunk`, 2000 gives `2,000 chunks`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {_plural(noun)}"


def in_a_line(message: str) -> str:
    """Put the lines of a message, as errors with several have them, into one."""
    return "; ".join(message.splitlines())


def listed(names: Sequence[str]) -> str:
    """Name one after the other, of many the first: `a`, `a and b`, `a, b and 4,998 more`."""
    if len(names) > _NAMED + 1:
        names = (*names[:_NAMED], f"{len(names) - _NAMED:,} more")
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def in_money(amount: Decimal, currency: str) -> str:
    """Show an amount of money, rounded up to a hundredth, or to two digits of what is less."""
    digits = -2 if not amount or amount >= 1 else min(amount.adjusted() - 1, -2)
    shown = amount.quantize(Decimal(1).scaleb(digits), ROUND_CEILING, Context(prec=200))
    return f"{shown:,f} {currency}"


def in_seconds(seconds: float) -> str:
    """Show a duration: `0.42 s`, `12.3 s`, `3 min 05 s`, `2 h 07 min`."""
    if seconds < _TEN:
        return f"{seconds:.2f} s"
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE:02d} s"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02d} min"


def _plural(noun: str) -> str:
    if noun.endswith("x"):
        return noun + "es"
    return noun[:-1] + "ies" if noun.endswith("y") else noun + "s"
