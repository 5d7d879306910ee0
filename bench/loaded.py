"""Chunk servers under load by `wrk`: ours, nginx on the same files, and desync's."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from bench.rates import Rate, cpu_of
from bench.serving import Distance, chunk_server, serving

_SECONDS = 3
_CONNECTIONS = (10, 64)
_PROCESSES = (1, 2)
_FOUND = re.compile(r"(\d+) requests in ([\d.]+)s")
_STORED = 64 << 10


def loaded(root: str, store: str, only: str) -> Iterator[list[Rate]]:
    """Time GET of one chunk of `store`, which is in `root`; yields the rates of each load."""
    if shutil.which("wrk") is None:
        print("chunk servers under load: left out, wrk is not installed (apt-get install wrk)")
        return
    chunk = _chunk(store)
    size = os.stat(os.path.join(store, chunk)).st_size
    name = os.path.relpath(store, root)
    for processes in _PROCESSES:
        works = {
            f"GET {size >> 10} KiB, {connections} at once, {_count(processes)}": connections
            for connections in _CONNECTIONS
        }
        wanted = {work: count for work, count in works.items() if only in work}
        rates: dict[str, list[Rate]] = {work: [] for work in wanted}
        for program, server in _servers(root, store, processes) if wanted else ():
            with server as distance:
                prefix = f"/{name}" if program == "nginx" else ""
                for work, connections in wanted.items():
                    url = f"{distance.url}{prefix}/{chunk}"
                    rates[work].append(_load(work, program, connections, url, distance.process))
        yield from rates.values()


def _count(processes: int) -> str:
    return "1 process" if processes == 1 else f"{processes} processes"


def _chunk(store: str) -> str:
    """Return the chunk file whose size is nearest to 64 KiB, below the store."""
    paths = (
        os.path.join(folder, name)
        for folder, _, names in os.walk(store)
        for name in names
        if name.endswith(".cacnk")
    )
    nearest = min(paths, key=lambda path: (abs(os.stat(path).st_size - _STORED), path))
    return os.path.relpath(nearest, store)


def _servers(
    root: str, store: str, processes: int
) -> Iterator[tuple[str, AbstractContextManager[Distance]]]:
    yield "desync-run", chunk_server(store, options=("-q", "--processes", str(processes)))
    if shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin"):
        yield "nginx", _nginx(root, processes)
    if shutil.which("desync"):
        # One process with as many threads at work.
        program = "env", f"GOMAXPROCS={processes}", "desync"
        yield "desync", chunk_server(store, program, ())


@contextmanager
def _nginx(root: str, processes: int) -> Iterator[Distance]:
    with serving(root, (), processes) as (near,):
        yield near


def _load(work: str, program: str, connections: int, url: str, process: int) -> Rate:
    command = ["wrk", "-t1", f"-c{connections}", f"-d{_SECONDS}s", url]
    before = cpu_of(process)
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    cpu = cpu_of(process) - before
    found = _FOUND.search(text)
    if found is None or "Non-2xx" in text or "Socket errors" in text:
        raise RuntimeError(f"{program} did not answer all of {' '.join(command)}:\n{text}")
    return Rate(work, program, int(found[1]), float(found[2]), cpu)
