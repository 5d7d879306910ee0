"""What is served: one blob under a name."""

from dataclasses import dataclass
from typing import Final

from desync_jobs.assembly.random_access import RandomAccess
from desync_jobs.formats.nbd.values import ExportFlag

_ABLE: Final = (
    ExportFlag.HAS_FLAGS | ExportFlag.READ_ONLY | ExportFlag.CAN_MULTI_CONN | ExportFlag.SEND_CACHE
)


@dataclass(slots=True)
class Export:
    """A blob under a name. `blob` may be exchanged for one with the same content."""

    name: str
    blob: RandomAccess
    description: str = ""

    @property
    def size(self) -> int:
        """Bytes of the device."""
        return self.blob.size

    def flags(self, *, structured: bool) -> ExportFlag:
        """Return what it can do; with structured replies, to send a read in one piece."""
        return _ABLE | ExportFlag.SEND_DF if structured else _ABLE

    def called(self, name: str) -> bool:
        """Tell whether a client that asks for `name` means this one; it is the default too."""
        return name in ("", self.name)
