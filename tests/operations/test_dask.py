"""The same jobs on a cluster of three processes."""

import os
import pickle
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import dask.config
import numpy as np
import pytest
from distributed import Client, LocalCluster

from desync_jobs.api import Settings, plan, run
from desync_jobs.assembly.cancel import Cancel
from desync_jobs.errors import ClusterError, UsageError
from desync_jobs.execute.engines import dask as engine_dask
from desync_jobs.execute.engines.base import Tally
from desync_jobs.execute.engines.reaching import reached
from desync_jobs.execute.result import Result
from desync_jobs.execute.task import Task
from desync_jobs.manifest.engine import DaskEngineSpec
from desync_jobs.manifest.job import Job
from desync_jobs.manifest.load import job_from_document
from desync_jobs.planner.explain import explain
from desync_jobs.report.events import Event, PhaseAdvanced, Reporter, SilentReporter, Warned
from tests.stopping import Stopper
from tests.workspace import Collector, Workspace, chunk_files, overwrite

KEY = "0123456789abcdef" * 4
OPERATIONS: dict[str, dict[str, Any]] = {
    "fill": {"kind": "cache", "indexes": ["blob.caibx"], "stores": ["store"], "cache": "near"},
    "check": {"kind": "verify", "store": "store"},
}


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    """Three workers; only they have the key."""
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


@pytest.fixture
def made(workspace: Workspace) -> Workspace:
    """A store of some thousand chunks."""
    workspace.make("blob", np.random.default_rng(1).bytes(3 << 20), chunk_size="1KiB:2KiB:8KiB")
    return workspace


Start = Callable[..., Result]


@dataclass(frozen=True)
class Jobs:
    """Jobs in a workspace, on either engine."""

    path: Path
    scheduler: str

    def job(self, engine: str, operations: dict[str, Any] | None = None, **store: Any) -> Job:
        engines = {"local": {"workers": 2}, "dask": {"kind": "dask", "scheduler": self.scheduler}}
        document = {
            "version": 1,
            "engine": engines[engine],
            "stores": {"store": {"url": "store", **store}},
            "caches": {"near": {"url": f"near-{engine}"}},
            "operations": operations or OPERATIONS,
        }
        return job_from_document(document, os.fspath(self.path), "job")


@pytest.fixture
def jobs(made: Workspace, cluster: LocalCluster) -> Jobs:
    cluster.wait_for_workers(3)
    return Jobs(made.path, cluster.scheduler_address)


def outcomes(result: Result) -> list[Any]:
    """Return what a run came to, but for how long things took."""
    found = []
    for one in result.outcomes:
        statistics: dict[str, Any] = dict(one.statistics)
        statistics["stores"] = {
            name: {**counts, "seconds": 0} for name, counts in statistics.pop("stores", {}).items()
        }
        found.append((one.operation, one.status, one.reason, str(one.error), statistics))
    return found


def on(job: Job, reporter: Reporter | None = None, cancel: Cancel | None = None) -> Result:
    return run(job, Settings(reporter or SilentReporter(), cancel or Cancel()))


def told(events: list[Event]) -> list[Event]:
    return [one for one in events if isinstance(one, PhaseAdvanced | Warned)]


def test_a_cluster_comes_to_the_same_plan_result_and_events(jobs: Jobs) -> None:
    for at in (3, 300, 600):
        made = sorted((jobs.path / "store").rglob("*.cacnk"))[at]
        overwrite(made, b"damaged")
    check = {"check": OPERATIONS["check"]}
    here, there = Collector(), Collector()
    found = [on(jobs.job("local", check), here), on(jobs.job("dask", check), there)]

    assert explain(plan(jobs.job("local"))) == explain(plan(jobs.job("dask"))).replace(
        "near-dask", "near-local"
    )
    assert outcomes(found[0]) == outcomes(found[1])
    assert found[1].exit_code == 4
    assert len(found[1].outcomes[0].statistics["damaged"]) == 3  # type: ignore[arg-type]
    assert told(here.events) == told(there.events)


class Killer:
    """A reporter that kills a worker as soon as anything was done."""

    def __init__(self, pids: list[int]) -> None:
        self.pids = pids

    def emit(self, event: Event) -> None:
        if isinstance(event, PhaseAdvanced) and self.pids:
            os.kill(self.pids.pop(), signal.SIGKILL)
            del self.pids[:]

    def close(self) -> None:
        """Have nothing to release."""


def test_a_lost_worker_changes_nothing(jobs: Jobs, cluster: LocalCluster) -> None:
    pids = [one.pid for one in cluster.workers.values()]
    killer = Killer(pids)
    found = [on(jobs.job("local")), on(jobs.job("dask"), killer)]

    assert killer.pids == []
    assert found[1].exit_code == 0
    assert outcomes(found[0]) == outcomes(found[1])
    kept = [chunk_files(jobs.path / f"near-{one}") for one in ("local", "dask")]
    # A writer that is killed leaves its temporary file; nobody counts it among the chunks.
    whole = [{k: v for k, v in one.items() if k.endswith(".cacnk")} for one in kept]
    assert whole[0] == whole[1]


