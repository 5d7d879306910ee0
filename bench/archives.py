"""Directory trees as archives and back: a part of this machine's `/usr`, against casync and desync.

Everything that casync keeps is kept. desync, where it is installed, keeps less.
"""

import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from zlib import crc32

from bench.works import Folder, Work, commands

_TOP = "/usr"


def archive_works(folder: Folder, size: int) -> list[Work]:
    """Return every work on archives, in an order in which each has what it needs.

    Makes a tree with about `size` bytes of files, called `usr`.
    """
    size, at = build_tree(folder.at("usr"), size), folder.at
    usr, catar, caidx, store = at("usr"), at("usr.catar"), at("usr.caidx"), at("usr.castr")
    peer = {"catar": at("peer.catar"), "caidx": at("peer.caidx"), "store": at("peer.castr")}

    def work(name: str, lines: Mapping[str, str], fresh: Mapping[str, tuple[str, ...]]) -> Work:
        found = (
            commands({program: line}, folder.emptied(*fresh.get(program, fresh["all"])))
            for program, line in lines.items()
        )
        return Work(name, size, tuple(one for some in found for one in some))

    def unpacking(name: str, option: str, fresh: tuple[str, ...]) -> Work:
        lines = {"desync-run": f"untar {option}{catar} {at('new')}"}
        lines |= {"casync": f"extract {catar} {at('new')}", "desync": f"untar {catar} {at('new')}"}
        return work(name, lines, {"all": fresh})

    return [
        work(
            "tar of /usr",
            {
                "desync-run": f"tar {catar} {usr}",
                "casync": f"make {peer['catar']} {usr}",
                "desync": f"tar {peer['catar']} {usr}",
            },
            {"desync-run": ("usr.catar",), "all": ("peer.catar",)},
        ),
        work(
            "tar of /usr into chunks",
            {
                "desync-run": f"tar -s {store} {caidx} {usr}",
                "casync": f"make --store={peer['store']} {peer['caidx']} {usr}",
                "desync": f"tar -i -s {peer['store']} {peer['caidx']} {usr}",
            },
            {"desync-run": ("usr.castr", "usr.caidx"), "all": ("peer.castr", "peer.caidx")},
        ),
        unpacking("untar of /usr", "", ("new",)),
        unpacking("untar of /usr, atomic", "--atomic ", ("new",)),
        unpacking("untar of /usr, nothing to change", "", ()),
        work(
            "untar of /usr from chunks",
            {
                "desync-run": f"untar -s {store} {caidx} {at('new')}",
                "casync": f"extract --store={store} {caidx} {at('new')}",
                "desync": f"untar -i -s {store} {caidx} {at('new')}",
            },
            {"all": ("new",)},
        ),
    ]


def build_tree(path: str, size: int) -> int:
    """Copy files of `/usr` that have about `size` bytes together; returns how many they have.

    They are spread evenly over all that is there, and the same in every run.
    """
    found = list(_files())
    every = max(1, sum(length for _, length in found) // size)
    taken = 0
    for source, length in found:
        if crc32(os.fsencode(source)) % every == 0:
            copy = os.path.join(path, os.path.relpath(source, _TOP))
            os.makedirs(os.path.dirname(copy), exist_ok=True)
            shutil.copy2(source, copy, follow_symlinks=False)
            taken += length
    return taken


def _files() -> Iterator[tuple[str, int]]:
    """Yield the path and size of each file and link; links have no size."""
    for folder, folders, names in os.walk(_TOP):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(folder, name)
            found = os.lstat(path)
            if stat.S_ISREG(found.st_mode):
                yield path, found.st_size
            elif stat.S_ISLNK(found.st_mode):
                yield path, 0
