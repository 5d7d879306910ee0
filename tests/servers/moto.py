"""moto's S3 server, which keeps everything in memory and is strict about what S3 promises."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import requests

from desync_jobs.testing.programs import require_module
from tests.servers.nginx import free_port, wait_for_port
from tests.servers.s3_places import S3Server

BUCKET: Final = "bucket"


@contextmanager
def running_moto() -> Iterator[S3Server]:
    """Run it with one bucket."""
    require_module("moto.server")
    port = free_port()
    command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1"]
    with subprocess.Popen([*command, "-p", str(port)], stderr=subprocess.DEVNULL) as process:
        try:
            wait_for_port(port, process)
            url = f"http://127.0.0.1:{port}"
            requests.put(f"{url}/{BUCKET}", timeout=10).raise_for_status()
            yield S3Server(url, BUCKET)
        finally:
            process.terminate()
