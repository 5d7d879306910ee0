"""Whether two open files or block devices stand on the same bytes of some storage.

A loop device stands on its backing file, a partition on a stretch of its disk, a device of the
device mapper or an array on others; sysfs says on which. What is not known to stand apart counts
as the same: devices under a device mapper are taken whole. Not seen are the blocks of a file in the
file system of a device, and backing files that this process cannot find by their names.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from typing import Final, NamedTuple

_DISKS: Final = "/sys/dev/block"
_SECTOR: Final = 512
"""Of all sizes and offsets of partitions in sysfs, whatever the device's own are."""
_END: Final = 1 << 63
_DEEPEST: Final = 32
"""Devices above each other; nobody has so many."""


class _Stretch(NamedTuple):
    """Bytes of one file or device."""

    of: tuple[str, int, int]
    begin: int
    end: int

    def meets(self, other: "_Stretch") -> bool:
        return self.of == other.of and self.begin < other.end and other.begin < self.end


def same_storage(left: int, right: int) -> bool:
    """Whether writing to the file open as `left` may change what is read from `right`."""
    mine, theirs = (list(_stretches(os.fstat(fd), 0, _END, _DEEPEST)) for fd in (left, right))
    return any(one.meets(other) for one in mine for other in theirs)


def _stretches(found: os.stat_result, begin: int, end: int, depth: int) -> Iterator[_Stretch]:
    """Yield what some bytes of a file or device are, on each level down to the lowest."""
    if stat.S_ISBLK(found.st_mode):
        yield from _of_device(found.st_rdev, begin, end, depth)
    else:
        yield _Stretch(("file", found.st_dev, found.st_ino), begin, end)


def _of_device(device: int, begin: int, end: int, depth: int) -> Iterator[_Stretch]:
    folder = os.path.realpath(f"{_DISKS}/{os.major(device)}:{os.minor(device)}")
    size = _number(f"{folder}/size")
    if size:
        end = min(end, size * _SECTOR)
    yield _Stretch(("device", device, 0), begin, end)
    if depth:
        yield from _of_disk(folder, begin, end, depth - 1)
        yield from _of_backing_file(folder, begin, end, depth - 1)
        for number in _slaves(folder):
            yield from _of_device(number, 0, _END, depth - 1)


def _of_disk(folder: str, begin: int, end: int, depth: int) -> Iterator[_Stretch]:
    """Yield the stretch of its disk that a partition is."""
    disk = _device(f"{folder}/../dev")
    if disk is not None and os.path.exists(f"{folder}/partition"):
        start = (_number(f"{folder}/start") or 0) * _SECTOR
        yield from _of_device(disk, begin + start, end + start, depth)


def _of_backing_file(folder: str, begin: int, end: int, depth: int) -> Iterator[_Stretch]:
    """Yield the stretch of its backing file that a loop device is."""
    path = _read(f"{folder}/loop/backing_file")
    if path:
        start = _number(f"{folder}/loop/offset") or 0
        with suppress(OSError):
            yield from _stretches(os.stat(path), begin + start, end + start, depth)


def _slaves(folder: str) -> Iterator[int]:
    with suppress(OSError):
        for name in os.listdir(f"{folder}/slaves"):
            device = _device(f"{folder}/slaves/{name}/dev")
            if device is not None:
                yield device


def _device(path: str) -> int | None:
    major, separator, minor = _read(path).partition(":")
    try:
        return os.makedev(int(major), int(minor)) if separator else None
    except ValueError:
        return None


def _number(path: str) -> int | None:
    text = _read(path)
    return int(text) if text.isdecimal() else None


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read().removesuffix("\n")
    except OSError:
        return ""
