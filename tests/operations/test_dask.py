"""The same jobs on a cluster of three processes."""

import os
import signal
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from distributed import Client, LocalCluster

from desync_jobs.api import plan
from desync_jobs.assembly.cancel import Cancel
from desync_jobs.errors import ClusterError, LockedError, StoreError, UsageError
from desync_jobs.execute.engines import cluster as cluster_of_job
from desync_jobs.execute.engines.base import Tally
from desync_jobs.execute.engines.reaching import reached
from desync_jobs.execute.engines.versions import HERE
from desync_jobs.execute.task import Task
from desync_jobs.manifest.engine import DaskEngineSpec
from desync_jobs.manifest.job import Job
from desync_jobs.manifest.load import job_from_document
from desync_jobs.manifest.spread import SPREAD_WORDS
from desync_jobs.planner.explain import explain
from desync_jobs.report.events import PhaseAdvanced, Warned
from desync_jobs.stores.leases.directory import DirectoryLease
from tests.operations.clusters import (
    KEY,
    Killer,
    engine_of,
    on,
    outcomes,
    told,
    what_is_sent,
    without_places,
)
from tests.stopping import Stopper
from tests.workspace import Collector, Workspace, chunk_files, overwrite

OPERATIONS: dict[str, dict[str, Any]] = {
    "fill": {"kind": "cache", "indexes": ["blob.caibx"], "stores": ["store"], "cache": "near"},
    "check": {"kind": "verify", "store": "store"},
}


@pytest.fixture
def made(workspace: Workspace) -> Workspace:
    """A store of some thousand chunks."""
    workspace.make("blob", np.random.default_rng(1).bytes(3 << 20), chunk_size="1KiB:2KiB:8KiB")
    return workspace


@dataclass(frozen=True)
class Jobs:
    """Jobs in a workspace, on either engine."""

    path: Path
    scheduler: str

    def job(self, engine: str, operations: dict[str, Any] | None = None, **store: Any) -> Job:
        document = {
            "version": 1,
            "engine": engine_of(engine, self.scheduler),
            "stores": {"store": {"url": "store", **store}},
            "caches": {"near": {"url": f"near-{engine}"}},
            "operations": operations or OPERATIONS,
        }
        return job_from_document(document, os.fspath(self.path), "job")


@pytest.fixture
def jobs(made: Workspace, cluster: LocalCluster) -> Jobs:
    cluster.wait_for_workers(3)
    return Jobs(made.path, cluster.scheduler_address)


def test_a_cluster_comes_to_the_same_plan_result_and_events(jobs: Jobs) -> None:
    for at in (3, 300, 600):
        made = sorted((jobs.path / "store").rglob("*.cacnk"))[at]
        overwrite(made, b"damaged")
    check = {"check": OPERATIONS["check"]}
    collectors = [Collector(), Collector()]
    found = [
        on(jobs.job(engine, check), collector)
        for engine, collector in zip(("local", "dask"), collectors, strict=True)
    ]

    there = explain(plan(jobs.job("dask"))).replace("near-dask", "near-local")
    assert there.count("    runs on  the cluster\n") == len(OPERATIONS)
    assert explain(plan(jobs.job("local"))) == without_places(there)
    assert outcomes(found[0]) == outcomes(found[1])
    assert found[1].exit_code == 4
    assert len(found[1].outcomes[0].statistics["damaged"]) == 3  # type: ignore[arg-type]
    assert told(collectors[0].events) == told(collectors[1].events)


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

    def left(self, task: Task[Any], parts: Any) -> list[int]:  # noqa: ARG002 - as Checking has it
        return [256]

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

    monkeypatch.setattr(doing, "Checking", lambda *_: Poison())
    result = on(jobs.job("dask", {"check": OPERATIONS["check"]}))

    assert result.exit_code == 1
    assert str(result.outcomes[0].error).startswith(
        "engine dask: check: one share of the chunks ended 2 workers, one after the other"
    )


@dataclass(frozen=True)
class Failing:
    """Work whose second batch fails; that the first one was made to last is written down."""

    file: Path

    def open(self, task: Task[Any]) -> "Failing":  # noqa: ARG002 - the protocol names it
        return self

    def chunks(self, batch: int) -> int:
        return batch

    def do(self, batch: int) -> tuple[int, bytes]:
        if batch > 1:
            raise StoreError("store store: no answer")
        return 7, b""

    def finish(self) -> Tally:
        self.file.write_text("lasts")
        return {}


