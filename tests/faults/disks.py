"""File systems filled and made read-only."""

import os
import subprocess
from pathlib import Path
from typing import Final

_ROUGHLY: Final = 256 << 10


def make_read_only(disk: Path) -> None:
    """Let nobody write to a mounted file system any more, not even root."""
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)


def fill(disk: Path, leave: int = 0) -> Path:
    """Write a file that leaves about `leave` bytes free, and return its path."""
    filler = disk / "filler"
    found = os.statvfs(disk)
    with filler.open("wb", buffering=0) as file:
        file.write(bytes(max(found.f_bavail * found.f_frsize - leave - _ROUGHLY, 0)))
        # The rest block by block: a file system needs some for what it keeps itself.
        while _free(disk) > leave:
            try:
                file.write(bytes(found.f_frsize))
            except OSError:
                break
    return filler


def _free(disk: Path) -> int:
    found = os.statvfs(disk)
    return found.f_bavail * found.f_frsize
