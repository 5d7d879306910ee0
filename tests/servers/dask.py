"""A Dask cluster of processes that have environments of their own, as other machines do."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from distributed import Client
from distributed.security import Security

from tests.servers.nginx import free_port, wait_for_port

_PYTHON: Final = (sys.executable, "-W", "ignore", "-m")
_STARTS_WITHIN: Final = 60.0


@dataclass(frozen=True, slots=True)
class Scheduler:
    """A running scheduler."""

    process: subprocess.Popen[bytes]
    port: int
    url: str


@contextmanager
def running_scheduler(*options: str, transport: str = "tcp") -> Iterator[Scheduler]:
    """Run a scheduler on this machine."""
    port = free_port()
    where = ("--host", f"{transport}://127.0.0.1:{port}", "--no-dashboard", "--no-show")
    command = [*_PYTHON, "distributed.cli.dask_scheduler", *where, *options]
    with _ended(command, os.environ) as process:
        wait_for_port(port, process, within=_STARTS_WITHIN)
        yield Scheduler(process, port, f"{transport}://127.0.0.1:{port}")


@contextmanager
def running_worker(
    url: str, *options: str, variables: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a worker of the scheduler at `url`, which may take some time to be there.

    `variables` are added to the environment of this process.
    """
    alone = ("--no-nanny", "--nthreads", "1", "--no-dashboard", "--death-timeout", "60")
    command = [*_PYTHON, "distributed.cli.dask_worker", url, *alone, *options]
    root = Path(__file__).parents[2]
    path = os.pathsep.join(filter(None, [(variables or {}).get("PYTHONPATH"), os.fspath(root)]))
    environment = {**os.environ, **(variables or {}), "PYTHONPATH": path}
    with _ended(command, environment) as process:
        yield process


def wait_for_workers(url: str, count: int, security: Security | None = None) -> None:
    """Return when the scheduler at `url` has so many workers."""
    with Client(url, set_as_default=False, security=security) as client:
        client.wait_for_workers(count, timeout=_STARTS_WITHIN)


@contextmanager
def _ended(
    command: Sequence[str], environment: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.kill()
