"""What every driver promises: batches of names in, an answer for each out.

A name is a path below the place, such as `0fac/0fac27….cacnk`: no leading slash, no `..`, any
character a file name may have; the driver quotes it as its protocol wants. Drivers are safe to call
from many threads, keep as many requests in flight as their policy allows, retry as it says, and
count what they did. That an object is not there is an answer. A place that cannot answer at
all raises `StoreError`, which names the place and the object.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, runtime_checkable

from desync_jobs.manifest.capability import Capability

__all__ = [
    "Capability",
    "CreatingPlace",
    "ObjectEntry",
    "ObjectPlace",
    "OrderedPlace",
    "TooLarge",
    "Traffic",
    "Unusable",
]


NOWHERE: Final = "/"
"""Where a link leads that leads to nothing; no object is called so."""


@dataclass(frozen=True, slots=True)
class ObjectEntry:
    """One object as a listing shows it."""

    name: str
    size: int
    modified: float | None = None
    """Seconds since 1970; None where the place does not tell."""
    leads_to: str | None = None
    """Where the object is reached by way of a link, its own name, empty where it has none here;
    `NOWHERE` of a link to nothing. None for what is no link."""


@dataclass(frozen=True, slots=True)
class TooLarge:
    """The answer for an object that is larger than asked for; none of it is kept."""

    size: int | None = None
    """Bytes, where the place told."""


@dataclass(frozen=True, slots=True)
class Unusable:
    """The answer for an object that is there and whose content cannot be had."""

    reason: str
    """Begins with "it" or "its", for a message that names the object."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """What a driver did since it was opened."""

    requests: int = 0
    """Requests sent, repeated ones included."""
    retries: int = 0
    """How many of those repeated one that failed."""
    seconds: float = 0.0
    """Time spent in calls of the driver, added up over threads."""


class ObjectPlace(Protocol):
    """A flat place of named objects."""

    @property
    def name(self) -> str:
        """How messages and statistics call it."""
        ...

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What this place can do."""
        ...

    def get(self, names: Sequence[str], limit: int) -> Sequence[bytes | TooLarge | Unusable | None]:
        """Return the content of each object of at most `limit` bytes; None where there is none.

        A body that ends early is a failed attempt, never a short answer.
        """
        ...

    def sizes(self, names: Sequence[str]) -> list[int | None]:
        """Return the size of each object without reading it; None where there is none.

        -1 where it is there and the place does not tell its size.
        """
        ...

    def put(self, objects: Sequence[tuple[str, bytes]], content_type: str) -> None:
        """Write each object whole, in place of what is there; what is needed above it is made."""
        ...

    def delete(self, names: Sequence[str]) -> None:
        """Remove each object; nothing happens where it is already gone."""
        ...

    def entries(self, prefix: str) -> Iterator[ObjectEntry]:
        """List every object whose name begins with `prefix`, in no particular order.

        A listing is no snapshot, and some servers show an object more than once after several
        writers put it at the same time: who counts must count names.
        """
        ...

    def traffic(self) -> Traffic:
        """Return what was done so far."""
        ...


@runtime_checkable
class CreatingPlace(ObjectPlace, Protocol):
    """A place that can make an object only where there is none."""

    def create(self, name: str, data: bytes, content_type: str) -> bool:
        """Write an object whole where none of its name is; tells whether it was written."""
        ...


@runtime_checkable
class OrderedPlace(Protocol):
    """A place that lists objects in the order of their names, beginning anywhere."""

    def entries_between(self, first: str, last: str) -> Iterator[ObjectEntry]:
        """List every object whose name is greater than `first` and less than `last`."""
        ...
