"""How a place over the network is asked: retries, time limits, budgets.

Each key may be left out of a place's table; then the job's own `policy` says, and where that is
silent too, the default that is named here.
"""

import math
from typing import Annotated, Final, TypeAlias

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

from desync_jobs.manifest.base import Spec
from desync_jobs.manifest.quantities import (
    DURATION_PATTERN,
    SIZE_PATTERN,
    Duration,
    format_duration,
    format_size,
    parse_duration,
    parse_size,
)
from desync_jobs.manifest.scalars import VARIABLE_USE, WholeNumber

_MOST_ATTEMPTS: Final = 100
_MOST_REQUESTS: Final = 1024
_NEVER: Final = "never"
_UNLIMITED: Final = "unlimited"


def _positive(value: object) -> float:
    seconds = parse_duration(value)
    if seconds <= 0:
        raise ValueError(f"{value!r} should be more than nothing")
    return seconds


def _deadline(value: object) -> float:
    return math.inf if value == _NEVER else _positive(value)


def _say_deadline(seconds: float) -> str:
    return _NEVER if seconds == math.inf else format_duration(seconds)


def _bandwidth(value: object) -> float:
    size = math.inf if value == _UNLIMITED else parse_size(value)
    if not size:
        raise ValueError(f"{value!r} should be more than nothing; 'unlimited' is no limit")
    return size


def _say_bandwidth(size: float) -> str:
    return _UNLIMITED if size == math.inf else format_size(int(size))


def _rate(value: object) -> float:
    if value == _UNLIMITED:
        return math.inf
    rate = math.nan
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        try:
            rate = float(value)
        except ValueError:
            rate = math.nan
    if not 0 < rate < math.inf:
        raise ValueError("should be a number of requests a second above 0, or 'unlimited'")
    return rate


def _say_rate(rate: float) -> float | str:
    return _UNLIMITED if rate == math.inf else rate


_DURATION: Final = {"type": "string", "pattern": f"^{DURATION_PATTERN}$|{VARIABLE_USE}"}

TimeLimit: TypeAlias = Annotated[
    float,
    PlainValidator(_positive),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema(_DURATION),
]
"""Seconds, more than none."""
Deadline: TypeAlias = Annotated[
    float,
    PlainValidator(_deadline),
    PlainSerializer(_say_deadline, return_type=str),
    WithJsonSchema({"anyOf": [_DURATION, {"const": _NEVER}]}),
]
"""Seconds, or infinity for `never`."""
Bandwidth: TypeAlias = Annotated[
    float,
    PlainValidator(_bandwidth),
    PlainSerializer(_say_bandwidth, return_type=str),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1},
                {"type": "string", "pattern": f"^{SIZE_PATTERN}$|^{_UNLIMITED}$|{VARIABLE_USE}"},
            ]
        }
    ),
]
"""Bytes a second, or infinity for `unlimited`."""
Rate: TypeAlias = Annotated[
    float,
    PlainValidator(_rate),
    PlainSerializer(_say_rate, return_type=float | str),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "exclusiveMinimum": 0},
                {"type": "string", "pattern": f"^{_UNLIMITED}$|^[0-9.]+$|{VARIABLE_USE}"},
            ]
        }
    ),
]
"""Requests a second, or infinity for `unlimited`."""


class PolicySpec(Spec):
    """How a place over the network is asked: retries, time limits and budgets."""

    attempts: Annotated[int, WholeNumber(1, _MOST_ATTEMPTS)] | None = None
    """How often a request is tried in all, after errors of the network, the statuses 408, 429 and
    5xx, and damaged chunks; 1 is no retry, and the default is 3."""
    backoff: Duration | None = None
    """The longest wait before the second attempt, by default `500ms`. It is doubled before each
    further one, and a random part of it is waited."""
    backoff_max: Duration | None = None
    """The longest wait between two attempts, by default `30s`. A server that asks for a longer
    one is an error."""
    connect_timeout: TimeLimit | None = None
    """How long connecting may take, by default `10s`."""
    timeout: TimeLimit | None = None
    """How long one attempt may take, by default `60s`."""
    deadline: Deadline | None = None
    """How long a batch of chunks may take with all attempts, by default `never` too long."""
    concurrency: Annotated[int, WholeNumber(1, _MOST_REQUESTS)] | None = None
    """The most requests at a time, by default 64; fewer while the place is overloaded."""
    bandwidth: Bandwidth | None = None
    """Bytes a second over all that is done with that host, such as `10 MiB`; by default
    `unlimited`."""
    requests_per_second: Rate | None = None
    """Requests a second over all that is done with that host; by default `unlimited`."""

    def over(self, other: "PolicySpec") -> "PolicySpec":
        """Return what this says, and what `other` says where this says nothing."""
        said = {key: value for key, value in self if value is not None}
        return other.model_copy(update=said)
