"""What is timed over a network: the store of the other works, behind a web server.

casync asks for one chunk after the other, so that it is timed beside the server alone: at a round
trip of 20 ms it would take minutes.
"""

import shutil
from collections.abc import Sequence

from bench.serving import Distance
from bench.timing import Command
from bench.works import OURS, Folder, Work


def remote_works(
    folder: Folder, size: int, distances: Sequence[Distance], own: Distance
) -> list[Work]:
    """Return the works at each distance and with `own`, which is this program's server.

    Expects `image.caibx` and `store.castr`.
    """
    index, out = folder.at("image.caibx"), folder.at("out")
    works = []
    for number, distance in enumerate([*distances, own]):
        store = distance.url if distance is own else f"{distance.url}/store.castr"
        extract = {
            "desync-run": f"extract -s {store} {index} {out}",
            "casync": f"extract --store={store} {index} {out}" if number == 0 else "",
            "desync": f"extract -s {store} {index} {out}",
        }
        info = f"info -s {store} {index}"
        lines = {f"extract, {distance.name}": extract}
        lines[f"info, {distance.name}"] = {"desync-run": info, "desync": info}
        works += [Work(name, size, _commands(folder, of)) for name, of in lines.items()]
    return works


def _commands(folder: Folder, lines: dict[str, str]) -> tuple[Command, ...]:
    return tuple(
        Command(
            program,
            [*(OURS if program == "desync-run" else (program,)), *line.split()],
            folder.emptied("out"),
        )
        for program, line in lines.items()
        if line and (program == "desync-run" or shutil.which(program))
    )
