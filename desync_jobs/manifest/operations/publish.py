"""`publish`: chunks, then indexes, then what says which of them is current."""

import os
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from desync_jobs.manifest.access import Access, access
from desync_jobs.manifest.base import OperationBase
from desync_jobs.manifest.indexes import IndexFile, split_index_url
from desync_jobs.manifest.locations import Kind, parse_location
from desync_jobs.manifest.paths import FilePath
from desync_jobs.manifest.roots import PlaceOfIndexes, below

Found = tuple[tuple[str, ...], str]
"""The key within the operation, and the message."""


class PublishSpec(OperationBase):
    """Make indexes and their chunks public, so that nobody ever sees a part of it.

    First every chunk, then every index, then every alias, then the head; each only when all before
    it are in their place and have been looked at there. All of it is done under the lease of the
    store. Where it fails, whoever reads alias and head has what was current before.
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
    aliases: dict[str, str] = Field(default={})
    """Further names there that indexes have, such as `latest.caibx`, each with the name of its
    index: a copy that takes the place of the one before."""
    head: str | None = None
    """The name of a JSON file there that says which indexes were published last, with size and
    SHA-256 of each."""
    chunks_info: FilePath | None = None
    """A file written by `inspect-chunks`: tells a preview the stored sizes that a store cannot."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names that the indexes get, in their order."""
        return tuple(map(_last_part, self.indexes))

    def access(self) -> Access:
        every = (*self.names, *self.aliases, *([] if self.head is None else [self.head]))
        return access(
            reads=[*self.indexes, self.chunks_info],
            writes=[below(self.indexes_to, one) for one in dict.fromkeys(every)],
            uses_stores=self.stores,
            adds_to=[self.store],
        )

    def contradictions(self) -> Iterator[Found]:
        """Yield what is wrong with the keys of this operation together."""
        seen = set()
        for name in self.names:
            if name in seen:
                yield ("indexes",), f"two of them would be {name} in {self.indexes_to}"
            seen.add(name)
        for alias, name in self.aliases.items():
            if name not in self.names:
                yield ("aliases", alias), f"{name!r} is not the name of an index of this operation"
            if alias in seen or "/" in alias or alias in ("", ".", ".."):
                yield ("aliases", alias), "is no name of its own beside the indexes"
        if self.head is not None and (
            self.head in {*seen, *self.aliases, "", ".", ".."} or "/" in self.head
        ):
            yield ("head",), "is no name of its own beside indexes and aliases"


def _last_part(text: str) -> str:
    location = parse_location(text)
    if location.kind is Kind.DIRECTORY:
        return os.path.basename(location.path)
    return split_index_url(location)[1]
