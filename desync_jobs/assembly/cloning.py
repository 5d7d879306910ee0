"""A range of one open file → a range of another, shared where the file system can.

The whole blocks of a range are one `FICLONERANGE` (ioctl_ficlonerange(2)): both files
point at the same blocks afterwards, and nothing is read or written. Its ends, and everything
where blocks cannot be shared, go by copy_file_range(2), else through memory. No file
is made to find out what is possible: the first range tells, for all between those two devices.

Measured on two cores and loop devices, best of five, on XFS and Btrfs: 1 GiB is cloned in
0.13 ms and copied in 0.30 s and 0.76 s, not yet written out; 64 KiB are cloned in 14 µs and
19 µs, 7 of them Python's, and copied in 26 µs and 150 µs. On ext4 and tmpfs the copies take
0.63 s and 0.34 s, 31 µs and 34 µs. Clones into one file wait for one another: from two threads
they take three times as long as from one.
"""

import errno
import fcntl
import os
import stat
import struct
from typing import Final, NamedTuple, Protocol

from desync_jobs.assembly.buffers import Buffers, read_range
from desync_jobs.assembly.placing import Target, write_placed

_FICLONERANGE: Final[int] = getattr(fcntl, "FICLONERANGE", 0x4020940D)
"""Python names it from 3.12 on; the number is that of x86, Arm and RISC-V."""

_FILE_CLONE_RANGE: Final = struct.Struct("=qQQQ")

_UNSUPPORTED: Final = {errno.EOPNOTSUPP, errno.ENOTTY, errno.ENOSYS, errno.EXDEV}
"""Said by a pair of file systems; any other error is about one range or file."""

_HAS_COPY_FILE_RANGE: Final = hasattr(os, "copy_file_range")
"""Not in a Python that was built for an old C library."""

_BLOCK: Final = 4096
_BLOCKS: Final = {1 << power for power in range(9, 18)}
"""Sizes of blocks; a larger `st_blksize` is advice about transfers, as network mounts give."""

_BUFFER: Final = 1 << 20


class OpenFile(Protocol):
    """A source that can be read: an open file or block device, and how messages call it."""

    @property
    def fd(self) -> int: ...
    @property
    def name(self) -> str: ...


class Brought(NamedTuple):
    """How the bytes of a range came into the target."""

    cloned: int
    """Bytes in blocks that both files share."""
    copied: int
    """Bytes copied, by whoever: the kernel may have shared some of them too."""


class _Range(NamedTuple):
    source: OpenFile
    source_offset: int
    target: Target
    target_offset: int
    length: int

    def part(self, begin: int, end: int) -> "_Range":
        return _Range(
            self.source,
            self.source_offset + begin,
            self.target,
            self.target_offset + begin,
            end - begin,
        )


class _Pair(NamedTuple):
    source: os.stat_result
    target: os.stat_result

    @property
    def regular(self) -> bool:
        return stat.S_ISREG(self.source.st_mode) and stat.S_ISREG(self.target.st_mode)

    @property
    def devices(self) -> tuple[int, int]:
        return self.source.st_dev, self.target.st_dev


