"""What a run may come to at the most."""

import math
from typing import Annotated, Final, TypeAlias

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

from desync_jobs.manifest.base import Spec
from desync_jobs.manifest.policy import Bandwidth, Rate, TimeLimit
from desync_jobs.manifest.prices import Cost
from desync_jobs.manifest.quantities import Size
from desync_jobs.manifest.scalars import VARIABLE_USE, WholeNumber

_MOST_REQUESTS: Final = 10**15
_WHOLE: Final = 100


def _share(value: object) -> float:
    text = value.strip() if isinstance(value, str) else ""
    try:
        percent = float(text.removesuffix("%")) if text.endswith("%") else math.nan
    except ValueError:
        percent = math.nan
    if not 0 <= percent <= _WHOLE:
        raise ValueError(f"{value!r} is not a share; write for example '30%'")
    return percent / _WHOLE


Share: TypeAlias = Annotated[
    float,
    PlainValidator(_share),
    PlainSerializer(lambda share: f"{share * _WHOLE:g}%", return_type=str),
    WithJsonSchema({"type": "string", "pattern": f"^ *[0-9]+(\\.[0-9]+)? *% *$|{VARIABLE_USE}"}),
]
"""A part of a whole, written in percent."""


class LimitsSpec(Spec):
    """What a run never passes.

    What is planned to pass a limit is not begun, and a run that takes too long is stopped in good
    order, both with exit code 8. What hosts are asked a second is held back instead.
    """

    max_download: Size | None = None
    """Stored bytes that may come from stores, caches left out. Where a store cannot tell sizes, the
    most that they can be counts; `chunks_info` narrows that. A job whose servers, mounts or `pull`
    use stores is not begun with it: others decide what those fetch."""
    max_requests: Annotated[int, WholeNumber(0, _MOST_REQUESTS)] | None = None
    """Questions that stores may be asked, caches left out; planning itself is not counted. Servers,
    mounts and `pull` cannot keep it, as `max_download`."""
    max_cost: Cost | None = None
    """What places may ask for all of it by their `prices`, such as `5 EUR`; of what is not known
    exactly the most that it can be counts. A job needs a place with prices for it; `--max-cost`,
    which may be given to every job alike, only warns where there is none."""
    max_deletions: Annotated[int, WholeNumber(0, _MOST_REQUESTS)] | None = None
    """How many chunk files and indexes may be removed, from their places and then from
    quarantine: an index that no rule of a `prune` keeps counts, and one that a mirror lets go."""
    max_deletion_share: Share | None = None
    """Which part of a store's chunk files, and of the indexes of a place that a root or mirror
    looks at, may be removed at a time, by default `50%`; of quarantine, which part of all that the
    place has with it."""
    max_duration: TimeLimit | None = None
    """How long a run may take, planning included. Servers and mounts end well then, as they do
    whenever they are stopped, so that alone is no exit code 8."""
    max_bandwidth: Bandwidth | None = None
    """Bytes a second from and to each host, such as `10 MiB`, whatever the `policy` of its places
    allows; directories are on no host."""
    max_requests_per_second: Rate | None = None
    """Requests a second to each host, whatever the `policy` of its places allows."""

    @property
    def on_costs(self) -> bool:
        """Whether any limit is on what planning finds out."""
        limits = (self.max_download, self.max_requests, self.max_cost)
        return any(one is not None for one in limits)
