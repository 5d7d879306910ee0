"""Runs of files and links with nothing special about them, archived in one go.

Whom such files belong to is learnt from those that came the long way; what follows of known owners
is read and written down by `core._tree`. It stops before whatever has an attribute, is too large
for its memory, cannot be read or changes meanwhile: that goes the long way, one by one.
"""

import struct
from itertools import takewhile
from typing import Final, NamedTuple

from desync_jobs.archive.attributes import bits_of_chattr
from desync_jobs.archive.exclude import NOTHING_EXCLUDED
from desync_jobs.archive.filesystem import BTRFS, FAT, PSEUDO, WITH_PROJECTS
from desync_jobs.archive.folder import Folder, Listed
from desync_jobs.archive.metadata import Metadata
from desync_jobs.core.tree import TREE
from desync_jobs.formats.catar.encode import encode
from desync_jobs.formats.catar.node import Node

_ROOM: Final = 1 << 20
_MOST: Final = 64
"""Names that `core._tree` takes."""
_MOST_OWNERS: Final = 256
_PATIENCE: Final = 4
"""Times in a directory that nothing comes of it before nobody tries any more."""
_OWNERS: Final = struct.Struct("=3I")
_UNKNOWN: Final = frozenset({*PSEUDO, FAT, BTRFS})
"""File systems whose files may have more than others."""
_EVERY_FLAG: Final = -1


class Run(NamedTuple):
    """Nodes that come one after the other in a directory."""

    names: list[bytes]
    data: bytes
    """Their names, records and contents."""
    ends: list[int]
    """Where each of them ends in that."""


class Runs:
    """Reads runs of one tree."""

    def __init__(self, metadata: Metadata) -> None:
        self._plain = metadata.plain
        self._recorded = metadata.recorded
        self._chattr = bits_of_chattr(_EVERY_FLAG) if metadata.reads_flags else 0
        self._out = bytearray(_ROOM if TREE is not None and metadata.plain is not None else 0)
        self._known: set[tuple[int, int]] = set()
        self._owners = b""

    def learn(self, owner: tuple[int, int], node: Node) -> None:
        """Take note of the owners of a node that came the long way."""
        if owner not in self._known and len(self._known) < _MOST_OWNERS:
            data = b"".join(encode(one) for one in (node.user, node.group) if one is not None)
            self._known.add(owner)
            self._owners += _OWNERS.pack(*owner, len(data)) + data

    def read(self, folder: Folder) -> Run | None:
        """Return those that come next in a directory; None where they have to go the long way."""
        if (
            TREE is None
            or self._plain is None
            or not self._owners
            or folder.patience == 0
            or folder.exclusion is not NOTHING_EXCLUDED
            or folder.file_system in _UNKNOWN
        ):
            return None
        ahead = folder.entries[folder.taken : folder.taken + _MOST]
        found = list(takewhile(_is_plain, ahead))
        if not found:
            return None
        names = [name for name, _ in found]
        links = bytes([one.is_symlink() for _, one in found])
        ends = TREE.gather(
            self._out,
            folder.fd,
            folder.device,
            names,
            links,
            self._owners,
            self._recorded,
            self._plain.tick,
            self._plain.lists,
            self._chattr,
            self._plain.projects and folder.file_system in WITH_PROJECTS,
        )
        if not ends:
            folder.patience -= 1
            return None
        folder.taken += len(ends)
        with memoryview(self._out) as out:
            return Run(names[: len(ends)], bytes(out[: ends[-1]]), ends)


def _is_plain(listed: Listed) -> bool:
    _, entry = listed
    return entry.is_file(follow_symlinks=False) or entry.is_symlink()
