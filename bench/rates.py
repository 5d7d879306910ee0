"""What is timed by the request: servers under load, and clients of objects."""

import os
from collections.abc import Iterator
from dataclasses import dataclass

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Rate:
    """One way of serving or asking, under one load."""

    work: str
    program: str
    requests: int
    seconds: float
    cpu: float
    """User and system seconds of the side that is timed, for all of the requests."""

    @property
    def per_second(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds


def table(rates: list[Rate]) -> Iterator[dict[str, object]]:
    """Print rates of the same work, ours first, and yield them as they are stored."""
    for rate in rates:
        ratio = rates[0].per_second / rate.per_second
        cpu = rate.cpu / rate.requests
        print(
            f"{rate.work:38} {rate.program:11} {rate.per_second:8.0f} requests/s "
            f"{cpu * 1e6:7.0f} µs of CPU each  {ratio:.2f} x",
            flush=True,
        )
        yield {
            "work": rate.work,
            "program": rate.program,
            "requests_per_second": rate.per_second,
            "cpu_seconds_per_request": cpu,
            "ratio_to_ours": ratio,
        }


def cpu_of(process: int) -> float:
    """Return the user and system seconds that a process and its children have taken so far."""
    parents: dict[int, list[int]] = {}
    taken: dict[int, float] = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
                fields = file.read().rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        parents.setdefault(int(fields[1]), []).append(int(name))
        taken[int(name)] = (int(fields[11]) + int(fields[12])) / _TICKS
    family = [process]
    for one in family:
        family += parents.get(one, [])
    return sum(taken.get(one, 0.0) for one in family)
