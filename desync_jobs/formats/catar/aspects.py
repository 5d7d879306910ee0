"""Groups of what an archive keeps of a node, as a user names them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

ASPECTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "owner": "uid, gid, user and group",
        "permissions": "mode and access lists",
        "times": "when it was changed",
        "xattrs": "extended attributes",
        "selinux": "the SELinux label",
        "capabilities": "what a program may do",
        "flags": "attributes of chattr and of FAT",
        "project": "whose quota it counts against",
    }
)
"""Groups of attributes that a comparison can leave out, with what is in each."""
