"""`mkdev`: a blob as a block device of this machine."""

from typing import ClassVar, Literal

from desync_jobs.manifest.nbd import NbdSpec
from desync_jobs.manifest.paths import FilePath


class MkdevSpec(NbdSpec):
    """Attach a blob to a block device of this machine, which is only read, until stopped."""

    fixed: ClassVar[tuple[str, ...]] = ("index", "memory", "device", "drain")

    kind: Literal["mkdev"]
    """Attaches a blob to a block device."""
    device: FilePath | None = None
    """The device, such as `/dev/nbd0`; by default the first that is free."""
