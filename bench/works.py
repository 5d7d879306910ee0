"""What is timed: every command, as each program writes it."""

import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bench.resuming import killed_at
from bench.timing import Command

OURS = (sys.executable, "-m", "desync_jobs")
"""How this checkout is called, installed or not."""


@dataclass(frozen=True, slots=True)
class Folder:
    """Where everything happens; a tmpfs or a fresh file system."""

    root: str

    def at(self, name: str) -> str:
        """Return the path of `name` in it."""
        return os.path.join(self.root, name)

    def copied(self, source: str, target: str) -> Callable[[], None]:
        """Return a function that makes `target` a copy of `source`."""

        def copy() -> None:
            shutil.copyfile(self.at(source), self.at(target))

        return copy

    def emptied(self, *names: str) -> Callable[[], None]:
        """Return a function that makes these stores new and empty, and removes these files."""

        def empty() -> None:
            for name in names:
                path = self.at(name)
                if os.path.isdir(path):
                    shutil.rmtree(path)
                elif os.path.lexists(path):
                    os.unlink(path)
                if name.endswith(".castr"):
                    os.mkdir(path)

        return empty


@dataclass(frozen=True, slots=True)
class Work:
    """One piece of work, done by ours and by whichever peers can do it."""

    name: str
    bytes: int
    """Of the blob worked on, for a rate."""
    commands: tuple[Command, ...]


def commands(lines: Mapping[str, str], prepare: Callable[[], None]) -> tuple[Command, ...]:
    """Return the command lines of the programs that are here, ours first."""
    return tuple(
        Command(
            program,
            [*(OURS if program == "desync-run" else (program,)), *line.split()],
            prepare,
        )
        for program, line in lines.items()
        if program == "desync-run" or shutil.which(program)
    )


def works(folder: Folder, size: int) -> list[Work]:
    """Return every piece of work, in an order in which each has what it needs.

    Expects `image`, its `next` version, and `changed`, which is the image with a twentieth changed.
    """
    at = folder.at
    image, index, store = at("image"), at("image.caibx"), at("store.castr")
    following, next_store = at("next.caibx"), at("next.castr")

    def work(
        name: str,
        ours: str,
        peers: dict[str, str],
        *fresh: str,
        prepare: Callable[[], None] | None = None,
    ) -> Work:
        lines = {"desync-run": ours, **peers}
        return Work(name, size, commands(lines, prepare or folder.emptied(*fresh)))

    casync_make = f"make --store={at('peer.castr')} {at('peer.caibx')} {image}"
    return [
        work(
            "make, index only",
            f"make {at('i.caibx')} {image}",
            {"desync": f"make {at('d.caibx')} {image}"},
            "i.caibx",
            "d.caibx",
        ),
        work(
            "make",
            f"make -s {store} {index} {image}",
            {
                "casync": casync_make,
                "desync": f"make -s {at('desync.castr')} {at('d.caibx')} {image}",
            },
            "store.castr",
            "peer.castr",
            "desync.castr",
            "image.caibx",
            "peer.caibx",
            "d.caibx",
        ),
        work("make, nothing changed", f"make -s {store} {index} {image}", {}),
        work(
            "extract",
            f"extract -s {store} {index} {at('out')}",
            {
                "casync": f"extract --store={store} {index} {at('out')}",
                "desync": f"extract -s {store} {index} {at('out')}",
            },
            "out",
        ),
        work("extract, nothing to change", f"extract -s {store} {index} {at('out')}", {}),
        work(
            "extract in place, nothing to change",
            f"extract -k -s {store} {index} {at('out')}",
            {"desync": f"extract -k -s {store} {index} {at('out')}"},
        ),
        work(
            "make, next version",
            f"make -s {next_store} {following} {at('next')}",
            {},
            "next.castr",
            "next.caibx",
        ),
        work(
            "extract next version",
            f"extract -s {next_store} {following} {at('new')}",
            {"desync": f"extract -s {next_store} {following} {at('new')}"},
            "new",
        ),
        work(
            "extract next version with seed",
            f"extract -s {next_store} --seed {index}:{image} {following} {at('new')}",
            {
                "casync": f"extract --store={next_store} --seed={image} {following} {at('new')}",
                "desync": f"extract -s {next_store} --seed {index}:{image} {following} {at('new')}",
            },
            "new",
        ),
        work(
            "extract next version in place",
            f"extract -k -s {next_store} {following} {at('moved')}",
            {"desync": f"extract -k -s {next_store} {following} {at('moved')}"},
            prepare=folder.copied("image", "moved"),
        ),
        work(
            "make, 5 % changed",
            f"make -s {next_store} {at('changed.caibx')} {at('changed')}",
            {},
            "changed.caibx",
        ),
        work(
            "extract in place, 5 % changed",
            f"extract -k -s {next_store} {at('changed.caibx')} {at('moved')}",
            {"desync": f"extract -k -s {next_store} {at('changed.caibx')} {at('moved')}"},
            prepare=folder.copied("image", "moved"),
        ),
        _going_on("in place", f"extract -k -s {store} {index}", ("desync",), folder, size),
        _going_on("beside", f"extract -s {store} {index}", (), folder, size),
        work(
            "verify-index",
            f"verify-index {index} {image}",
            {"desync": f"verify-index {index} {image}"},
        ),
        work("verify", f"verify -s {store}", {"desync": f"verify -s {store}"}),
        work(
            "chop",
            f"chop -s {at('chop.castr')} {index} {image}",
            {"desync": f"chop -s {at('chop.castr')} {index} {image}"},
            "chop.castr",
        ),
        work(
            "cache",
            f"cache -s {store} -c {at('cache.castr')} {index}",
            {"desync": f"cache -s {store} -c {at('cache.castr')} {index}"},
            "cache.castr",
        ),
        work("cat", f"cat -s {store} {index}", {"desync": f"cat -s {store} {index}"}),
        work("chunk", f"chunk {image}", {"desync": f"chunk {image}"}),
        work("digest", f"digest {image}", {"casync": f"digest {image}"}),
        work("list-chunks", f"list-chunks {index}", {"desync": f"list-chunks {index}"}),
        work("info", f"info -s {store} {index}", {"desync": f"info -s {store} {index}"}),
        work(
            "inspect-chunks",
            f"inspect-chunks -s {store} {index}",
            {"desync": f"inspect-chunks -s {store} {index}"},
        ),
    ]


def _going_on(how: str, line: str, peers: Sequence[str], folder: Folder, size: int) -> Work:
    """Extract into a folder of its own, where a first run of the same was killed at 90 %."""
    area = folder.at("killed")
    found = []
    for program in ("desync-run", *filter(shutil.which, peers)):
        called = OURS if program == "desync-run" else (program,)
        arguments = [*called, *line.split(), f"{area}/target"]
        prepare = killed_at(0.9, arguments, area, folder.at("out"))
        found.append(Command(program, arguments, prepare))
    return Work(f"extract {how}, killed at 90 %", size, tuple(found))
