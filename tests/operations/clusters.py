"""A cluster of three processes, and what jobs on it are held against."""

import os
import pickle
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dask.config
import pytest
from distributed import Client, LocalCluster

from desync_jobs.api import Settings, run
from desync_jobs.assembly.cancel import Cancel
from desync_jobs.execute.result import Result
from desync_jobs.manifest.job import Job
from desync_jobs.planner.plan import Plan
from desync_jobs.report.events import Event, PhaseAdvanced, Reporter, SilentReporter, Warned

KEY = "0123456789abcdef" * 4


@contextmanager
def three_workers() -> Iterator[LocalCluster]:
    """Have three workers; only they have the key."""
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 1}),
        LocalCluster(
            n_workers=3,
            threads_per_worker=1,
            dashboard_address="127.0.0.1:0",
            silence_logs=50,
            env={"KEY_OF_WORKERS": KEY},
        ) as started,
    ):
        yield started


def what_is_sent(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Return a list that gets what clients send to their clusters, as pickles."""
    sent: list[bytes] = []

    def recorded(name: str) -> None:
        real = getattr(Client, name)

        def record(self: Client, *given: Any, **named: Any) -> Any:
            sent.append(pickle.dumps((given, named)))
            return real(self, *given, **named)

        monkeypatch.setattr(Client, name, record)

    for name in ("submit", "register_plugin", "run"):
        recorded(name)
    return sent


def outcomes(result: Result) -> list[Any]:
    """Return what a run came to, but for how long things took and what servers failed at.

    `rclone serve s3` answers 500 where two requests at once make a directory: once in 90 runs.
    """
    found = []
    for one in result.outcomes:
        statistics: dict[str, Any] = dict(one.statistics)
        statistics["stores"] = {
            name: {**counts, "seconds": 0, "retries": 0}
            for name, counts in statistics.pop("stores", {}).items()
        }
        found.append((one.operation, one.status, one.reason, str(one.error), statistics))
    return found


def engine_of(name: str, scheduler: str) -> dict[str, Any]:
    """Return the engine of a job: `local`, or `dask` with that scheduler."""
    return {"workers": 2} if name == "local" else {"kind": name, "scheduler": scheduler}


def on(job: Job, reporter: Reporter | None = None, cancel: Cancel | None = None) -> Result:
    return run(job, Settings(reporter or SilentReporter(), cancel or Cancel()))


def without_engines(plan: Plan) -> dict[str, Any]:
    """Return a plan as JSON values but for who does what."""
    document: dict[str, Any] = dict(plan.to_json())
    steps = [{k: v for k, v in step.items() if k != "engine"} for step in document["steps"]]
    return {**document, "steps": steps}


def without_places(explained: str) -> str:
    """Return a plan in words, all of it for a cluster, without that being said."""
    return explained.replace("    runs on  the cluster\n", "")


def told(events: list[Event]) -> list[Event]:
    return [one for one in events if isinstance(one, PhaseAdvanced | Warned)]


class Killer:
    """A reporter that kills a worker as soon as anything was done."""

    def __init__(self, pids: list[int]) -> None:
        self.pids = pids

    def emit(self, event: Event) -> None:
        if isinstance(event, PhaseAdvanced):
            self.kill()

    def kill(self) -> None:
        """Kill one, and no more after that."""
        if self.pids:
            os.kill(self.pids.pop(), signal.SIGKILL)
            del self.pids[:]

    def close(self) -> None:
        """Have nothing to release."""
