"""What a process took: the largest memory it ever had, and the time."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MIB: Final = 1 << 20

# Started between the tests and the program: Linux counts what a process was before it became
# another program as its own, and the process that runs the tests may be large.
_BETWEEN: Final = """
import os, sys, time
report, program = int(sys.argv[1]), sys.argv[2:]
began = time.monotonic()
_, status, usage = os.wait4(os.posix_spawn(program[0], program, os.environ), 0)
seconds = time.monotonic() - began
os.write(report, f"{os.waitstatus_to_exitcode(status)} {seconds} {usage.ru_maxrss}".encode())
"""


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
        reader, writer = os.pipe()
        program = [sys.executable, "-m", "desync_jobs", *arguments]
        ended = subprocess.run(
            [sys.executable, "-S", "-E", "-c", _BETWEEN, str(writer), *program],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            cwd=self.folder,
            env=self.environment,
            pass_fds=[writer],
            check=True,
        )
        os.close(writer)
        with open(reader, encoding="ascii") as report:
            code, seconds, peak = report.read().split()
        return Took(int(code), ended.stderr.decode(), float(seconds), int(peak) << 10)
