"""What a file system has room for, and what its kind can do.

The kind is what the mount table says (proc_pid_mountinfo(5)) of the mount point that leads to a
path; `statvfs(3)` says what is free.
"""

import os
from typing import Final

from desync_jobs.planner.facts import DiskFacts

_MOUNTS: Final = "/proc/self/mountinfo"
_SHARING: Final = {"xfs", "btrfs", "bcachefs", "ocfs2", "zfs", "nfs4", "cifs", "overlay"}
_COMPRESSING: Final = {"btrfs", "bcachefs", "zfs", "f2fs", "ubifs", "jffs2", "ntfs3", "erofs"}
_BLOCKS: Final = {1 << power for power in range(9, 18)}
_BLOCK: Final = 4096


def disk_facts(path: str) -> DiskFacts | None:
    """Look at the file system on which `path` (absolute) is or will be; None where nothing is."""
    place = os.path.realpath(path)
    while not os.path.exists(place) and place != os.path.dirname(place):
        place = os.path.dirname(place)
    folder = place if os.path.isdir(place) else os.path.dirname(place)
    try:
        found, device = os.statvfs(folder), os.stat(folder).st_dev
    except OSError:
        return None
    kind = _kind(folder)
    left = found.f_bfree if os.geteuid() == 0 else found.f_bavail
    return DiskFacts(
        folder,
        device,
        # One without a limit of its own says that it has no blocks at all.
        left * found.f_frsize if found.f_blocks else None,
        found.f_bsize if found.f_bsize in _BLOCKS else _BLOCK,
        shares=kind in _SHARING,
        compresses=kind in _COMPRESSING or kind.startswith("fuse"),
    )


def mounted_within(path: str) -> str | None:
    """Return the first place at or below `path` that something is mounted at, if any."""
    top = os.path.realpath(path)
    below = top.rstrip("/") + "/"
    points = sorted(point for point, _ in _mounts())
    return next((one for one in points if one == top or one.startswith(below)), None)


def _kind(folder: str) -> str:
    """Return the type of the file system that is mounted at `folder` or nearest above it."""
    nearest, kind = "", ""
    for point, mounted in _mounts():
        inside = folder == point or folder.startswith(point.rstrip("/") + "/")
        # Of two mounts at one place the later one hides the other.
        if inside and len(point) >= len(nearest):
            nearest, kind = point, mounted
    return kind


def _mounts() -> tuple[tuple[str, str], ...]:
    """Return mount points and types, in the order of mounting."""
    try:
        with open(_MOUNTS, encoding="utf-8", errors="surrogateescape") as table:
            rows = [line.split(" ") for line in table]
    except OSError:
        return ()
    return tuple((_unescaped(row[4]), row[row.index("-") + 1]) for row in rows)


def _unescaped(text: str) -> str:
    """Undo the octal escapes of blanks and backslashes."""
    for code in ("040", "011", "012", "134"):
        text = text.replace(f"\\{code}", chr(int(code, 8)))
    return text
