"""What a run may come to at the most."""

import math
from typing import Annotated, Final, TypeAlias

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

from desync_jobs.manifest.base import Spec
from desync_jobs.manifest.policy import TimeLimit
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
    order, both with exit code 8. How fast and how often places are asked is in `policy`.
    """

    max_download: Size | None = None
    """Stored bytes that may come from stores, caches left out. Where a store cannot tell sizes, the
    most that they can be counts; `chunks_info` narrows that."""
    max_requests: Annotated[int, WholeNumber(0, _MOST_REQUESTS)] | None = None
    """Questions that stores may be asked, caches left out; planning itself is not counted."""
    max_deletions: Annotated[int, WholeNumber(0, _MOST_REQUESTS)] | None = None
    """How many chunk files may be removed, and indexes of mirrors."""
    max_deletion_share: Share | None = None
    """Which part of a store's chunk files, or of a mirror's indexes, may be removed at a time, by
    default `50%`."""
    max_duration: TimeLimit | None = None
    """How long a run may take, planning included."""

    @property
    def on_costs(self) -> bool:
        """Whether any limit is on what planning finds out."""
        return self.max_download is not None or self.max_requests is not None
