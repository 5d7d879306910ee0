"""`python -m bench [--runs N] [--only TEXT] [--json FILE]`: print medians and ratios."""

import argparse
import json
import os
import tempfile

from bench.archives import archive_works
from bench.devices import device_works
from bench.engines import by_engine
from bench.image import build_image, change_image
from bench.loaded import loaded
from bench.mounts import mount_works
from bench.objects import by_driver
from bench.rates import table
from bench.remote import remote_works
from bench.serving import chunk_server, serving
from bench.timing import Command, Timing, run_once, time_in_turn
from bench.trees import build_trees, tree_works
from bench.works import OURS, Folder, Work, works


def main() -> None:
    """Build the image, time every piece of work, and what is timed by the request; print tables."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory(dir=arguments.folder, prefix="desync-run-bench.") as root:
        folder = Folder(root)
        # Not the user's own, which may have indexes of what is timed.
        os.environ["XDG_CACHE_HOME"] = folder.at("cache")
        build_image(folder.at("image"), folder.at("staging"), arguments.content << 20)
        build_image(folder.at("next"), folder.at("staging"), arguments.content << 20, version=2)
        change_image(folder.at("image"), folder.at("changed"))
        size = os.stat(folder.at("image")).st_size
        print(
            f"image of {size >> 20} MiB with {arguments.content} MiB of files in {root}; "
            f"medians of {arguments.runs} runs\n"
        )
        print(
            f"{'work':38} {'program':11} {'seconds':>8} {'MiB/s':>7} {'cpu s':>7} {'MB':>5}  ratio"
        )
        rows = _start_up(arguments.runs)
        for work in works(folder, size):
            rows += _time(work, arguments)
        build_trees(folder, arguments.content << 20)
        for work in tree_works(folder, arguments.content << 20):
            rows += _time(work, arguments)
        for work in archive_works(folder, arguments.tree << 20):
            rows += _time(work, arguments)
        with serving(root, (20,)) as distances, chunk_server(folder.at("store.castr")) as own:
            for work in remote_works(folder, size, distances, own):
                rows += _time(work, arguments)
        for rates in (
            *loaded(root, folder.at("store.castr"), arguments.only),
            *by_driver(root, arguments.only),
            *by_engine(root, arguments.only, arguments.runs),
        ):
            rows += table(rates)
        for work in (*mount_works(folder, size), *device_works(folder, size)):
            rows += _time(work, arguments)
        if arguments.json:
            with open(arguments.json, "w", encoding="utf-8") as file:
                json.dump(rows, file, indent=1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=main.__doc__)
    parser.add_argument("--folder", default="/dev/shm", help="a tmpfs or a fresh file system")  # noqa: S108 - chosen for its speed
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--content", type=int, default=560, help="MiB of files in the image")
    parser.add_argument("--tree", type=int, default=1024, help="MiB of files of /usr")
    parser.add_argument(
        "--only", default="", help="time the works whose names have this; others run once, untimed"
    )
    parser.add_argument("--json", help="also write the figures to this file")
    return parser.parse_args()


def _time(work: Work, arguments: argparse.Namespace) -> list[dict[str, object]]:
    """Time one work, or only do it where it is not asked for."""
    if arguments.only not in work.name:
        run_once(work.commands[0])
        return []
    timings = time_in_turn(work.commands, arguments.runs)
    return [
        _row(work.name, work.bytes, command.program, timing, timings[0])
        for command, timing in zip(work.commands, timings, strict=True)
    ]


def _start_up(runs: int) -> list[dict[str, object]]:
    """Time what does next to nothing: how long a user waits for the program itself."""
    rows = []
    for name, line in {
        "--version": ["--version"],
        "validate": ["validate", "examples/make.toml"],
    }.items():
        command = Command("desync-run", [*OURS, *line], lambda: None)
        (timing,) = time_in_turn([command], max(runs, 5))
        rows.append(_row(name, 0, "desync-run", timing, timing))
    return rows


def _row(work: str, size: int, program: str, timing: Timing, ours: Timing) -> dict[str, object]:
    rate = size / timing.seconds / (1 << 20)
    ratio = timing.seconds / ours.seconds
    print(
        f"{work:38} {program:11} {timing.seconds:8.3f} {rate:7.0f} {timing.cpu:7.2f} "
        f"{timing.peak / 1e6:5.0f}  {ratio:.2f} x",
        flush=True,
    )
    return {
        "work": work,
        "program": program,
        "seconds": timing.seconds,
        "cpu_seconds": timing.cpu,
        "peak_bytes": timing.peak,
        "bytes": size,
        "ratio_to_ours": ratio,
    }


main()
