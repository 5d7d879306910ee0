"""`make` of many blobs on a cluster of three processes, and where it was started."""

import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from distributed import LocalCluster

from desync_jobs.api import plan
from desync_jobs.assembly.cancel import Cancel
from desync_jobs.errors import ClusterError
from desync_jobs.execute import blob_work, making_many
from desync_jobs.execute.blob_work import OpenBlobs
from desync_jobs.execute.engines import cluster as engine_cluster
from desync_jobs.execute.engines import dask as engine_dask
from desync_jobs.execute.engines.reaching import reached
from desync_jobs.execute.making_batch import BatchMade, Making, ToMake
from desync_jobs.execute.task import Task
from desync_jobs.manifest.job import Job
from desync_jobs.manifest.load import job_from_document
from desync_jobs.planner.explain import explain
from desync_jobs.report.events import PhaseAdvanced, Warned
from tests.operations.clusters import engine_of, on, outcomes, told, without_places
from tests.stopping import Stopper
from tests.vectors.inputs import ctr
from tests.workspace import Collector, chunk_files

COMMON = ctr(100_000, b"common")
SIZES = (300_000, 0, 5_000, 700_000, 64, 250_000, 90_000, 400_000)
BLOBS = {f"{at}.img": ctr(size, b"%d" % at) for at, size in enumerate(SIZES)}
MAKE = {
    "kind": "make",
    "blobs": "images/*.img",
    "indexes": "indexes",
    "store": "store",
    "chunk_size": "1KiB:2KiB:8KiB",
}
ENGINES = ("local", "dask")


@dataclass(frozen=True)
class Twice:
    """The same directory for each engine."""

    path: Path
    scheduler: str

    def job(self, engine: str, **fields: Any) -> Job:
        document = {
            "version": 1,
            "engine": engine_of(engine, self.scheduler),
            "stores": {"store": {"url": "store"}},
            "operations": {"put": {**MAKE, **fields}},
        }
        return job_from_document(document, os.fspath(self.path / engine), "job")

    def files(self, engine: str) -> dict[str, bytes]:
        """Return all that is there, but for what a killed writer left."""
        found = chunk_files(self.path / engine)
        return {name: data for name, data in found.items() if not name.endswith(".tmp")}


@pytest.fixture
def twice(tmp_path: Path, cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch) -> Twice:
    for engine in ENGINES:
        (tmp_path / engine / "images").mkdir(parents=True)
        (tmp_path / engine / "indexes").mkdir()
        for name, data in BLOBS.items():
            (tmp_path / engine / "images" / name).write_bytes(data)
    # So few that there is something for every worker.
    monkeypatch.setattr(engine_dask, "_CHUNKS", 64)
    monkeypatch.setattr(blob_work, "BATCH_BYTES", 1 << 18)
    monkeypatch.setattr("desync_jobs.assembly.batches.BATCH_BYTES", 1 << 18)
    cluster.wait_for_workers(3)
    return Twice(tmp_path, cluster.scheduler_address)


def states(result: Any) -> list[str]:
    return [one["status"] for one in result.outcomes[0].statistics["targets"]]


def test_a_cluster_makes_the_same_indexes_store_plan_and_statistics(twice: Twice) -> None:
    plans = [explain(plan(twice.job(one))) for one in ENGINES]
    first = [on(twice.job(one)) for one in ENGINES]
    for engine in ENGINES:
        (twice.path / engine / "images" / "3.img").write_bytes(BLOBS["3.img"][::-1])
        (twice.path / engine / "indexes" / "5.img.caibx").unlink()
    here, there = Collector(), Collector()
    second = [on(twice.job(one), to) for one, to in zip(ENGINES, (here, there), strict=True)]

    assert plans[0] == without_places(plans[1])
    assert outcomes(first[0]) == outcomes(first[1])
    assert first[1].exit_code == 0, first[1].outcomes[0].error
    assert states(first[1]) == ["done"] * len(BLOBS)
    assert outcomes(second[0]) == outcomes(second[1])
    assert second[1].outcomes[0].reason == "2 of 8 targets are to be made"
    assert twice.files("dask") == twice.files("local")
    assert len(list((twice.path / "dask" / "indexes").iterdir())) == len(BLOBS)
    # What a worker does is told when it is done, and here while it goes on.
    done = [
        [one for one in told(some.events) if isinstance(one, PhaseAdvanced)][-1]
        for some in (here, there)
    ]
    assert done[0].done == done[1].done
    assert not [one for one in there.events if isinstance(one, Warned)]


def test_chunks_that_blobs_share_are_stored_and_counted_once(twice: Twice) -> None:
    for engine in ENGINES:
        for name in BLOBS:
            (twice.path / engine / "images" / name).write_bytes(COMMON)
    found = [on(twice.job(one)).outcomes[0].statistics for one in ENGINES]
    totals = [{name: one[name] for name in one if name != "targets"} for one in found]

    assert totals[0] == totals[1]
    assert totals[1]["chunks_stored"] == len(chunk_files(twice.path / "dask" / "store"))
    assert twice.files("dask") == twice.files("local")


