"""What a process took: the largest memory it ever had, and the time."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

MIB = 1 << 20


@dataclass(frozen=True)
class Took:
    """A process that is over."""

    code: int
    said: str
    """Standard error."""
    seconds: float
    peak: int
    """Bytes of memory it had at most, files it mapped included."""


@dataclass(frozen=True)
class Measure:
    """Runs the program in `folder`, and returns what that took."""

    folder: Path
    environment: Mapping[str, str]

    def __call__(self, *arguments: str, stdout: int = subprocess.DEVNULL) -> Took:
        began = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", "desync_jobs", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            cwd=self.folder,
            env=self.environment,
        )
        assert process.stderr is not None
        said = process.stderr.read().decode()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - began
        process.stderr.close()
        process.returncode = os.waitstatus_to_exitcode(status)
        return Took(process.returncode, said, seconds, usage.ru_maxrss << 10)
