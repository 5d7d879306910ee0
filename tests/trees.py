"""Trees of every kind of entry, the same for the same seed. Made by root."""

import os
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

_NOBODY = 0xFFFFFFFF
_NAMES = (
    "a",
    "b.o",
    ".hidden",
    "żółć",
    "with space",
    "x" * 200,
    "-",
    "#",
    "back\\slash",
    "new\nline",
)
_SPECIAL = (stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK)
_TIMES = (0, 1, 1_600_000_000_123_456_789, -1_234_567_891, 2**33 * 10**9)
_OWNERS = (0, 1, 4, 1000, 41_000, 65_534, 70_000)


def acl(*entries: tuple[int, int, int]) -> bytes:
    """Return an access list as its attribute has it: tag, permissions, ID of each entry."""
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


def guarded(random: Random) -> bytes:
    """Return some access list with named entries."""
    users = sorted(random.sample(_OWNERS, random.randint(0, 2)))
    groups = sorted(random.sample(_OWNERS, random.randint(0, 2)))
    return acl(
        (1, 7, _NOBODY),
        *((2, random.randrange(8), number) for number in users),
        (4, random.randrange(8), _NOBODY),
        *((8, random.randrange(8), number) for number in groups),
        (16, random.randrange(8), _NOBODY),
        (32, random.randrange(8), _NOBODY),
    )


def need_root() -> None:
    """Skip the test where this is not root."""
    if os.geteuid() != 0:
        pytest.skip("makes devices and gives files away; run it as root")


def grow(top: Path, seed: int) -> None:
    """Make a tree at `top`."""
    random = Random(seed)
    top.mkdir()
    _fill(top, random, depth=3)
    _finish(top, random)


def _fill(folder: Path, random: Random, depth: int) -> None:
    for name in random.sample(_NAMES, random.randint(0, 6)):
        path = folder / name
        match random.randrange(10):
            case 0 | 1 | 2 if depth:
                path.mkdir()
                _fill(path, random, depth - 1)
                if random.randrange(3) == 0:
                    os.setxattr(path, "system.posix_acl_default", guarded(random))
            case 3:
                path.symlink_to(random.choice(["../x", "/etc/passwd", "nowhere"]))
            case 4 | 5 | 6:
                device = os.makedev(random.randrange(512), random.randrange(1 << 18))
                os.mknod(path, random.choice(_SPECIAL) | 0o640, device)
            case _:
                path.write_bytes(random.randbytes(random.choice([0, 1, 70, 5000, 70_000, 300_000])))
                if random.randrange(4) == 0:
                    os.setxattr(path, "security.capability", bytes.fromhex("01000002" + "00" * 16))
        _attributes(path, random)


def _attributes(path: Path, random: Random) -> None:
    os.chown(path, random.choice(_OWNERS), random.choice(_OWNERS), follow_symlinks=False)
    if path.is_symlink():
        return
    if path.is_dir() or path.is_file():
        for name in random.sample(
            ["user.a", "user.b.c", "trusted.x", "user.é"], random.randint(0, 2)
        ):
            os.setxattr(path, name, random.randbytes(random.randrange(40)))
    if random.randrange(4) == 0:
        os.setxattr(path, "system.posix_acl_access", guarded(random))
    elif random.randrange(3):
        path.chmod(random.randrange(0o10000))


def _finish(top: Path, random: Random) -> None:
    for folder, folders, files in os.walk(top, topdown=False):
        for name in sorted(folders) + sorted(files):
            when = random.choice(_TIMES)
            os.utime(Path(folder, name), ns=(when, when), follow_symlinks=False)
    os.utime(top, ns=(7, 7))


@contextmanager
def mounted_at(kind: str, folder: Path) -> Iterator[None]:
    """Mount a file system without a device while inside; skips where that is not possible."""
    import subprocess

    need_root()
    done = subprocess.run(["mount", "-t", kind, "none", folder], capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"{kind} cannot be mounted: {done.stderr.decode().strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


def small_tree(top: Path) -> Path:
    """Make a tree whose names have another order by their bytes than in a dictionary."""
    for name in ("B", "a/x", "a/y/z", "é"):
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_bytes(b"content of " + name.encode())
    (top / "a" / "empty").mkdir()
    return top
