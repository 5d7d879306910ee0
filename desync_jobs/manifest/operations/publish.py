"""`publish`: chunks, then indexes, then what says which of them is current."""

import os
from collections.abc import Iterator
from typing import Annotated, Final, Literal

from pydantic import Field

from desync_jobs.manifest.access import Access, access
from desync_jobs.manifest.archive import ARCHIVE_SUFFIX
from desync_jobs.manifest.base import Found, OperationBase, Spec
from desync_jobs.manifest.index_places import PlaceOfIndexes, below
from desync_jobs.manifest.indexes import SUFFIX, IndexFile, split_index_url
from desync_jobs.manifest.locations import Kind, parse_location
from desync_jobs.manifest.paths import FilePath


class PublishMirrorSpec(Spec):
    """A further place that gets everything that is published."""

    store: str | None = None
    """The store that its readers use; without it, that of the operation."""
    indexes_to: PlaceOfIndexes
    """The directory or URL where its readers find indexes."""


class PublishSpec(OperationBase):
    """Make indexes and their chunks public, so that nobody ever sees a part of it.

    First every chunk, then every index, then every alias, every pointer, and the head; each only
    when all before it are in their place, in every place, and have been looked at there. All of it
    is done under the leases of the stores. Where it fails, whoever reads what is last, the head or
    otherwise pointers or aliases, has what was current before.
    """

    kind: Literal["publish"]
    """Publishes indexes with their chunks."""
    indexes: Annotated[tuple[IndexFile, ...], Field(min_length=1)]
    """The indexes."""
    stores: Annotated[tuple[str, ...], Field(min_length=1)]
    """Stores that have their chunks; a chunk that is missing in one is looked for in the next."""
    store: str
    """The store that the public reads."""
    indexes_to: PlaceOfIndexes
    """The directory or URL where the public finds indexes: each under the last part of its name."""
    mirrors: tuple[PublishMirrorSpec, ...] = ()
    """Further places that get the same: what is in `indexes_to` follows when they have it."""
    aliases: dict[str, str] = Field(default={})
    """Further names there that indexes have, such as `latest.caibx`, each with the name of its
    index: a copy that takes the place of the one before."""
    pointers: dict[str, str] = Field(default={})
    """Text files there, such as `LATEST`, each with the name of the index whose name it has, in a
    line: for readers that look there first."""
    head: str | None = None
    """The name of a JSON file there that says which indexes were published last, with size and
    SHA-256 of each."""
    chunks_info: FilePath | None = None
    """A file written by `inspect-chunks`: tells a preview the stored sizes that a store cannot."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names that the indexes get, in their order."""
        return tuple(map(_last_part, self.indexes))

    @property
    def places(self) -> tuple[str, ...]:
        """The places that get indexes, in the order in which they do: the public one is last."""
        return (*(one.indexes_to for one in self.mirrors), self.indexes_to)

    @property
    def filled(self) -> tuple[str, ...]:
        """The names of the stores that get chunks, each once."""
        mirrored = [one.store for one in self.mirrors if one.store is not None]
        return tuple(dict.fromkeys([*mirrored, self.store]))

    def access(self) -> Access:
        head = [] if self.head is None else [self.head]
        named = dict.fromkeys((*self.names, *self.aliases, *self.pointers, *head))
        # What no file can be called is a contradiction, and is told as one.
        every = [one for one in named if "\0" not in one]
        written = [below(place, one) for place in self.places for one in every]
        # What is published from its place stays as it is.
        there = set(map(_normal, self.indexes))
        return access(
            reads=[*self.indexes, self.chunks_info],
            writes=[one for one in written if _normal(one) not in there],
            uses_stores=self.stores,
            adds_to=self.filled,
        )

    def contradictions(self) -> Iterator[Found]:
        """Yield what is wrong with the keys of this operation together."""
        for at, name in enumerate(self.names):
            if name in self.names[:at]:
                yield ("indexes",), f"two of them would be {name} in {self.indexes_to}"
        yield from self._of_files()
        places = [_normal(one) for one in (self.indexes_to, *map(_place, self.mirrors))]
        for at, place in enumerate(places[1:]):
            if place in places[: at + 1]:
                yield ("mirrors", at, "indexes_to"), "gets the same already"

    def _of_files(self) -> Iterator[Found]:
        seen = set(self.names)
        named = {"aliases": self.aliases, "pointers": self.pointers}
        for key, name in ((key, name) for key, table in named.items() for name in table):
            index = named[key][name]
            if index not in self.names:
                known = ", ".join(self.names)
                yield (key, name), f"no index here is called {index!r}; there is {known}"
            elif key == "pointers" and index.splitlines() != [index]:
                yield (key, name), f"{index!r} has a line end, and a pointer is one line"
            yield from _UNFIT[key]((key, name), name, seen)
            seen.add(name)
        if self.head is not None:
            yield from _unfit_text(("head",), self.head, seen)


def _place(mirror: PublishMirrorSpec) -> str:
    return mirror.indexes_to


def _unfit(where: tuple[str, ...], name: str, seen: set[str]) -> Iterator[Found]:
    if name in seen:
        yield where, f"{name!r} is the name of another file there"
    elif "/" in name or "\0" in name or name.splitlines() != [name] or name in (".", ".."):
        yield where, f"{name!r} is no plain name; it is the name of a file beside the indexes"


def _unfit_text(where: tuple[str, ...], name: str, seen: set[str]) -> Iterator[Found]:
    found = list(_unfit(where, name, seen))
    yield from found
    if not found and name.endswith((SUFFIX, ARCHIVE_SUFFIX)):
        yield where, f"{name!r} is what an index is called, and is read as one by collectors"


_UNFIT: Final = {"aliases": _unfit, "pointers": _unfit_text}


def _normal(text: str) -> str:
    location = parse_location(text)
    local = location.kind is Kind.DIRECTORY
    return os.path.normpath(location.path) if local else text.rstrip("/")


def _last_part(text: str) -> str:
    location = parse_location(text)
    if location.kind is Kind.DIRECTORY:
        return os.path.basename(location.path)
    return split_index_url(location)[1]
