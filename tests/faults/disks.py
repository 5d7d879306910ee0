"""Small file systems of their own, to be filled and made read-only."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from desync_jobs.testing.programs import require_program

_ROUGHLY: Final = 256 << 10
_SYSTEM_PATH: Final = "/usr/sbin:/sbin"


@contextmanager
def mounted(kind: str, folder: Path, megabytes: int) -> Iterator[Path]:
    """Mount a new file system of `kind` (`tmpfs` or `ext4`) at `folder`, which is made."""
    if os.geteuid() != 0:
        pytest.skip("mounting a file system needs root")
    folder.mkdir()
    if kind == "tmpfs":
        arguments = ["-t", "tmpfs", "-o", f"size={megabytes}m", "none"]
    else:
        arguments = ["-o", "loop", os.fspath(_ext4_image(folder, megabytes))]
    attempt = subprocess.run(
        ["mount", *arguments, folder], capture_output=True, text=True, check=False
    )
    if attempt.returncode != 0:
        pytest.skip(f"no file system can be mounted here: {attempt.stderr.strip()}")
    try:
        yield folder
    finally:
        # A failed run that a test still holds keeps its store's folder open: let go of it later.
        subprocess.run(["umount", "--lazy", folder], check=True)


def _ext4_image(folder: Path, megabytes: int) -> Path:
    image = folder.with_suffix(".img")
    with image.open("wb") as file:
        file.truncate(megabytes << 20)
    program = shutil.which("mke2fs", path=_SYSTEM_PATH) or require_program("mke2fs")
    subprocess.run([program, "-q", "-t", "ext4", "-m", "0", image], check=True)
    return image


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
