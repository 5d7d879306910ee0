"""Build the reference directory tree that the archives in this folder were made from.

usage: build_tree.py DEST        (as root: it makes device nodes, owners and trusted.* attributes)

Every byte, owner, mode and time is fixed, so the archives can be made again and compared.
"""

import hashlib
import os
import socket
import stat
import struct
import sys
from pathlib import Path

T0 = 1_600_000_000_000_000_000  # ns


def ctr(n: int, prefix: bytes = b"") -> bytes:
    """First n bytes of SHA-256(prefix + LE64(0)) + SHA-256(prefix + LE64(1)) + ..."""
    out = bytearray()
    i = 0
    while len(out) < n:
        out += hashlib.sha256(prefix + struct.pack("<Q", i)).digest()
        i += 1
    return bytes(out[:n])


def build(root: Path) -> None:
    os.umask(0)
    root.mkdir()
    files = {
        "README": (b"hello\n", 0o644),
        "empty": (b"", 0o600),
        "bin/tool": (ctr(70_000, b"tool"), 0o4755),
        "bin/shared": (ctr(100, b"s"), 0o2711),
        "big": (ctr(400_000, b"big") + bytes(300_000) + ctr(50_000, b"big2"), 0o640),
        "żółć ü/naïve name.txt": ("zażółć\n".encode(), 0o644),
        "with space and #hash\\back": (b"x", 0o444),
        "deep/a/b/c/d/e/f/leaf": (b"leaf\n", 0o644),
        "many/.keep": (b"", 0o644),
    }
    for i in range(40):
        files[f"many/file-{i:02d}"] = (ctr(i * 37, b"%d" % i), 0o644)
    for name, (data, mode) in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        path.chmod(mode)
    (root / "empty-dir").mkdir(mode=0o1777)
    (root / "empty-dir").chmod(0o1777)
    (root / "link-rel").symlink_to("README")
    (root / "link-up").symlink_to("../outside")
    (root / "link-abs").symlink_to("/etc/hostname")
    (root / "link-dangling").symlink_to("żółć ü/missing")
    os.link(root / "README", root / "hardlink-to-README")
    os.mkfifo(root / "fifo", 0o620)
    with socket.socket(socket.AF_UNIX) as s:
        here = os.getcwd()
        os.chdir(root)
        s.bind("sock")
        os.chdir(here)
    os.mknod(root / "chardev", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    os.mknod(root / "blockdev", stat.S_IFBLK | 0o660, os.makedev(7, 300))
    os.setxattr(root / "README", "user.comment", b"a value")
    os.setxattr(root / "README", "user.empty", b"")
    os.setxattr(root / "bin", "user.dir", b"\x00\xff")
    os.setxattr(root / "bin/tool", "trusted.note", b"kept by root")
    os.setxattr(
        root / "bin/shared",
        "security.capability",
        bytes.fromhex("0100000200200000000000000000000000000000"),
    )
    os.chown(root / "big", 41000, 41001)
    os.chown(root / "many/file-03", 65534, 100)
    os.lchown(root / "link-rel", 12345, 54321)
    step = 0
    for folder, dirs, names in os.walk(root, topdown=False):
        dirs.sort()
        for name in sorted(names):
            os.utime(Path(folder, name), ns=(T0, T0 + step * 1_234_567_891), follow_symlinks=False)
            step += 1
    os.utime(root / "empty", ns=(T0, -86_400_000_000_000), follow_symlinks=False)
    folders = [Path(folder) for folder, _, _ in os.walk(root)]
    folders.sort(key=lambda path: str(path).encode(), reverse=True)
    for place, path in enumerate(folders):
        os.utime(path, ns=(T0, T0 + place * 1_000_000_001))


if __name__ == "__main__":
    build(Path(sys.argv[1]))
