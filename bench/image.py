"""The data: an ext4 image of 1.5 GiB, built from this machine's own files.

A third of it is files, the rest free space, as in an image that was just installed; more
content means less that repeats, and a larger share for compression.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator

_SOURCES = ("/usr/lib", "/usr/share", "/usr/bin", "/usr/local", "/opt", "/var/lib")
_IMAGE = 1536 << 20
_LARGEST_FILE = 64 << 20


_CHANGED_EVERY = 20
"""One file in so many is another one in the second version."""


def build_image(path: str, staging: str, content: int, version: int = 1) -> None:
    """Write an ext4 image with `content` bytes of files to `path`; `staging` is removed again.

    Version 2 leaves out every twentieth file and has others instead, as after an upgrade.
    """
    taken = 0
    for number, source in enumerate(_files()):
        if version != 1 and number % _CHANGED_EVERY == 0:
            continue
        size = os.stat(source).st_size
        copy = os.path.join(staging, source.lstrip("/"))
        os.makedirs(os.path.dirname(copy), exist_ok=True)
        shutil.copyfile(source, copy)
        taken += size
        if taken >= content:
            break
    subprocess.run(
        ["mke2fs", "-q", "-t", "ext4", "-d", staging, path, f"{_IMAGE >> 10}k"],
        check=True,
        env=os.environ | {"PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"},
    )
    shutil.rmtree(staging)


def _files() -> Iterator[str]:
    for top in _SOURCES:
        for folder, folders, names in os.walk(top):
            folders.sort()
            for name in sorted(names):
                path = os.path.join(folder, name)
                if _wanted(path):
                    yield path


def _wanted(path: str) -> bool:
    return (
        not os.path.islink(path)
        and os.path.isfile(path)
        and os.access(path, os.R_OK)
        and os.stat(path).st_size <= _LARGEST_FILE
    )
