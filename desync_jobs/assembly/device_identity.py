"""What a block device is, whatever number it is given: what the kernel tells of it in sysfs.

Numbers and names of devices are given out anew at each boot, in any order. What stays: the UUID of
a mapped or joined device, the file behind a loop device, the wwid or serial number of a disk; and
of a partition its own UUID or name, with what identifies its disk.
"""

import os
from typing import Final

from desync_jobs.assembly.statx import born

_SYSFS: Final = "/sys"

_UUIDS: Final = ("dm/uuid", "md/uuid")
_SERIALS: Final = ("wwid", "device/wwid", "device/cid", "serial", "device/serial")
"""The first that says anything: of disks in general, of MMC, of virtio and NVMe."""


def stable_identity(device: int, sysfs: str = _SYSFS) -> str | None:
    """Return what identifies the block device numbered `device` after the next boot too.

    One line; None where it has nothing but its number.
    """
    node = f"{sysfs}/dev/block/{os.major(device)}:{os.minor(device)}"
    if os.path.exists(f"{node}/partition"):
        # A partition is in the folder of its disk.
        return _partition(node, _whole(f"{node}/.."))
    return _whole(node)


def _whole(node: str) -> str | None:
    for name in _UUIDS:
        uuid = _read(f"{node}/{name}")
        if uuid:
            return f"{name} {uuid}"
    backing = _read(f"{node}/loop/backing_file")
    if backing:
        file = _file(backing)
        return None if file is None else f"loop {file} {_loop_range(node)}"
    for name in _SERIALS:
        serial = _read(f"{node}/{name}")
        if serial:
            return f"{name} {_read(f'{node}/device/model')} {serial}"
    return None


def _loop_range(node: str) -> str:
    return f"{_read(f'{node}/loop/offset')} {_read(f'{node}/loop/sizelimit')}"


def _partition(node: str, disk: str | None) -> str | None:
    told = dict(line.split("=", 1) for line in _read(f"{node}/uevent").splitlines() if "=" in line)
    place = f"{_read(f'{node}/start')} {_read(f'{node}/size')}"
    if "PARTUUID" in told:
        return f"partition {told['PARTUUID']} at {place} of {disk}"
    if disk is None:
        return None
    return f"partition {told.get('PARTN')} {told.get('PARTNAME')} at {place} of {disk}"


def _file(path: str) -> str | None:
    """Identify the file behind a loop device; None where it is not there under its name."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        found, made = os.fstat(fd), born(fd)
        return f"{0 if made else found.st_dev} {found.st_ino} {made}"
    finally:
        os.close(fd)


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read().strip()
    except OSError:
        return ""
