"""Running a program and reading from the kernel what it took."""

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timing:
    """Medians of several runs of one command."""

    seconds: float
    cpu: float
    """User and system seconds."""
    own: float
    """Those of the process itself, without the processes that it started."""
    peak: int
    """Bytes of resident memory, the largest of all runs."""


@dataclass(frozen=True, slots=True)
class Command:
    """One way of doing a piece of work."""

    program: str
    arguments: Sequence[str]
    prepare: Callable[[], None]
    """Brings the folder to its starting state before each run; not timed."""


def time_in_turn(commands: Sequence[Command], runs: int) -> list[Timing]:
    """Run the commands in turn, `runs` times each after one warm-up; raises where one fails."""
    measured: list[list[tuple[float, float, float, int]]] = [[] for _ in commands]
    for turn in range(runs + 1):
        for number, command in enumerate(commands):
            command.prepare()
            figures = _run(command.arguments)
            if turn:
                measured[number].append(figures)
    return [
        Timing(
            statistics.median(run[0] for run in one),
            statistics.median(run[1] for run in one),
            statistics.median(run[2] for run in one),
            max(run[3] for run in one),
        )
        for one in measured
    ]


def run_once(command: Command) -> None:
    """Run a command for what it leaves to others; raises where it fails."""
    command.prepare()
    _run(command.arguments)


def _environment() -> dict[str, str]:
    """Return the user's own, but keep compiled modules, as any ordinary installation does."""
    return {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}


def _run(arguments: Sequence[str]) -> tuple[float, float, float, int]:
    began = time.monotonic()
    process = subprocess.Popen(
        arguments, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL, env=_environment()
    )
    # What it took itself can be read until it is reaped.
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    seconds = time.monotonic() - began
    own = _own_cpu(process.pid)
    _, status, usage = os.wait4(process.pid, 0)
    # The process was reaped here; tell its object, or it warns about a lost child.
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(arguments)} ended with {process.returncode}")
    return seconds, usage.ru_utime + usage.ru_stime, own, usage.ru_maxrss * 1024


def _own_cpu(pid: int) -> float:
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
