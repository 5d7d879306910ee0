"""What was seen of the world before planning, as values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from desync_jobs.formats.index import Index


VOLATILE: Final[Mapping[str, bool]] = MappingProxyType({"volatile": True})
"""The metadata of a dataclass's field that no fingerprint has."""


class FileKind(Enum):
    """What a path is, symbolic links followed."""

    ABSENT = "absent"
    REGULAR = "regular file"
    DIRECTORY = "directory"
    DEVICE = "device"
    STREAM = "stream"
    """Standard input or output, a pipe or a socket: can be read or written once."""
    REMOTE = "URL"
    """Elsewhere; whether it is there is seen when it is read."""


@dataclass(frozen=True, slots=True)
class FileFacts:
    """A file that an operation reads or writes."""

    path: str
    """Absolute, or `-`."""
    kind: FileKind
    size: int = 0
    """Bytes; 0 for what has no size before it is read."""
    identity: tuple[int, int] | None = field(default=None, metadata=VOLATILE)
    """Device and inode."""
    modified: int | None = None
    """When a regular file was last written to, in nanoseconds."""
    allocated: int = field(default=0, metadata=VOLATILE)
    """Bytes of disk that a regular file takes: less than its size where it has holes."""

    @property
    def present(self) -> bool:
        """Whether it is there."""
        return self.kind is not FileKind.ABSENT


@dataclass(frozen=True, slots=True, eq=False)
class IndexFacts:
    """An index that was read and is valid."""

    path: str
    index: "Index"
    file_digest: str
    """SHA-256 of the index file, in hex: binds a plan to what it was made from."""
    identity: tuple[int, int] | None = field(default=None, metadata=VOLATILE)
    """Device and inode."""


@dataclass(frozen=True, slots=True, eq=False)
class SeedFacts:
    """A blob at hand whose chunks can be used."""

    name: str
    """As declared; with the blob's path where it is one of a directory."""
    blob: FileFacts
    index: "Index"
    """What the blob is said to hold; every chunk is checked when it is used."""
    automatic: bool = False
    """Whether the runner made the index, so that nobody else answers for it."""
    written: bool = False
    """Whether it is a target of the operation that it is a seed of."""


@dataclass(frozen=True, slots=True)
class TreeFacts:
    """A directory tree at hand; what chunks it has is known when its files were read."""

    place: str
    """What plans and statistics call it."""
    path: str


@dataclass(frozen=True, slots=True)
class TreeSeen:
    """A directory tree as it stands: everything that tells whether it has changed, but content."""

    path: str
    """Its top, absolute."""
    entries: int
    """Everything in it that is read, the top counted."""
    bytes: int
    """Content of its files."""
    exact: bool
    """Whether just that is read; otherwise some of it may be left out."""
    digests: Mapping[str, str]
    """By path: of `.`, the top, all together; of as many others as are not too many to be kept.

    A path that ends in a slash is that of a directory whose digest stands for all that is in it;
    nothing of that is here.
    """


@dataclass(frozen=True, slots=True)
class DiskFacts:
    """A file system that is written to."""

    path: str
    """A folder on it."""
    device: int = field(metadata=VOLATILE)
    """Its number, as in the identity of its files."""
    free: int | None = field(metadata=VOLATILE)
    """Bytes that this process may still write; None where it does not say."""
    block: int = 4096
    """Bytes of its blocks."""
    shares: bool = False
    """Whether files may share blocks, as far as its kind tells."""
    compresses: bool = False
    """Whether it may store what is written in fewer blocks than that has."""


@dataclass(frozen=True, slots=True)
class StoreFacts:
    """A store or cache as it stands."""

    name: str
    location: str
    """Its directory, absolute, or its URL."""
    present: bool
    """Whether its directory exists; what is elsewhere is taken to be there."""