@dataclass(frozen=True)
class Poison:
    """Work that ends its worker."""

    def open(self, task: Task[Any]) -> "Poison":  # noqa: ARG002 - the protocol names it
        return self

    def chunks(self, batch: int) -> int:
        return batch

    def do(self, batch: int) -> int:  # noqa: ARG002 - the protocol names it
        os.kill(os.getpid(), signal.SIGKILL)
        return 0

    def finish(self) -> Tally:
        return {}


def test_a_share_that_ends_every_worker_is_one_error(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    import desync_jobs.execute.operations.verify as doing

    monkeypatch.setattr(doing, "Checking", lambda _: Poison())
    monkeypatch.setattr(doing, "_batches", lambda *_: [256])
    result = on(jobs.job("dask", {"check": OPERATIONS["check"]}))

    assert result.exit_code == 1
    assert str(result.outcomes[0].error).startswith(
        "engine dask: check: one share of the chunks ended 2 workers, one after the other"
    )


def test_workers_look_up_secrets_and_none_is_sent(
    jobs: Jobs, made: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    encryption = {"algorithm": "aes-256-gcm", "key": {"env": "KEY_OF_WORKERS"}}
    monkeypatch.setenv("KEY_OF_WORKERS", KEY)
    made.places["sealed"] = {"encryption": encryption}
    made.make("blob", store="sealed", chunk_size="1KiB:2KiB:8KiB")
    sent: list[bytes] = []

    def recorded(name: str) -> None:
        real = getattr(Client, name)

        def record(self: Client, *given: Any, **named: Any) -> Any:
            sent.append(pickle.dumps((given, named)))
            return real(self, *given, **named)

        monkeypatch.setattr(Client, name, record)

    for name in ("submit", "register_plugin", "run"):
        recorded(name)
    check = {"check": OPERATIONS["check"]}
    result = on(jobs.job("dask", check, url="sealed", encryption=encryption))

    assert result.exit_code == 0, result.outcomes[0].error
    assert result.outcomes[0].statistics["chunks"] == len(chunk_files(made / "sealed"))
    assert len(sent) > 5
    assert any(b"KEY_OF_WORKERS" in one for one in sent)
    assert not any(KEY.encode() in one or bytes.fromhex(KEY) in one for one in sent)


def test_a_stopped_run_ends_on_every_worker(jobs: Jobs, cluster: LocalCluster) -> None:
    cancel = Cancel()
    stopper = Stopper(cancel, lambda event: isinstance(event, PhaseAdvanced))
    result = on(jobs.job("dask"), stopper, cancel)
    kept = chunk_files(jobs.path / "near-dask")
    with Client(cluster, set_as_default=False) as client:
        busy = [one for tasks in client.processing().values() for one in tasks]

    assert result.exit_code == 130
    assert busy == []
    assert chunk_files(jobs.path / "near-dask") == kept
    assert on(jobs.job("dask")).exit_code == 0


def test_what_a_cluster_does_not_do_is_done_here_and_said(jobs: Jobs) -> None:
    digest = {"kind": "digest", "blob": "blob"}
    collector = Collector()
    result = on(jobs.job("dask", {"check": OPERATIONS["check"], "digest": digest}), collector)

    assert result.exit_code == 0
    assert told(collector.events)[0] == Warned(
        "digest", "runs on this machine alone; the cluster does cache and verify"
    )


def test_another_version_on_a_worker_is_refused(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_dask, "__version__", "9.9")

    with pytest.raises(ClusterError, match=r"has version .*, and this is 9\.9; install the same"):
        on(jobs.job("dask"))


def test_a_directory_that_is_another_one_on_a_worker_is_refused_before_anything_runs(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = reached

    def elsewhere(place: str, path: str) -> Any:
        return replace(real(place, path), inode=1)

    monkeypatch.setattr(engine_dask, "reached", elsewhere)

    with pytest.raises(ClusterError, match=r"store store: the directory .* is another one there"):
        on(jobs.job("dask"))
    assert not (jobs.path / "near-dask").exists()


def test_workers_of_a_run_are_started_for_it(made: Workspace) -> None:
    job = Jobs(made.path, "tcp://unused:1").job("dask", {"check": OPERATIONS["check"]})
    spec = job.spec.model_copy(update={"engine": DaskEngineSpec(kind="dask", workers=1)})
    result = on(replace(job, spec=spec))

    assert result.exit_code == 0
    assert result.outcomes[0].statistics["chunks"] == len(chunk_files(made / "store"))


def test_a_missing_library_names_its_extra(
    made: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)

    with pytest.raises(UsageError, match=r"engine dask needs distributed"):
        on(Jobs(made.path, "tcp://127.0.0.1:1").job("dask"))


def test_a_scheduler_that_is_not_there_is_named(
    made: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_dask, "_CONNECT", 0.5)

    with pytest.raises(ClusterError, match=r"no scheduler answers at tcp://127\.0\.0\.1:1: "):
        on(Jobs(made.path, "tcp://127.0.0.1:1").job("dask"))
