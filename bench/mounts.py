"""What is timed of mounts: a blob read through one, from its beginning to its end and at random.

casync cannot mount a blob where the kernel has no network block devices; it mounts a tree that has
the blob as its only file.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable

from bench.mounted import READ_SIZE, READS
from bench.timing import Command
from bench.works import OURS, Folder, Work


def mount_works(folder: Folder, size: int) -> list[Work]:
    """Return the works; nothing where nothing can be mounted.

    Expects `image`, `image.caibx` and `store.castr`.
    """
    if os.geteuid() != 0 or not os.path.exists("/dev/fuse"):
        return []
    place = folder.at("mounted")
    store = folder.at("store.castr")
    blob = f"mount-index -s {store} {folder.at('image.caibx')} {place}"
    tree = f"mount --store={folder.at('tree.castr')} {folder.at('tree.caidx')} {place}"
    lines = {
        "desync-run": [*OURS, *blob.split(), "--quiet"],
        "casync": ["casync", *tree.split()],
        "desync": ["desync", *blob.split()],
    }

    def work(how: str, read: int) -> Work:
        reading = [sys.executable, "-m", "bench.mounted", how, place, "image"]
        commands = [
            Command(program, [*reading, *line], _tree_of(folder) if program == "casync" else _no)
            for program, line in lines.items()
            if program == "desync-run" or shutil.which(program)
        ]
        return Work(f"mount, {how} reads", read, tuple(commands))

    return [work("sequential", size), work("random", READS * READ_SIZE)]


def _no() -> None:
    """Have nothing to prepare: the kernel forgets what it read of a file system that is gone."""


def _tree_of(folder: Folder) -> Callable[[], None]:
    """Return a function that archives a tree with the image in it, unless that is done."""

    def archive() -> None:
        index = folder.at("tree.caidx")
        if os.path.exists(index):
            return
        os.mkdir(folder.at("tree"))
        os.link(folder.at("image"), folder.at("tree/image"))
        store = f"--store={folder.at('tree.castr')}"
        subprocess.run(["casync", "make", store, index, folder.at("tree")], check=True)

    return archive
