import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]

Run = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture
def desync_run(tmp_path: Path) -> Run:
    """Start the program in an empty directory; returns its exit code and what it wrote."""

    def run(*arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            command_line(arguments),
            input=given,
            capture_output=True,
            cwd=tmp_path,
            env=environment(),
            timeout=60,
            check=False,
        )

    return run


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., subprocess.Popen[bytes]]:
    """Start the program in an empty directory and let it run."""

    def run(*arguments: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command_line(arguments),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=tmp_path,
            env=environment(),
        )

    return run


def command_line(arguments: Sequence[str]) -> list[str]:
    return [sys.executable, "-W", "error", "-m", "desync_jobs", *arguments]


def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DESYNC")}
    return kept | {"PYTHONPATH": os.fspath(REPOSITORY)}
