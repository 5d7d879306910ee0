"""The same migrations on a cluster of three processes, and where they were started."""

import gzip
import lzma
import os
import shutil
import signal
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dask.config
import numpy as np
import pytest
import zstandard
from distributed import LocalCluster

from desync_jobs.api import plan
from desync_jobs.assembly.cancel import Cancel
from desync_jobs.codecs.aead import Cipher, CipherAlgorithm
from desync_jobs.execute import migration_copying, migration_progress, renaming
from desync_jobs.execute.chunk_work import Copied, Copying
from desync_jobs.execute.engines import dask as engine_dask
from desync_jobs.execute.engines.base import Opened, Tally
from desync_jobs.execute.migrating import Migrating
from desync_jobs.execute.result import Status
from desync_jobs.execute.task import Task
from desync_jobs.execute.transfer import Batch
from desync_jobs.formats.id_map import parse_id_map
from desync_jobs.manifest.job import Job
from desync_jobs.manifest.load import job_from_document
from desync_jobs.planner.explain import explain
from desync_jobs.report.events import PhaseAdvanced
from tests.operations.clusters import (
    KEY,
    engine_of,
    on,
    outcomes,
    told,
    what_is_sent,
    without_places,
)
from tests.stopping import Stopper
from tests.workspace import Collector, Workspace, chunk_files, overwrite

ENCRYPTION = {"algorithm": "aes-256-gcm", "key": {"env": "KEY_OF_WORKERS"}}
STORES = {
    "old": {"url": "old"},
    "sealed": {"url": "sealed", "encryption": ENCRYPTION},
    "renamed": {"url": "renamed"},
}
INDEXES = {"roots": [{"url": "images"}], "indexes_to": "moved"}
RENEW = {"kind": "migrate", "stores": ["old"], "store": "old", "rewrite": True}
SEAL: dict[str, Any] = {
    "kind": "migrate",
    "stores": ["old"],
    "store": "sealed",
    "progress": "progress",
    "report": "sealed.json",
}
RENAME: dict[str, Any] = {
    "kind": "migrate",
    "stores": ["old"],
    "store": "renamed",
    "digest": "sha256",
    "id_map": "ids",
    "report": "renamed.json",
    **INDEXES,
}
ENGINES = ("local", "dask")


@dataclass(frozen=True)
class Twice:
    """The same directory for each engine."""

    path: Path
    scheduler: str

    def job(self, engine: str, **operations: dict[str, Any]) -> Job:
        names = [one for fields in operations.values() for one in _stores(fields)]
        document = {
            "version": 1,
            "engine": engine_of(engine, self.scheduler),
            "stores": {name: STORES[name] for name in names},
            "operations": operations,
        }
        return job_from_document(document, os.fspath(self.path / engine), "job")

    def files(self, engine: str) -> dict[str, bytes]:
        """Return all that is there and sealed chunks opened, but for what a killed writer left."""
        cipher = Cipher(CipherAlgorithm.AES_256_GCM, bytes.fromhex(KEY))
        return {
            name: cipher.open(data) if name.endswith(cipher.suffix) else data
            for name, data in chunk_files(self.path / engine).items()
            if not name.endswith(".tmp")
        }


def _stores(fields: dict[str, Any]) -> list[str]:
    return [*fields["stores"], fields["store"]]


