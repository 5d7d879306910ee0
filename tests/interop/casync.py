"""The real casync, where it is installed."""

import subprocess
from pathlib import Path

from desync_jobs.testing.programs import require_program

_PATIENCE = 60
"""Seconds; casync answers in well under one."""


def casync(folder: Path, *arguments: str) -> str:
    """Run casync in `folder` and return what it printed; skips the test where there is none."""
    ended = subprocess.run(
        [require_program("casync"), *arguments],
        cwd=folder,
        capture_output=True,
        timeout=_PATIENCE,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr.decode()
    return ended.stdout.decode()
