"""What work costs on each engine: many small chunks, and many blobs, small ones and large ones.

`verify` reads the chunks, `cache` and `migrate` copy them, and `prune` finds that indexes need
every one. Of a cluster on this machine the client has its scheduler in its process. What the two
take is said by itself as well, because there is one of them however many workers there are.
"""

import functools
import json
import os
import random
import shutil
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from bench.rates import Rate
from bench.timing import Command, run_once, time_in_turn
from bench.works import OURS

_CHUNKS = 20_000
_SIZE = 2048
"""Bytes of a chunk: so few that what is not its content costs most."""
_MANY = 10**8
"""Chunks of a store whose time is computed."""
_MORE = 4
"""Times that the longer job does the same again; start-up is in both, and falls out."""
_ENGINES = {
    "1 thread": "workers = 1",
    "dask, 1": 'kind = "dask"\nworkers = 1',
    "dask, 2": 'kind = "dask"\nworkers = 2',
}
_BLOBS = {
    "images": (200, _CHUNKS // 200 * _SIZE),
    "small": (1000, 64 << 10),
    "large": (4, 32 << 20),
}
"""How many blobs, and the bytes of each, by the folder that they are in."""
_INDEXES = [f"chunks-indexes/{number}.img.caibx" for number in range(_BLOBS["images"][0])]
_MAKE = 'kind = "make"\nblobs = "{folder}/*"\nindexes = "{{name}}-indexes"\nstore = "{{name}}"'


class _Work(NamedTuple):
    called: str
    times: int
    """How many of what it is timed by are done each time."""
    operation: str
    """With `{name}` in it, which is that of a new store or cache, and `{after}`, what was done
    before."""


_WORKS = (
    _Work("verify of chunks of 2 KiB, a chunk", _CHUNKS, 'kind = "verify"\nstore = "chunks"'),
    _Work(
        "cache of chunks of 2 KiB, a chunk",
        _CHUNKS,
        f'kind = "cache"\nindexes = {_INDEXES}\nstores = ["chunks"]\ncache = "{{name}}-cache"',
    ),
    _Work(
        "migrate of chunks of 2 KiB, a chunk",
        _CHUNKS,
        'kind = "migrate"\nstores = ["chunks"]\nstore = "{name}"',
    ),
    _Work(
        "prune of chunks of 200 indexes, a chunk",
        _CHUNKS,
        'kind = "prune"\nstore = "chunks"\nroots = [{{ url = "chunks-indexes" }}]\nafter = {after}',
    ),
    _Work("make of blobs of 64 KiB, a blob", 1000, _MAKE.format(folder="small")),
    _Work("make of blobs of 32 MiB, a MiB", 4 * 32, _MAKE.format(folder="large")),
)


def by_engine(root: str, only: str, runs: int) -> Iterator[list[Rate]]:
    """Time each work once and several times over, and yield what the difference comes to."""
    chosen = [work for work in _WORKS if only in work.called]
    if not chosen:
        return
    folder = os.path.join(root, "engines")
    os.mkdir(folder)
    _prepare(folder)
    for number, work in enumerate(chosen):
        rates: list[Rate] = []
        for engine, spec in _ENGINES.items():
            jobs = [
                _command(folder, f"{number}-{count}-{engine}", spec, _repeated(work, count))
                for count in (1, 1 + _MORE)
            ]
            once, often = time_in_turn(jobs, runs)
            times, seconds = work.times * _MORE, often.seconds - once.seconds
            rates.append(Rate(work.called, engine, times, seconds, often.cpu - once.cpu))
            if "dask" in spec:
                rates.append(Rate(work.called, "… client", times, seconds, often.own - once.own))
        yield rates
        if work.times == _CHUNKS:
            print(_on_paper(*rates[-2:]), flush=True)


def _on_paper(both: Rate, client: Rate) -> str:
    """Say what a large store would take, computed from the processor time of a smaller one.

    Every process has a core to itself, and stores are as near as here.
    """
    all_of_it, first = both.cpu / both.requests, client.cpu / client.requests
    hours = ", ".join(
        f"{max(first, (all_of_it - first) / workers) * _MANY / 3600:.2f} h on {workers}"
        for workers in (1, 4, 16)
    )
    return f"{both.work.partition(',')[0]}: {_MANY:,}, computed: {hours} workers"


def _prepare(folder: str) -> None:
    """Make blobs of random bytes, and a store of small chunks with the indexes of `images`."""
    content = random.Random(1)
    os.mkdir(os.path.join(folder, "chunks-indexes"))
    for name, (count, size) in _BLOBS.items():
        os.mkdir(os.path.join(folder, name))
        for number in range(count):
            with open(os.path.join(folder, name, f"{number}.img"), "wb") as file:
                file.write(content.randbytes(size))
    making = {
        "make": _MAKE.format(folder="images").format(name="chunks")
        + f'\nchunk_size = "{_SIZE}:{_SIZE}:{_SIZE}"'
    }
    run_once(_command(folder, "make", "workers = 1", making))


def _repeated(work: _Work, count: int) -> dict[str, str]:
    names = [f"new{number}" for number in range(count)]
    before = [[], *([name] for name in names)]
    return {
        name: work.operation.format(name=name, after=json.dumps(after))
        for name, after in zip(names, before, strict=False)
    }


def _command(folder: str, name: str, engine: str, operations: dict[str, str]) -> Command:
    path = os.path.join(folder, f"{name}.toml")
    new = [f"new{number}" for number in range(1 + _MORE)]
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"version = 1\n[engine]\n{engine}\n")
        file.writelines(f'[stores.{store}]\nurl = "{store}"\n' for store in ("chunks", *new))
        file.writelines(f'[caches.{store}-cache]\nurl = "{store}-cache"\n' for store in new)
        file.writelines(f"[operations.{one}]\n{said}\n" for one, said in operations.items())
    return Command("desync-run", [*OURS, "run", path], functools.partial(_renew, folder, new))


def _renew(folder: str, stores: Sequence[str]) -> None:
    """Remove what an earlier run made."""
    for store in stores:
        for made in (store, f"{store}-cache"):
            shutil.rmtree(os.path.join(folder, made), ignore_errors=True)
        indexes = os.path.join(folder, f"{store}-indexes")
        shutil.rmtree(indexes, ignore_errors=True)
        os.mkdir(indexes)
