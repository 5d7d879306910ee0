"""Where the bytes of a file lie, as the file system says: `FS_IOC_FIEMAP` (fiemap.rst)."""

import fcntl
import struct
from dataclasses import dataclass
from typing import Final

_FS_IOC_FIEMAP: Final = 0xC020660B
_HEADER: Final = struct.Struct("=QQIIII")
_EXTENT: Final = struct.Struct("=QQQ16xI12x")
_AT_MOST: Final = 1000
_SYNC: Final = 0x1
_SHARED: Final = 0x2000

Ranges = list[tuple[int, int]]
"""Begins and ends in a file, in bytes; neighbours are joined."""


@dataclass(frozen=True, slots=True)
class Extent:
    begin: int
    physical: int
    length: int
    flags: int

    @property
    def end(self) -> int:
        return self.begin + self.length


def extents(fd: int) -> list[Extent]:
    """Return the extents of an open file, after it was synced."""
    request = bytearray(_HEADER.size + _AT_MOST * _EXTENT.size)
    _HEADER.pack_into(request, 0, 0, (1 << 64) - 1, _SYNC, 0, _AT_MOST, 0)
    fcntl.ioctl(fd, _FS_IOC_FIEMAP, request)
    count = _HEADER.unpack_from(request)[3]
    assert count < _AT_MOST
    return [
        Extent(*_EXTENT.unpack_from(request, _HEADER.size + at * _EXTENT.size))
        for at in range(count)
    ]


def mapped(fd: int) -> Ranges:
    """Return what of a file is no hole."""
    return _joined([(one.begin, one.end) for one in extents(fd)])


def flagged_shared(fd: int) -> Ranges:
    """Return what of a file is also in another place, or in another file."""
    return _joined([(one.begin, one.end) for one in extents(fd) if one.flags & _SHARED])


def in_the_same_place(left: int, right: int) -> Ranges:
    """Return what of file `right` lies in the same blocks as something of file `left`."""
    found = []
    for one in extents(right):
        for other in extents(left):
            begin = max(one.physical, other.physical)
            end = min(one.physical + one.length, other.physical + other.length)
            if begin < end:
                shift = one.begin - one.physical
                found.append((begin + shift, end + shift))
    return _joined(found)


def _joined(ranges: Ranges) -> Ranges:
    joined: Ranges = []
    for begin, end in sorted(ranges):
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((begin, end))
    return joined