def test_what_a_worker_did_before_an_error_lasts_and_counts(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    import desync_jobs.execute.operations.cache as doing

    monkeypatch.setattr(doing, "Copying", lambda *_: Failing(jobs.path / "finished"))
    monkeypatch.setattr(doing, "batches_of", lambda *_: [1, 2, 3])
    collector = Collector()
    result = on(jobs.job("dask", {"fill": OPERATIONS["fill"]}), collector)

    assert str(result.outcomes[0].error) == "store store: no answer"
    assert [one.done for one in collector.events if isinstance(one, PhaseAdvanced)] == [7]
    assert (jobs.path / "finished").read_text() == "lasts"


def test_workers_look_up_secrets_and_none_is_sent(
    jobs: Jobs, made: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    encryption = {"algorithm": "aes-256-gcm", "key": {"env": "KEY_OF_WORKERS"}}
    monkeypatch.setenv("KEY_OF_WORKERS", KEY)
    made.places["sealed"] = {"encryption": encryption}
    made.make("blob", store="sealed", chunk_size="1KiB:2KiB:8KiB")
    sent = what_is_sent(monkeypatch)
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


def test_a_lease_that_is_lost_while_workers_are_busy_ends_the_run(
    jobs: Jobs, cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    collector = Collector()

    def check(self: DirectoryLease) -> None:
        if told(collector.events):
            raise LockedError(f"{self.role.value}: the lease was lost")

    monkeypatch.setattr(DirectoryLease, "check", check)
    monkeypatch.setattr("desync_jobs.execute.engines.dask._CHUNKS", 64)
    document = {
        "version": 1,
        "engine": {"kind": "dask", "scheduler": jobs.scheduler},
        "stores": {"store": {"url": "store"}, "kept": {"url": "kept"}},
        "operations": {"move": {"kind": "migrate", "stores": ["store"], "store": "kept"}},
    }
    result = on(job_from_document(document, os.fspath(jobs.path), "job"), collector)
    kept = chunk_files(jobs.path / "kept")
    with Client(cluster, set_as_default=False) as client:
        busy = [one for tasks in client.processing().values() for one in tasks]

    assert result.exit_code == 7
    assert str(result.outcomes[0].error) == "writer: the lease was lost"
    assert busy == []
    assert chunk_files(jobs.path / "kept") == kept
    assert 0 < len(kept) < len(chunk_files(jobs.path / "store"))


def test_what_a_cluster_does_not_do_is_done_here_and_said(jobs: Jobs) -> None:
    digest = {"kind": "digest", "blob": "blob"}
    collector = Collector()
    job = jobs.job("dask", {"check": OPERATIONS["check"], "digest": digest})
    planned: dict[str, Any] = dict(plan(job).to_json())
    result = on(job, collector)

    assert [one["engine"] for one in planned["steps"]] == ["dask", "local"]
    assert "    runs on  this machine alone\n" in explain(plan(job))
    assert result.exit_code == 0
    assert told(collector.events)[0] == Warned(
        "digest", f"runs on this machine alone; the cluster does {SPREAD_WORDS}"
    )


def test_another_version_on_a_worker_is_refused(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_of_job, "HERE", {**HERE, "Python": "9.9"})

    with pytest.raises(
        ClusterError, match=r"has Python 3\.\d+, and this is 9\.9; install the same"
    ):
        on(jobs.job("dask"))


def test_a_directory_that_is_another_one_on_a_worker_is_refused_before_anything_runs(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = reached

    def elsewhere(place: str, path: str) -> Any:
        return replace(real(place, path), inode=1)

    monkeypatch.setattr(cluster_of_job, "reached", elsewhere)

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
    monkeypatch.setattr(cluster_of_job, "_CONNECT", 0.5)

    with pytest.raises(ClusterError, match=r"no scheduler answers at tcp://127\.0\.0\.1:1: "):
        on(Jobs(made.path, "tcp://127.0.0.1:1").job("dask"))
