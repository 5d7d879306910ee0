"""Which pages of a file the page cache holds: mincore(2)."""

import ctypes
import mmap
import os
from pathlib import Path


def resident(path: Path | str) -> list[int]:
    """Return the numbers of the pages of a file or device that are in memory."""
    with open(path, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        if size == 0:
            return []
        # Private and writable, or ctypes would not take its address; nothing is written.
        with mmap.mmap(file.fileno(), size, access=mmap.ACCESS_COPY) as pages:
            marks = (ctypes.c_ubyte * -(-size // mmap.PAGESIZE))()
            first = ctypes.c_char.from_buffer(pages)
            address = ctypes.c_void_p(ctypes.addressof(first))
            answer = ctypes.CDLL(None).mincore(address, ctypes.c_size_t(size), marks)
            del first
    assert answer == 0
    return [number for number, mark in enumerate(marks) if mark & 1]
