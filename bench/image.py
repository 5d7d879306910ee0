"""The data: an ext4 image of 1.5 GiB, built from this machine's own files.

A third of it is files, the rest free space, as in an image that was just installed; more
content means less that repeats, and a larger share for compression.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from random import Random

_SOURCES = ("/usr/lib", "/usr/share", "/usr/bin", "/usr/local", "/opt", "/var/lib")
IMAGE_SIZE = 1536 << 20
_LARGEST_FILE = 64 << 20
_LARGEST_PART = 8
"""No file is more than one part in so many of the content."""
_CHANGED_EVERY = 20
"""One file in so many is another one in the second version."""


def stage_files(top: str, content: int, version: int = 1) -> None:
    """Copy files with `content` bytes in all to `top`, with their times.

    Version 2 leaves out every twentieth file and has others instead, as after an upgrade.
    """
    taken = 0
    largest = min(_LARGEST_FILE, content // _LARGEST_PART)
    for number, source in enumerate(_files(largest)):
        if version != 1 and number % _CHANGED_EVERY == 0:
            continue
        copy = os.path.join(top, source.lstrip("/"))
        os.makedirs(os.path.dirname(copy), exist_ok=True)
        shutil.copyfile(source, copy)
        shutil.copystat(source, copy)
        taken += os.stat(source).st_size
        if taken >= content:
            break


def build_image(
    path: str, staging: str, content: int, version: int = 1, size: int = IMAGE_SIZE
) -> None:
    """Write an ext4 image with `content` bytes of files to `path`; `staging` is removed again."""
    stage_files(staging, content, version)
    subprocess.run(
        ["mke2fs", "-q", "-t", "ext4", "-b", "4096", "-d", staging, path, f"{size >> 10}k"],
        check=True,
        env=os.environ | {"PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"},
    )
    shutil.rmtree(staging)


_STRETCH = 1 << 20


def change_image(path: str, changed: str) -> None:
    """Copy an image to `changed`, with other bytes for a twentieth of it, spread evenly.

    One mebibyte in every twenty is random, so the change is the same in every run.
    """
    shutil.copyfile(path, changed)
    random = Random(0)
    with open(changed, "r+b") as file:
        for begin in range(0, os.stat(path).st_size, _STRETCH * _CHANGED_EVERY):
            file.seek(begin + (_CHANGED_EVERY // 2) * _STRETCH)
            file.write(random.randbytes(_STRETCH))


def _files(largest: int) -> Iterator[str]:
    for top in _SOURCES:
        for folder, folders, names in os.walk(top):
            folders.sort()
            for name in sorted(names):
                path = os.path.join(folder, name)
                if _wanted(path, largest):
                    yield path


def _wanted(path: str, largest: int) -> bool:
    return (
        not os.path.islink(path)
        and os.path.isfile(path)
        and os.access(path, os.R_OK)
        and os.stat(path).st_size <= largest
    )
