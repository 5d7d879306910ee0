"""What a chunk costs on each engine: `verify` of a store with many small chunks."""

import os
import random
from collections.abc import Iterator

from bench.rates import Rate
from bench.timing import Command, run_once, time_in_turn
from bench.works import OURS

_CHUNKS = 20_000
_SIZE = 2048
"""Bytes of a chunk: so few that what is not its content costs most."""
_MORE = 4
"""Times that the longer job verifies the store again; start-up is in both, and falls out."""
_ENGINES = {
    "1 thread": "workers = 1",
    "dask, 1": 'kind = "dask"\nworkers = 1',
    "dask, 2": 'kind = "dask"\nworkers = 2',
}


def by_engine(root: str, only: str, runs: int) -> Iterator[list[Rate]]:
    """Time `verify` once and several times over, and yield what the difference comes to."""
    work = "verify of chunks of 2 KiB, a chunk"
    if only not in work:
        return
    folder = os.path.join(root, "engines")
    os.mkdir(folder)
    with open(os.path.join(folder, "blob"), "wb") as file:
        file.write(random.Random(1).randbytes(_CHUNKS * _SIZE))
    making = {
        "make": f'kind = "make"\nblob = "blob"\nindex = "blob.caibx"\n'
        f'store = "chunks"\nchunk_size = "{_SIZE}:{_SIZE}:{_SIZE}"'
    }
    run_once(_command(folder, "make", "workers = 1", making))
    rates = []
    for engine, spec in _ENGINES.items():
        jobs = [
            _command(folder, f"{count}-{engine}", spec, _checks(count)) for count in (1, 1 + _MORE)
        ]
        once, often = time_in_turn(jobs, runs)
        seconds, cpu = often.seconds - once.seconds, often.cpu - once.cpu
        rates.append(Rate(work, engine, _CHUNKS * _MORE, seconds, cpu))
    yield rates


def _checks(count: int) -> dict[str, str]:
    return {f"check{number}": 'kind = "verify"\nstore = "chunks"' for number in range(count)}


def _command(folder: str, name: str, engine: str, operations: dict[str, str]) -> Command:
    path = os.path.join(folder, f"{name}.toml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f'version = 1\n[stores.chunks]\nurl = "chunks"\n[engine]\n{engine}\n')
        file.writelines(f"[operations.{one}]\n{said}\n" for one, said in operations.items())
    return Command("desync-run", [*OURS, "run", path], lambda: None)
