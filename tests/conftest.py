import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from tests.workspace import Workspace

REPOSITORY = Path(__file__).parents[1]

Run = Callable[..., subprocess.CompletedProcess[bytes]]
Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """The environment of the program: no settings of its own, and compiled modules kept."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DESYNC")}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    compiled = os.fspath(tmp_path_factory.mktemp("compiled"))
    return kept | {"PYTHONPATH": os.fspath(REPOSITORY), "PYTHONPYCACHEPREFIX": compiled}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """An empty directory to run jobs in; the same one that `desync_run` uses."""
    return Workspace(tmp_path)


@pytest.fixture
def desync_run(tmp_path: Path, environment: Mapping[str, str]) -> Run:
    """Run the program in an empty directory; returns its exit code and what it wrote.

    `given` is its standard input; further keywords are environment variables.
    """

    def run(
        *arguments: str, given: bytes = b"", **variables: str
    ) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            command_line(arguments),
            input=given,
            capture_output=True,
            cwd=tmp_path,
            env={**environment, **variables},
            timeout=60,
            check=False,
        )

    return run


@pytest.fixture
def start(tmp_path: Path, environment: Mapping[str, str]) -> Start:
    """Start the program in an empty directory, with pipes, and let it run.

    Keywords are environment variables.
    """

    def run(*arguments: str, **variables: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command_line(arguments),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=tmp_path,
            env={**environment, **variables},
        )

    return run


def command_line(arguments: Sequence[str]) -> list[str]:
    return [sys.executable, "-W", "error", "-m", "desync_jobs", *arguments]
