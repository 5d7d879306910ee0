"""desync's dialect of archives, written for those who have to read it with desync.

Every archive claims the same features, whatever it has. Extended attributes are kept as they are,
those of the system too, each with a NUL after its value; there are no other records of metadata.
"""

import os
import stat
from typing import Final

from desync_jobs.archive.metadata import Described, Metadata
from desync_jobs.archive.names import NamesOf
from desync_jobs.formats.catar.features import DESYNC_FLAGS, select_features
from desync_jobs.formats.catar.node import Node
from desync_jobs.formats.catar.records import Xattr
from desync_jobs.formats.flags import FeatureFlags

_F = FeatureFlags

_KEPT: Final = (
    "32bit-uids",
    "nsec-time",
    "permissions",
    "symlinks",
    "device-nodes",
    "xattrs",
)
# desync takes them for directories when it reads its own archives.
_LEFT_OUT: Final = {stat.S_IFIFO: "the FIFO", stat.S_IFSOCK: "the socket"}


class DesyncMetadata(Metadata):
    """Reads what desync keeps; `without` are features that are left out of that."""

    def __init__(self, without: tuple[str, ...], *, one_file_system: bool) -> None:
        submounts = _F.EXCLUDE_SUBMOUNTS if one_file_system else FeatureFlags(0)
        features = select_features(_KEPT, without, submounts)
        super().__init__(features, DESYNC_FLAGS)
        self._keeps_all = self.wants_lists = bool(features & _F.XATTRS)

    @property
    def plain(self) -> None:
        """Nothing: desync has every attribute, and no owners' names."""
        return

    def node(self, found: Described, names: NamesOf) -> Node:  # noqa: ARG002 - desync has no names
        attributes = sorted(found.attributes(), key=os.fsencode) if self._keeps_all else []
        return Node(
            found.name,
            self.entry(found),
            xattrs=tuple(
                Xattr(os.fsencode(name), found.attribute(name) + b"\0") for name in attributes
            ),
            body=found.body(),
        )

    def takes(self, mode: int, name: bytes) -> bool:
        kind = _LEFT_OUT.get(stat.S_IFMT(mode))
        if kind is not None:
            self.unkept.add(kind, name)
        return super().takes(mode, name)
