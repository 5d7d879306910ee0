"""An emulator of Google Cloud Storage with one bucket; it serves one request at a time."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from desync_jobs.testing.programs import require_module
from tests.servers.nginx import free_port, wait_for_port

BUCKET: Final = "bucket"


@contextmanager
def running_gcs() -> Iterator[str]:
    """Run it and return its URL, for `STORAGE_EMULATOR_HOST`."""
    require_module("gcp_storage_emulator")
    port = free_port()
    command = [sys.executable, "-W", "ignore", "-m", "gcp_storage_emulator", "start", "-q"]
    command += ["--host=127.0.0.1", f"--port={port}", "--in-memory", f"--default-bucket={BUCKET}"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for_port(port, process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