class RangeCopier:
    """Brings ranges from file to file; one object for all files and threads of a run.

    Sources need only be readable and targets writable, neither at any file position. Ranges of
    the same file must not overlap. What a target has outside of a range stays as it is.
    """

    def __init__(self) -> None:
        # Threads share these: to add is atomic, and to find a pair out twice does no harm.
        self._cannot_clone: set[tuple[int, int]] = set()
        self._cannot_copy: set[tuple[int, int]] = set()
        self._buffers = Buffers()

    def copy(
        self,
        source: OpenFile,
        source_offset: int,
        target: Target,
        target_offset: int,
        length: int,
    ) -> Brought:
        """Bring `length` bytes into `target`, sharing the whole blocks where that is possible.

        Less is brought where the source ends early; a regular file ends where it ended at first.
        Compare sizes, or digest what arrived. One call cannot be stopped: ask for as much
        as is worth waiting for. Raises `SourceError` where the source cannot be read and
        `TargetError` where the target cannot be written.
        """
        wanted, pair = _look_at(_Range(source, source_offset, target, target_offset, length))
        brought = self._share(wanted, pair)
        return brought if brought.cloned else Brought(0, self._copied(wanted, pair))

    def clone(
        self,
        source: OpenFile,
        source_offset: int,
        target: Target,
        target_offset: int,
        length: int,
    ) -> int:
        """Do what `copy` does if blocks can be shared, otherwise nothing.

        Returns how many bytes are shared; the ends of the range are copied then. 0 says that
        the range is for the caller to bring. Raises what `copy` does.
        """
        wanted, pair = _look_at(_Range(source, source_offset, target, target_offset, length))
        return self._share(wanted, pair).cloned

    def _share(self, wanted: _Range, pair: _Pair) -> Brought:
        """Share the whole blocks and copy the ends; without whole blocks, nothing is done."""
        begin, end = _whole_blocks(wanted, pair)
        if begin >= end or not self._cloned(wanted.part(begin, end), pair):
            return Brought(0, 0)
        # Through memory: before it finds that a part of a block cannot be shared, the copy of
        # Btrfs writes out what is around it, which costs twice as much or more.
        ends = [(0, begin), (end, wanted.length)]
        copied = sum(
            self._copied_through_memory(wanted.part(*piece))
            for piece in ends
            if piece[0] < piece[1]
        )
        return Brought(end - begin, copied)

    def _cloned(self, wanted: _Range, pair: _Pair) -> bool:
        if pair.devices in self._cannot_clone:
            return False
        request = _FILE_CLONE_RANGE.pack(
            wanted.source.fd, wanted.source_offset, wanted.length, wanted.target_offset
        )
        try:
            fcntl.ioctl(wanted.target.fd, _FICLONERANGE, request)
        except OSError as error:
            # Whatever it was, copying works or says what is wrong and with which file.
            if error.errno in _UNSUPPORTED:
                self._cannot_clone.add(pair.devices)
            return False
        return True

    def _copied(self, wanted: _Range, pair: _Pair) -> int:
        done = 0
        if pair.regular and _HAS_COPY_FILE_RANGE and pair.devices not in self._cannot_copy:
            done = self._copied_by_kernel(wanted, pair)
        return done + self._copied_through_memory(wanted.part(done, wanted.length))

    def _copied_by_kernel(self, wanted: _Range, pair: _Pair) -> int:
        """Copy as far as the kernel does."""
        done = 0
        try:
            while done < wanted.length:
                count = os.copy_file_range(
                    wanted.source.fd,
                    wanted.target.fd,
                    wanted.length - done,
                    wanted.source_offset + done,
                    wanted.target_offset + done,
                )
                if count == 0:
                    break
                done += count
        except OSError as error:
            # It does not say with which of the files; reading and writing will.
            if error.errno in _UNSUPPORTED:
                self._cannot_copy.add(pair.devices)
        return done

    def _copied_through_memory(self, wanted: _Range) -> int:
        done = 0
        while done < wanted.length:
            rest = wanted.part(done, wanted.length)
            with self._buffers.borrow(_BUFFER) as buffer:
                view = buffer[: rest.length]
                found = read_range(rest.source.fd, view, rest.source_offset, rest.source.name)
                if found == 0:
                    break
                done += write_placed(rest.target, [(rest.target_offset, view[:found])])
        return done


def _look_at(wanted: _Range) -> tuple[_Range, _Pair]:
    """Return what there is of a range, and what its files are.

    A source that is the target too may grow while it is copied; that is not what was asked for.
    """
    pair = _Pair(os.fstat(wanted.source.fd), os.fstat(wanted.target.fd))
    if stat.S_ISREG(pair.source.st_mode):
        there = max(pair.source.st_size - wanted.source_offset, 0)
        if there < wanted.length:
            wanted = wanted.part(0, there)
    return wanted, pair


def _whole_blocks(wanted: _Range, pair: _Pair) -> tuple[int, int]:
    """Return begin and end, within the range, of what can be shared.

    A block that the source's end cuts off counts as whole where the target ends there too.
    """
    block = pair.target.st_blksize if pair.target.st_blksize in _BLOCKS else _BLOCK
    if not pair.regular or (wanted.source_offset - wanted.target_offset) % block:
        return 0, 0
    begin, end = -wanted.source_offset % block, wanted.length
    source_end, target_end = wanted.source_offset + end, wanted.target_offset + end
    if source_end != pair.source.st_size or target_end < pair.target.st_size:
        end -= source_end % block
    return begin, end
