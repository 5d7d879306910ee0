"""Directory trees: what an update of one takes, with the old version as a seed."""

import os
from collections.abc import Mapping

from bench.image import stage_files
from bench.works import Folder, Work, commands

_TIME = 1_500_000_000


def build_trees(folder: Folder, content: int) -> None:
    """Make `tree-1` and `tree-2`, with files of this machine that have `content` bytes in all."""
    for version in (1, 2):
        top = folder.at(f"tree-{version}")
        stage_files(top, content, version)
        # Directories of both were made just now.
        for path, _, _ in os.walk(top):
            os.utime(path, (_TIME, _TIME))


def tree_works(folder: Folder, size: int) -> list[Work]:
    """Return every piece of work on trees, in an order in which each has what it needs."""
    at = folder.at
    index, new = at("tree-2.caidx"), at("tree-new")
    from_store = f"--store={at('tree-2.castr')}"

    def work(name: str, ours: str, casync: str, fresh: Mapping[str, tuple[str, ...]]) -> Work:
        lines = {"desync-run": ours, "casync": casync}
        found = (
            commands({program: line}, folder.emptied(*fresh[program]))
            for program, line in lines.items()
        )
        return Work(name, size, tuple(one for some in found for one in some))

    unpacked = {"desync-run": ("tree-new",), "casync": ("tree-new",)}
    seeded = f"--seed={at('tree-1')} {index} {new}"
    return [
        work(
            "tar into chunks",
            f"tar {from_store} {index} {at('tree-2')}",
            f"make --store={at('peer.castr')} {at('peer.caidx')} {at('tree-2')}",
            {
                "desync-run": ("tree-2.castr", "tree-2.caidx"),
                "casync": ("peer.castr", "peer.caidx"),
            },
        ),
        work(
            "untar from chunks",
            f"untar {from_store} {index} {new}",
            f"extract {from_store} {index} {new}",
            unpacked,
        ),
        work(
            "untar next version with seed",
            f"untar {from_store} {seeded}",
            f"extract {from_store} {seeded}",
            # What is kept of seeds is in the cache.
            {"desync-run": ("tree-new", "cache"), "casync": ("tree-new",)},
        ),
        work(
            "untar next version with known seed",
            f"untar {from_store} {seeded}",
            f"extract {from_store} {seeded}",
            unpacked,
        ),
    ]