@pytest.fixture(scope="module")
def source() -> Any:
    """A store in which chunks have all of casync's forms, and the index of them."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder))
        data = np.random.default_rng(1).bytes(1 << 20)
        workspace.make("blob", data, store="old", chunk_size="1KiB:2KiB:8KiB")
        (workspace / "images").mkdir()
        shutil.move(workspace / "blob.caibx", workspace / "images")
        (workspace / "blob").unlink()
        for at, path in enumerate(sorted((workspace / "old").rglob("*.cacnk"))):
            plain = zstandard.decompress(path.read_bytes())
            if at % 4 == 0:
                overwrite(path, lzma.compress(plain, preset=0))
            elif at % 4 == 1:
                overwrite(path, gzip.compress(plain, 1))
        yield workspace.path


@pytest.fixture
def twice(
    source: Path, tmp_path: Path, cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch
) -> Twice:
    for engine in ENGINES:
        shutil.copytree(source, tmp_path / engine)
    monkeypatch.setenv("KEY_OF_WORKERS", KEY)
    monkeypatch.setattr(engine_dask, "_CHUNKS", 128)
    monkeypatch.setattr(migration_progress, "_EVERY", 16)
    cluster.wait_for_workers(3)
    return Twice(tmp_path, cluster.scheduler_address)


def test_a_cluster_migrates_to_the_same_bytes_plan_statistics_and_report(
    twice: Twice, monkeypatch: pytest.MonkeyPatch
) -> None:
    operations = {
        "renew": RENEW,
        "seal": {**SEAL, "read_back": True, "recompress": True, "after": ["renew"]},
        "rename": {**RENAME, "after": ["renew"]},
    }
    sent = what_is_sent(monkeypatch)
    before = len(chunk_files(twice.path / "dask" / "old"))
    plans = [explain(plan(twice.job(one, **operations))) for one in ENGINES]
    here, there = Collector(), Collector()
    found = [
        on(twice.job(one, **operations), to) for one, to in zip(ENGINES, (here, there), strict=True)
    ]

    assert plans[0] == without_places(plans[1].replace(f"{twice.path}/dask", f"{twice.path}/local"))
    assert outcomes(found[0]) == outcomes(found[1])
    assert told(here.events) == told(there.events)
    assert found[1].exit_code == 0, [str(one.error) for one in found[1].outcomes]
    renewed, _, renamed = (one.statistics for one in found[1].outcomes)
    assert renewed["chunks_rewritten"] == (before + 3) // 4 + (before + 2) // 4
    assert (renamed["chunks_stored"], renamed["indexes_written"]) == (before, 1)
    files = twice.files("dask")
    assert files == twice.files("local")
    assert {"sealed.json", "renamed.json", "ids", "moved/blob.caibx"} < set(files)
    assert "progress" not in files
    assert any(b"KEY_OF_WORKERS" in one for one in sent)
    assert not any(KEY.encode() in one or bytes.fromhex(KEY) in one for one in sent)


@dataclass(frozen=True, slots=True)
class Deadly:
    """Copying, of which the first worker that stored a batch dies before it can say so."""

    work: Copying
    died: str

    @property
    def conversion(self) -> Any:
        return self.work.conversion

    def open(self, task: Task[Any]) -> "_OpenDeadly":
        return _OpenDeadly(self.work.open(task), self.died)

    def chunks(self, batch: Batch) -> int:
        return self.work.chunks(batch)


@dataclass(frozen=True, slots=True)
class _OpenDeadly:
    opened: Opened[Batch, Copied]
    died: str

    def do(self, batch: Batch) -> Copied:
        copied = self.opened.do(batch)
        try:
            os.close(os.open(self.died, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return copied
        os.kill(os.getpid(), signal.SIGKILL)
        return copied

    def finish(self) -> Tally:
        return self.opened.finish()


def test_a_worker_that_dies_with_chunks_it_stored_changes_nothing(
    twice: Twice, monkeypatch: pytest.MonkeyPatch
) -> None:
    died = twice.path / "died"
    died.mkdir()

    def deadly(*given: Any) -> Deadly:
        work = Copying(*given)
        return Deadly(work, os.fspath(died / work.store))

    monkeypatch.setattr(migration_copying, "Copying", deadly)
    result = on(twice.job("dask", seal=SEAL, rename=RENAME))
    assert {one.name for one in died.iterdir()} == {"sealed", "renamed"}  # nobody dies twice
    local = on(twice.job("local", seal=SEAL, rename=RENAME))

    assert result.exit_code == 0, [str(one.error) for one in result.outcomes]
    there, here = outcomes(result), outcomes(local)
    assert there[0] == here[0]
    assert twice.files("dask") == twice.files("local")
    # Under new IDs, what a worker stored and could not tell of counts as there before: a batch.
    assert there[1][-1]["chunks_stored"] == here[1][-1]["chunks_stored"] - 64


def test_a_migration_that_is_stopped_on_a_cluster_goes_on_where_it_was(
    twice: Twice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_dask, "_CHUNKS", 32)  # so few that most were not given away
    local = on(twice.job("local", seal=SEAL))
    cancel = Cancel()
    stopper = Stopper(cancel, lambda event: isinstance(event, PhaseAdvanced))
    stopped = on(twice.job("dask", seal=SEAL), stopper, cancel)
    there = {name.split("/")[-1] for name in chunk_files(twice.path / "dask" / "sealed")}
    noted = (twice.path / "dask" / "progress").read_text().split("\n")[1:-1]
    prefixes = {line[:2] for line in noted}
    reported = (twice.path / "dask" / "sealed.json").exists()
    finished = on(twice.job("dask", seal=SEAL))

    assert (stopped.exit_code, reported) == (130, False)
    every = {name.split("/")[-1] for name in chunk_files(twice.path / "local" / "sealed")}
    assert prefixes
    assert {name for name in every if name[:2] in prefixes} <= there < every
    assert finished.exit_code == 0, finished.outcomes[0].error
    assert finished.outcomes[0].statistics["chunks_stored"] == len(every - there)
    assert local.outcomes[0].statistics["chunks_stored"] == len(every)
    assert twice.files("dask") == twice.files("local")


def test_ids_that_a_cluster_found_are_kept_while_it_works(
    twice: Twice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_dask, "_CHUNKS", 32)
    monkeypatch.setattr(renaming, "_WORTH", 32)
    cancel = Cancel()
    stopper = Stopper(cancel, lambda event: isinstance(event, PhaseAdvanced))
    stopped = on(twice.job("dask", rename=RENAME), stopper, cancel)
    known = parse_id_map((twice.path / "dask" / "ids").read_bytes(), "ids")
    finished = on(twice.job("dask", rename=RENAME))

    assert stopped.exit_code == 130
    every = len(chunk_files(twice.path / "dask" / "old"))
    assert 32 < len(known) < every
    assert finished.exit_code == 0, finished.outcomes[0].error
    counts: Any = finished.outcomes[0].statistics["stores"]
    assert counts["old"]["chunks"] == every - len(known)
    on(twice.job("local", rename=RENAME))
    assert twice.files("dask") == twice.files("local")


def test_a_cluster_cuts_blobs_anew_as_one_machine_does(twice: Twice) -> None:
    for engine in ENGINES:
        folder = Workspace(twice.path / engine)
        for at, size in enumerate((1 << 18, 0, 1 << 16)):
            name = f"more{at}"
            folder.make(name, np.random.default_rng(at).bytes(size), store="old")
            shutil.move(folder / f"{name}.caibx", folder / "images")
    cutting = {**RENAME, "chunk_size": "4KiB:16KiB:64KiB", "id_map": None}
    recut = {key: value for key, value in cutting.items() if value is not None}
    plans = [explain(plan(twice.job(one, recut=recut))) for one in ENGINES]
    # Indexes are sent, however large; Dask warns of as little as that otherwise.
    with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1B"}):
        found = [on(twice.job(one, recut=recut)) for one in ENGINES]

    assert plans[0] == without_places(plans[1].replace(f"{twice.path}/dask", f"{twice.path}/local"))
    assert found[1].exit_code == 0, found[1].outcomes[0].error
    assert outcomes(found[0]) == outcomes(found[1])
    assert found[1].outcomes[0].statistics["indexes_written"] == 4
    assert found[1].outcomes[0].statistics["bytes"] == (1 << 20) + (1 << 18) + (1 << 16)
    assert twice.files("dask") == twice.files("local")
    assert on(twice.job("dask", recut=recut)).outcomes[0].status is Status.UNCHANGED


def test_chunks_of_an_index_that_changes_meanwhile_are_copied_on_the_cluster(
    twice: Twice, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Workspace(twice.path / "dask")
    later = folder.make("later", np.random.default_rng(2).bytes(1 << 16), store="old")
    plainly = Migrating.copy

    def copy(migrating: Migrating, work: int) -> None:
        plainly(migrating, work)
        shutil.copy(folder / "later.caibx", folder / "images" / "blob.caibx")

    monkeypatch.setattr(Migrating, "copy", copy)
    before = len(chunk_files(folder / "old"))
    result = on(twice.job("dask", rename=RENAME))

    assert result.exit_code == 0, result.outcomes[0].error
    assert result.outcomes[0].statistics["chunks_stored"] == before
    made = Workspace(twice.path / "local")
    made.make("later", (folder / "later").read_bytes(), store="made", digest="sha256")
    assert (folder / "moved" / "blob.caibx").read_bytes() == (made / "later.caibx").read_bytes()
    assert set(chunk_files(made / "made")) < set(chunk_files(folder / "renamed"))
    assert len(made.index("later.caibx")) == len(later)
