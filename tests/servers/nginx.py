"""A real nginx with WebDAV in a directory of its own, for tests that need a web server."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from desync_jobs.testing.programs import require_program

_STARTS_WITHIN: Final = 10.0
_NOTED_WITHIN: Final = 0.1
_CONFIGURATION: Final = """
daemon off;
pid {directory}/pid;
error_log {directory}/error.log;
worker_processes 1;
{user}
events {{ worker_connections 512; }}
http {{
    access_log {directory}/access.log;
    default_type application/octet-stream;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    client_max_body_size 0;
    keepalive_requests 100000;
    server {{
        listen 127.0.0.1:{port};
        root {root};
        location / {{ dav_methods PUT DELETE MKCOL; create_full_put_path {full_put_path}; }}
        {more}
    }}
}}
"""


@dataclass(frozen=True, slots=True)
class Nginx:
    """A running nginx."""

    url: str
    """Without a slash at its end."""
    root: Path
    """The directory it serves."""
    directory: Path

    def requests(self) -> list[str]:
        """Return the requests so far, as `GET /path 200`; nginx notes one after its answer."""
        log = self.directory / "access.log"
        before, now = -1, log.stat().st_size
        while now != before:
            time.sleep(_NOTED_WITHIN)
            before, now = now, log.stat().st_size
        return [_request(line) for line in log.read_text().splitlines()]


def _request(line: str) -> str:
    _, request, after, *_ = line.split('"')
    return f"{request.rpartition(' ')[0]} {after.split()[0]}"


@contextmanager
def running_nginx(
    directory: Path, *, full_put_path: bool = True, more: str = ""
) -> Iterator[Nginx]:
    """Run nginx in `directory`; `more` is put into its `server` block."""
    program = require_program("nginx")
    root = directory / "root"
    root.mkdir(parents=True)
    port = free_port()
    configuration = directory / "nginx.conf"
    configuration.write_text(
        _CONFIGURATION.format(
            directory=directory,
            user="user root;" if os.geteuid() == 0 else "",
            port=port,
            root=root,
            full_put_path="on" if full_put_path else "off",
            more=more,
        )
    )
    command = [program, "-p", str(directory), "-c", str(configuration), "-e", "stderr"]
    with subprocess.Popen(command) as process:
        try:
            wait_for_port(port, process)
            yield Nginx(f"http://127.0.0.1:{port}", root, directory)
        finally:
            process.terminate()


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def wait_for_port(
    port: int, process: subprocess.Popen[bytes], *, within: float = _STARTS_WITHIN
) -> None:
    """Return when somebody listens on `port`; fails where `process` has ended instead."""
    end = time.monotonic() + within
    while time.monotonic() < end:
        assert process.poll() is None, f"{process.args!r} ended with {process.returncode}"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.01)
        else:
            return
    raise AssertionError(f"{process.args!r} does not listen on port {port}")