@dataclass(frozen=True)
class Deadly:
    """Making, of which the first worker that stored a batch dies before it can say so."""

    work: Making
    died: str

    def open(self, task: Task[Any]) -> OpenBlobs[ToMake, BatchMade]:
        opened = self.work.open(task)

        def handle(batch: Sequence[ToMake], *given: Any) -> BatchMade:
            made = opened.handle(batch, *given)
            try:
                os.close(os.open(self.died, os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                return made
            os.kill(os.getpid(), signal.SIGKILL)
            return made

        return replace(opened, handle=handle)

    def chunks(self, batch: Sequence[ToMake]) -> int:
        return self.work.chunks(batch)


def test_a_worker_that_dies_with_blobs_it_stored_changes_nothing_but_that_count(
    twice: Twice, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = on(twice.job("local"))
    died = twice.path / "died"
    monkeypatch.setattr(
        making_many, "Making", lambda *given: Deadly(Making(*given), os.fspath(died))
    )
    result = on(twice.job("dask"))
    here, there = (one.outcomes[0].statistics for one in (local, result))
    lost = ("chunks_stored", "bytes_stored", "targets")

    assert died.exists()
    assert result.exit_code == 0, result.outcomes[0].error
    assert states(result) == states(local)
    assert {**here, **dict.fromkeys(lost)} == {**there, **dict.fromkeys(lost)}
    # What the dead worker stored counts as there before.
    assert 0 < there["chunks_stored"] < here["chunks_stored"]  # type: ignore[operator]
    assert twice.files("dask") == twice.files("local")
    assert on(twice.job("dask")).outcomes[0].status.value == "unchanged"


def test_a_blob_that_fails_ends_the_operation_as_on_one_machine(
    twice: Twice, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = making_many.do_making_many

    def gone(task: Task[Any], *given: Any) -> Any:
        Path(task.path("images/3.img")).unlink()
        return real(task, *given)

    monkeypatch.setattr(making_many, "do_making_many", gone)
    found = [on(twice.job(one)) for one in ENGINES]
    told = [str(one.outcomes[0].error).replace("/dask/", "/local/") for one in found]

    assert told[0] == told[1]
    assert told[1].endswith("/images/3.img: cannot be opened: No such file or directory")
    assert [one.exit_code for one in found] == [1, 1]
    assert states(found[0]) == states(found[1])
    assert states(found[1])[:5] == ["done", "done", "done", "failed", "skipped"]
    indexes = [sorted(os.listdir(twice.path / one / "indexes")) for one in ENGINES]
    assert indexes[0] == indexes[1] == ["0.img.caibx", "1.img.caibx", "2.img.caibx"]


def test_a_stopped_run_publishes_no_index_without_its_chunks_and_goes_on_later(
    twice: Twice,
) -> None:
    local = on(twice.job("local"))
    cancel = Cancel()
    stopper = Stopper(cancel, lambda event: isinstance(event, PhaseAdvanced))
    stopped = on(twice.job("dask"), stopper, cancel)
    there = len(os.listdir(twice.path / "dask" / "indexes"))
    finished = on(twice.job("dask"))

    assert (local.exit_code, stopped.exit_code, finished.exit_code) == (0, 130, 0)
    assert states(stopped).count("done") == there
    assert states(finished).count("unchanged") == there < len(BLOBS)
    assert twice.files("dask") == twice.files("local")


def test_blobs_that_are_other_ones_on_a_worker_are_refused_before_anything_runs(
    twice: Twice, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = reached

    def elsewhere(place: str, path: str) -> Any:
        found = real(place, path)
        return replace(found, inode=1) if path.endswith("/images") else found

    monkeypatch.setattr(engine_cluster, "reached", elsewhere)

    with pytest.raises(ClusterError, match=r"blobs of put: the directory .*/images is another one"):
        on(twice.job("dask"))
    assert os.listdir(twice.path / "dask" / "indexes") == []
    assert not (twice.path / "dask" / "store").exists()


def test_one_blob_is_made_here_and_that_is_said(twice: Twice) -> None:
    collector = Collector()
    many = twice.job("dask")
    one = {"kind": "make", "blob": "images/0.img", "index": "one.caibx", "store": "store"}
    document = many.spec.model_dump(mode="json", exclude_unset=True)
    document["operations"]["one"] = one
    result = on(job_from_document(document, many.directory, "job"), collector)

    assert result.exit_code == 0
    assert [event for event in collector.events if isinstance(event, Warned)] == [
        Warned(
            "one",
            "runs on this machine alone; the cluster does cache, make of many blobs, migrate, "
            "the mark of prune, and verify",
        )
    ]
