"""What is timed of mounts: a blob read through one, from its beginning to its end and at random.

casync cannot mount a blob where the kernel has no network block devices; it mounts a tree that has
the blob as its only file. That tree is mounted by ours too.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence

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
    blobs = {
        "desync-run": [*OURS, *blob.split(), "--quiet"],
        "casync": ["casync", *tree.split()],
        "desync": ["desync", *blob.split()],
    }
    trees = {
        "desync-run": [*OURS, *tree.split(), "--quiet"],
        "casync": ["casync", *tree.split()],
    }

    def work(what: str, lines: Mapping[str, Sequence[str]], how: str, read: int) -> Work:
        reading = [sys.executable, "-m", "bench.mounted", how, place, "image"]
        commands = [
            Command(program, [*reading, *line], _tree_of(folder) if "mount" in line else _no)
            for program, line in lines.items()
            if program == "desync-run" or shutil.which(program)
        ]
        return Work(f"{what}, {how} reads", read, tuple(commands))

    works = [
        work("mount", blobs, "sequential", size),
        work("mount", blobs, "random", READS * READ_SIZE),
    ]
    if shutil.which("casync"):  # which makes the tree's index
        works += [
            work("mount of a tree", trees, "sequential", size),
            work("mount of a tree", trees, "random", READS * READ_SIZE),
        ]
    return works


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
