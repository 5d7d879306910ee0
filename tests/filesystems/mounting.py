"""File systems and block devices of their own, made of files; root is needed."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from desync_jobs.testing.programs import require_program

_MAKE: Final = {
    "btrfs": ["mkfs.btrfs", "-q"],
    "ext4": ["mke2fs", "-q", "-t", "ext4", "-m", "0"],
    "xfs": ["mkfs.xfs", "-q", "-m", "reflink=1"],
}

_IN_MEMORY: Final = {"tmpfs", "ramfs"}

_LEAST: Final = {"btrfs": 128, "xfs": 320}
"""Megabytes below which a program refuses to make its file system; the image is sparse."""


@contextmanager
def mounted(kind: str, folder: Path, megabytes: int) -> Iterator[Path]:
    """Mount a new file system of at least `megabytes` at `folder`, which is made.

    `kind` is `tmpfs`, `ramfs`, `ext4`, `btrfs` or `xfs`.
    """
    if os.geteuid() != 0:
        pytest.skip("mounting a file system needs root")
    if kind in _IN_MEMORY:
        arguments = ["-t", kind, "-o", f"size={megabytes}m", "none"]
    else:
        image = folder.with_suffix(".img")
        _make(kind, image, max(megabytes, _LEAST.get(kind, 0)))
        arguments = ["-t", kind, "-o", "loop", os.fspath(image)]
    folder.mkdir()
    attempt = subprocess.run(
        ["mount", *arguments, folder], capture_output=True, text=True, check=False
    )
    if attempt.returncode != 0:
        pytest.skip(f"no {kind} can be mounted here: {attempt.stderr.strip()}")
    try:
        yield folder
    finally:
        # A failed run that a test still holds keeps its store's folder open: let go of it later.
        subprocess.run(["umount", "--lazy", folder], check=True)


def _make(kind: str, image: Path, megabytes: int) -> None:
    name, *options = _MAKE[kind]
    program = require_program(name)
    with image.open("wb") as file:
        file.truncate(megabytes << 20)
    subprocess.run([program, *options, image], check=True)


@contextmanager
def attached(backing: Path, content: bytes) -> Iterator[str]:
    """Make a block device of `content`, a multiple of a sector, kept in the file `backing`."""
    backing.write_bytes(content)
    with attached_file(backing) as device:
        yield device


@contextmanager
def attached_file(backing: Path, *options: str) -> Iterator[str]:
    """Make a block device of a file, whose size is a multiple of a sector; losetup's options."""
    if os.geteuid() != 0:
        pytest.skip("attaching a loop device needs root")
    program = require_program("losetup")
    attempt = subprocess.run(
        [program, "--find", "--show", *options, backing],
        capture_output=True,
        text=True,
        check=False,
    )
    if attempt.returncode != 0:
        pytest.skip(f"no loop device can be had here: {attempt.stderr.strip()}")
    device = attempt.stdout.strip()
    try:
        yield device
    finally:
        subprocess.run([program, "--detach", device], check=True)
