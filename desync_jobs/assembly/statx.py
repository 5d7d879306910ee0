"""What statx(2) knows of an open file and Python does not tell."""

import ctypes
import struct
from typing import Final

_SIZE: Final = 256
_AT_EMPTY_PATH: Final = 0x1000

_BTIME: Final = 0x800
_BTIME_OFFSET: Final = 80

_DIOALIGN: Final = 0x2000
_DIO_OFFSET_ALIGN_OFFSET: Final = 156


def born(fd: int) -> int:
    """Return when a file was made, in nanoseconds; 0 where nobody knows."""
    answer = _statx(fd, _BTIME)
    if answer is None:
        return 0
    seconds, nanoseconds = struct.unpack_from("=qI", answer, _BTIME_OFFSET)
    return int(seconds) * 1_000_000_000 + int(nanoseconds)


def direct_alignment(fd: int) -> int | None:
    """Return what offsets and lengths of direct writes are aligned to, in bytes.

    0 says that the file has no direct writes, None that nobody knows.
    """
    answer = _statx(fd, _DIOALIGN)
    if answer is None:
        return None
    (alignment,) = struct.unpack_from("=I", answer, _DIO_OFFSET_ALIGN_OFFSET)
    return int(alignment)


def _statx(fd: int, wanted: int) -> bytes | None:
    """Return the answer; None where it does not have what is `wanted`."""
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "statx"):
        return None
    answer = ctypes.create_string_buffer(_SIZE)
    if libc.statx(fd, b"", _AT_EMPTY_PATH, wanted, answer) != 0:
        return None
    (known,) = struct.unpack_from("=I", answer)
    return answer.raw if known & wanted else None
