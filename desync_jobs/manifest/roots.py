"""Places full of indexes, and which of those count."""

from typing import Annotated, Final, TypeAlias
from urllib.parse import quote

from pydantic import AfterValidator, WithJsonSchema

from desync_jobs.manifest.base import Spec
from desync_jobs.manifest.indexes import split_index_url
from desync_jobs.manifest.locations import Kind, parse_location
from desync_jobs.manifest.paths import check_path
from desync_jobs.manifest.quantities import Duration
from desync_jobs.manifest.scalars import WholeNumber

_MOST: Final = 1_000_000


def _place_of_indexes(text: str) -> str:
    location = parse_location(check_path(text))
    if location.kind is not Kind.DIRECTORY:
        beginning, mark, query = text.partition("?")
        split_index_url(parse_location(f"{beginning.rstrip('/')}/x{mark}{query}"))
    return text


PlaceOfIndexes: TypeAlias = Annotated[
    str, AfterValidator(_place_of_indexes), WithJsonSchema({"type": "string", "minLength": 1})
]
"""A directory or a URL with indexes below it."""


def below(place: str, name: str) -> str:
    """Return what is called `name` below `place`; the query of a URL stays that of the place."""
    if parse_location(place).kind is Kind.DIRECTORY:
        return f"{place.rstrip('/')}/{name}"
    beginning, mark, query = place.partition("?")
    return f"{beginning.rstrip('/')}/{quote(name)}{mark}{query}"


class IndexesBelowSpec(Spec):
    """All indexes below a place."""

    url: PlaceOfIndexes
    """A directory relative to the job file, or a URL, that can be listed; everything below it is
    looked at."""
    include: tuple[str, ...] = ("*.caibx", "*.caidx")
    """Patterns of the names of indexes; one with a `/` is held against the whole name below `url`,
    any other against its last part."""
    exclude: tuple[str, ...] = ()
    """Patterns of names that are no indexes though they look like it."""


class RootSpec(IndexesBelowSpec):
    """All indexes below a place: what they need is kept."""

    keep_last: Annotated[int, WholeNumber(0, _MOST)] = 0
    """How many of the newest indexes are kept. With any rule of this kind, indexes that no rule
    keeps are removed, and then their chunks. Without any, all are kept."""
    keep_daily: Annotated[int, WholeNumber(0, _MOST)] = 0
    """For how many days that have indexes the newest of the day (UTC) is kept."""
    keep_for: Duration | None = None
    """The age up to which every index is kept."""
    golden: tuple[str, ...] = ()
    """Patterns of the names of indexes that are always kept."""
    tombstones: tuple[str, ...] = ()
    """Patterns of the names of indexes that are removed whatever the other rules say, but for
    `golden`."""

    @property
    def keeps_all(self) -> bool:
        """Whether there is no rule about ages."""
        return not self.keep_last and not self.keep_daily and self.keep_for is None
