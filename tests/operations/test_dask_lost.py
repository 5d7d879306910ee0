"""Clusters that are gone in the middle of a run, and processes that are told to end."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

import numpy as np
import pytest
import tomli_w

from desync_jobs.api import Settings, run
from desync_jobs.execute.result import Result
from desync_jobs.manifest.load import job_from_document
from desync_jobs.report.events import Event, PhaseAdvanced, Reporter, SilentReporter
from tests.conftest import command_line
from tests.servers.dask import running_scheduler, running_worker, wait_for_workers
from tests.workspace import Workspace, chunk_files


@pytest.fixture
def made(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Some thousand chunks, given away a few at a time."""
    monkeypatch.setattr("desync_jobs.execute.engines.dask._CHUNKS", 64)
    workspace.make("blob", np.random.default_rng(1).bytes(4 << 20), chunk_size="1KiB:2KiB:8KiB")
    return workspace


class Once:
    """A reporter that does something as soon as anything was done."""

    def __init__(self, do: Callable[[], None]) -> None:
        self._do = do
        self.done = False

    def emit(self, event: Event) -> None:
        if isinstance(event, PhaseAdvanced) and not self.done:
            self.done = True
            self._do()

    def close(self) -> None:
        """Have nothing to release."""


def document(engine: dict[str, Any]) -> dict[str, Any]:
    return {
        "version": 1,
        "engine": engine,
        "stores": {"store": {"url": "store"}},
        "caches": {"near": {"url": "near"}},
        "operations": {
            "fill": {
                "kind": "cache",
                "indexes": ["blob.caibx"],
                "stores": ["store"],
                "cache": "near",
            }
        },
    }


def filled(made: Workspace, engine: dict[str, Any], reporter: Reporter | None = None) -> Result:
    job = job_from_document(document(engine), os.fspath(made.path), "job")
    return run(job, Settings(reporter or SilentReporter()))


@pytest.mark.parametrize(
    ("lost", "message"),
    [
        ("scheduler", "fill: the scheduler is gone; what was done before is complete; run again"),
        ("workers", "the cluster has no workers left"),
    ],
)
def test_a_cluster_that_is_gone_is_one_error_and_the_next_run_goes_on(
    made: Workspace, lost: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("desync_jobs.execute.engines.dask._ALONE", 1.0)
    monkeypatch.setattr("desync_jobs.execute.engines.cluster._CONNECT", 3.0)
    with ExitStack() as stack:
        scheduler = stack.enter_context(running_scheduler())
        worker = stack.enter_context(running_worker(scheduler.url))
        wait_for_workers(scheduler.url, 1)
        once = Once({"scheduler": scheduler.process, "workers": worker}[lost].kill)
        result = filled(made, {"kind": "dask", "scheduler": scheduler.url}, once)
        if lost == "scheduler":
            worker.wait(30)  # it ends what it was doing
    kept = chunk_files(made / "near")
    again = filled(made, {"kind": "local"})

    whole = {name: data for name, data in kept.items() if name.endswith(".cacnk")}
    assert result.exit_code == 1
    assert str(result.outcomes[0].error).startswith(f"engine dask: {message}")
    assert 0 < len(whole) < len(chunk_files(made / "store"))
    assert lost == "workers" or kept == whole  # a process that is killed cleans nothing up
    assert again.exit_code == 0
    assert again.outcomes[0].statistics["chunks_stored"] == len(chunk_files(made / "store")) - len(
        whole
    )


def test_a_worker_that_falls_silent_at_the_end_does_not_hold_up_the_run(
    made: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("desync_jobs.execute.engines.dask._CHUNKS", 1 << 20)  # all in one share
    monkeypatch.setattr("desync_jobs.execute.engines.dask._SILENT", 1.0)
    with ExitStack() as stack:
        scheduler = stack.enter_context(running_scheduler())
        worker = stack.enter_context(running_worker(scheduler.url))
        wait_for_workers(scheduler.url, 1)
        once = Once(lambda: worker.send_signal(signal.SIGSTOP))
        began = time.monotonic()
        result = filled(made, {"kind": "dask", "scheduler": scheduler.url}, once)
        seconds = time.monotonic() - began
        worker.send_signal(signal.SIGCONT)

    assert once.done
    assert result.exit_code == 0
    assert chunk_files(made / "near").keys() == chunk_files(made / "store").keys()
    assert seconds < 20  # a scheduler gives a silent worker up after five minutes


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_to_all_processes_of_a_run_ends_it_in_order(
    made: Workspace, environment: Mapping[str, str], number: signal.Signals, code: int
) -> None:
    (made / "job.toml").write_text(tomli_w.dumps(document({"kind": "dask", "workers": 1})))
    with subprocess.Popen(
        command_line(["job.toml", "--events", "/dev/stdout"]),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=made.path,
        env=environment,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if b"step-started" in line:
                break
        os.killpg(process.pid, number)
        _, errors = process.communicate(timeout=60)
    kept = chunk_files(made / "near") if (made / "near").exists() else {}

    assert process.returncode == code, errors
    assert b"Traceback" not in errors
    assert f"stopped by {number.name}".encode() in errors
    assert all(name.endswith(".cacnk") for name in kept)
    assert len(kept) < len(chunk_files(made / "store"))
