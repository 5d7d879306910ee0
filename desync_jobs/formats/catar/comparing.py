"""Two trees held against each other: both are read once, in order, and neither is kept."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from hashlib import new as new_hash
from typing import Final

from desync_jobs.errors import ArchiveFormatError
from desync_jobs.formats.catar.attributes import Value, attributes
from desync_jobs.formats.catar.listing import escaped
from desync_jobs.formats.catar.node import Node, NodeKind
from desync_jobs.formats.catar.reading import Closed, Event, Opened
from desync_jobs.formats.catar.records import Payload
from desync_jobs.formats.catar.rules import keeps_kind

_CONTENT_DIGEST: Final = "sha512_256"
"""The same for both trees, whatever digest their archives have."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A node with what is in it."""

    path: bytes
    """Names from the root, joined by `/`; the root's own is `.`."""
    node: Node
    digest: str | None = None
    """Of a file's content."""

    @property
    def features(self) -> int:
        """The feature flags of the tree that it is in."""
        return self.node.entry.feature_flags

    @property
    def size(self) -> int | None:
        """Bytes of a file; None for what has none."""
        return self.node.body.size if isinstance(self.node.body, Payload) else None


def seen(events: Iterator[Event], name: str) -> Iterator[Seen]:
    """Yield the nodes of a tree; `ArchiveFormatError` where its names are not in order."""
    before: list[bytes] | None = None
    digest = None
    for event in events:
        match event:
            case Opened(path, node):
                here = _key(path)
                if before is not None and here <= before:
                    raise ArchiveFormatError(
                        f"{name}: {escaped(path)} comes after {escaped(b'/'.join(before))}, and "
                        "only archives whose names are in order can be compared; unpack it and "
                        "archive that"
                    )
                before = here
                if node.kind is NodeKind.FILE:
                    digest = new_hash(_CONTENT_DIGEST)
                else:
                    yield Seen(path, node)
            case memoryview() if digest is not None:
                digest.update(event)
            case Closed(path, node) if digest is not None:
                yield Seen(path, node, digest.hexdigest())
                digest = None


def _key(path: bytes) -> list[bytes]:
    """Return what paths are ordered by: a directory comes before everything in it."""
    return [] if path == b"." else path.split(b"/")


class Change(Enum):
    """What became of a path."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Difference:
    """An attribute that is not the same."""

    attribute: str
    old: Value
    new: Value


@dataclass(frozen=True, slots=True)
class Changed:
    """A path that is not the same in both trees."""

    path: bytes
    change: Change
    kind: NodeKind
    """What it is in the newer tree, or was in the older where it is removed."""
    size: int | None
    """Bytes of a file."""
    differences: tuple[Difference, ...] = ()
    """Of what is in both."""


def compare(
    old: Iterator[Seen], new: Iterator[Seen], ignored: frozenset[str] = frozenset()
) -> Iterator[Changed | None]:
    """Yield for each path what changed, or None where nothing did.

    Only what both trees keep is compared: a time to the coarser unit, and nothing that the feature
    flags of either leave out. `ignored` names aspects, as `attributes` has them.
    """
    features = [0, 0]
    for one, other in _merged(old, new):
        for side, found in enumerate((one, other)):
            if found is not None:
                features[side] = found.features
        if one is not None and other is not None:
            differences = tuple(_differences(one, other, ignored))
            change = Changed(other.path, Change.CHANGED, other.node.kind, other.size, differences)
            yield change if differences else None
        elif one is not None:
            # What the other tree could not have is not missed there.
            kept = keeps_kind(features[1], one.node.kind)
            yield Changed(one.path, Change.REMOVED, one.node.kind, one.size) if kept else None
        elif other is not None:
            kept = keeps_kind(features[0], other.node.kind)
            yield Changed(other.path, Change.ADDED, other.node.kind, other.size) if kept else None


def _merged(old: Iterator[Seen], new: Iterator[Seen]) -> Iterator[tuple[Seen | None, Seen | None]]:
    """Pair the nodes that have the same path, in order."""
    one, other = next(old, None), next(new, None)
    while one is not None or other is not None:
        if other is None or (one is not None and _key(one.path) < _key(other.path)):
            yield one, None
            one = next(old, None)
        elif one is None or _key(other.path) < _key(one.path):
            yield None, other
            other = next(new, None)
        else:
            yield one, other
            one, other = next(old, None), next(new, None)


def _differences(one: Seen, other: Seen, ignored: frozenset[str]) -> Iterator[Difference]:
    if one == other:
        return
    if one.node.kind is not other.node.kind:
        yield Difference("type", one.node.kind.value, other.node.kind.value)
        return
    shared = one.features, other.features
    before = attributes(one.node, one.digest, shared, ignored)
    after = attributes(other.node, other.digest, shared, ignored)
    other_size = before.get("size") != after.get("size")
    for name in dict.fromkeys((*before, *after)):
        # Contents of other sizes are other contents.
        told = name != "content" or not other_size
        if before.get(name) != after.get(name) and told:
            yield Difference(name, before.get(name), after.get(name))
