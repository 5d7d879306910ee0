"""The real GNU tar and bsdtar, where they are installed."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from desync_jobs.testing.programs import require_program

_PATIENCE = 60

GNU_FORMATS = ("v7", "ustar", "oldgnu", "gnu", "posix")
BSD_FORMATS = ("v7tar", "ustar", "gnutar", "pax", "rpax")
EVERYTHING = ("--xattrs", "--xattrs-include=*", "--acls")


def gnu_tar(folder: Path, *arguments: str, allowed: Sequence[int] = (0,)) -> bytes:
    """Run GNU tar in `folder`; its exit code is 2 where a format cannot hold something."""
    return _ran(folder, "tar", arguments, allowed)


def bsdtar(folder: Path, *arguments: str, allowed: Sequence[int] = (0,)) -> bytes:
    """Run bsdtar in `folder`; its exit code is 1 where a format cannot hold something."""
    return _ran(folder, "bsdtar", arguments, allowed)


def plain_times(top: Path) -> None:
    """Have no time that a format cannot hold, and no fraction before 1970.

    bsdtar extracts what others write there as another time.
    """
    for path in (top, *top.rglob("*")):
        when = min(path.lstat().st_mtime_ns, 2**33 * 10**9 - 1)
        if when < 0:
            when = when // 10**9 * 10**9
        os.utime(path, ns=(when, when), follow_symlinks=False)


def _ran(folder: Path, program: str, arguments: Sequence[str], allowed: Sequence[int]) -> bytes:
    ended = subprocess.run(
        [require_program(program), *arguments],
        cwd=folder,
        capture_output=True,
        timeout=_PATIENCE,
        check=False,
    )
    assert ended.returncode in allowed, ended.stderr.decode()
    return ended.stdout
