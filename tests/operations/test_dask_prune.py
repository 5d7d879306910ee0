"""`prune` on a cluster: the indexes of its roots and the store are read by workers."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from distributed import LocalCluster

from desync_jobs.api import Settings, apply, plan
from desync_jobs.execute import marking, roots, stock_counting
from desync_jobs.execute.needed import PARTS, Needed
from desync_jobs.execute.operations import prune
from desync_jobs.execute.stock_parts import Cut
from desync_jobs.formats.marks import parse_marks
from desync_jobs.manifest.job import Job
from desync_jobs.manifest.load import job_from_document
from desync_jobs.planner.saved import parse_saved, saved_plan
from tests.operations.clusters import (
    KEY,
    Killer,
    engine_of,
    on,
    outcomes,
    told,
    what_is_sent,
    without_engines,
)
from tests.workspace import Collector, Workspace, chunk_files, overwrite

NAMES = [f"image{number}" for number in range(5)]
ENGINES = ("local", "dask")


@dataclass(frozen=True)
class Store:
    """A directory with a store and the indexes of images, and a copy of it for each engine."""

    path: Path
    scheduler: str

    def job(self, engine: str, **fields: Any) -> Job:
        operation = {
            "kind": "prune",
            "store": "store",
            "grace": "0s",
            "roots": [{"url": "images"}],
            **fields.pop("operation", {}),
        }
        document = {
            "version": 1,
            "engine": engine_of(engine, self.scheduler),
            "stores": {"store": {"url": "store", **fields}},
            "operations": {"collect": operation},
        }
        return job_from_document(document, str(self.path / engine), "job")

    def forget(self, name: str) -> None:
        for engine in ENGINES:
            (self.path / engine / "images" / f"{name}.caibx").unlink()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some images of about a hundred chunks, their indexes, and a store; not to be written to."""
    workspace = Workspace(tmp_path_factory.mktemp("images"))
    (workspace / "images").mkdir()
    dice = np.random.default_rng(7)
    for name in NAMES:
        workspace.make(name, dice.bytes(50_000), chunk_size="128B:512B:2KiB")
        (workspace / f"{name}.caibx").rename(workspace / "images" / f"{name}.caibx")
    return workspace.path


@pytest.fixture
def images(
    made: Path, tmp_path: Path, cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch
) -> Store:
    """A copy for each engine; a store of this size is listed in 16 parts."""
    cluster.wait_for_workers(3)
    for engine in ENGINES:
        for part in ("store", "images"):
            shutil.copytree(made / part, tmp_path / engine / part)
    monkeypatch.setattr(stock_counting, "CUT", Cut(least=16, most=16))
    monkeypatch.setattr(marking, "CUT", Cut(least=16, most=16))
    monkeypatch.setattr(roots, "_TOGETHER", 10_000)
    monkeypatch.setattr(prune, "time", Standing)
    return Store(tmp_path, cluster.scheduler_address)


class Standing:
    """A clock that stands."""

    @staticmethod
    def time() -> float:
        return 2e9


def files(images: Store, engine: str) -> dict[str, bytes]:
    return chunk_files(images.path / engine / "store")


@pytest.mark.parametrize("grace", ["0s", "1h"])
def test_the_plan_the_marks_the_result_and_the_events_are_the_same(
    images: Store, grace: str
) -> None:
    images.forget(NAMES[2])
    before = files(images, "dask")
    plans, results, events = [], [], []
    for engine in ENGINES:
        job = images.job(engine, operation={"grace": grace})
        plans.append(without_engines(plan(job)))
        collector = Collector()
        results.append(outcomes(on(job, collector)))
        events.append(told(collector.events))

    counts = results[1][0][4]
    assert plans[0] == plans[1]
    assert results[0] == results[1]
    assert events[0] == events[1]
    assert files(images, "local") == files(images, "dask")
    assert counts["chunks_kept"] + counts["chunks_removed"] + counts["chunks_marked"] == len(before)
    if grace == "0s":
        assert counts["chunks_removed"] > 50
    else:
        marks = parse_marks(files(images, "dask")["desync-run/marks"], "marks")
        assert len(marks.keys) == counts["chunks_marked"] > 50
        assert set(marks.since.tolist()) == {2e9}


def test_a_plan_that_was_made_here_is_carried_out_there(images: Store) -> None:
    images.forget(NAMES[0])
    job = images.job("dask")
    saved = parse_saved(saved_plan(plan(job), "job", ()).text().encode(), "plan")

    result = apply(job, saved, "plan", Settings())

    assert result.exit_code == 0
    assert result.outcomes[0].statistics["chunks_removed"] > 50  # type: ignore[operator]


@pytest.mark.parametrize(
    ("spoil", "code", "words"),
    [
        ("damaged", 4, f"images: {NAMES[1]}.caibx: "),
        ("directory", 1, "images: there is no index, so everything would be garbage"),
        ("marks", 4, "store store: desync-run/marks: damaged"),
        ("other", 1, "store store has no chunk of any index, so it is not the store of these"),
    ],
)
def test_what_is_refused_here_is_refused_there_in_the_same_words(
    images: Store, spoil: str, code: int, words: str
) -> None:
    found = []
    for engine in ENGINES:
        folder = images.path / engine
        if spoil == "damaged":
            for name in (NAMES[3], NAMES[1]):  # of two, the first is told
                path = folder / "images" / f"{name}.caibx"
                overwrite(path, path.read_bytes()[:-1])
        elif spoil == "directory":
            shutil.rmtree(folder / "images")
            (folder / "images").mkdir()
        elif spoil == "marks":
            (folder / "store" / "desync-run").mkdir()
            (folder / "store" / "desync-run" / "marks").write_bytes(b"damaged")
        else:
            shutil.rmtree(folder / "store")
            (folder / "store" / "0000").mkdir(parents=True)
            (folder / "store" / "0000" / f"{bytes(32).hex()}.cacnk").write_bytes(b"x")
        before = files(images, engine)
        result = on(images.job(engine))
        assert files(images, engine) == before
        found.append((result.exit_code, str(result.outcomes[0].error)))

    assert found[0] == found[1]
    assert found[1][0] == code
    assert words in found[1][1]


def test_a_worker_that_is_lost_while_it_lists_changes_nothing(
    images: Store, cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    images.forget(NAMES[4])
    killer = Killer([one.pid for one in cluster.workers.values()])
    real = Needed.between

    def killing(needed: Needed, first: int, last: int) -> Any:
        if first == PARTS // 2:  # others are under way
            killer.kill()
        return real(needed, first, last)

    results = [on(images.job("local"))]
    monkeypatch.setattr(Needed, "between", killing)
    results.append(on(images.job("dask")))

    assert killer.pids == []
    assert results[1].exit_code == 0
    assert outcomes(results[0]) == outcomes(results[1])
    assert files(images, "local") == files(images, "dask")


def test_workers_look_up_the_key_of_the_store_and_none_is_sent(
    images: Store, made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY_OF_WORKERS", KEY)
    encryption = {"algorithm": "aes-256-gcm", "key": {"env": "KEY_OF_WORKERS"}}
    document = {
        "version": 1,
        "stores": {"store": {"url": "store", "encryption": encryption}},
        "operations": {
            name: {
                "kind": "make",
                "blob": str(made / name),
                "index": f"images/{name}.caibx",
                "store": "store",
                "chunk_size": "128B:512B:2KiB",
            }
            for name in NAMES
        },
    }
    folder = images.path / "dask"
    assert on(job_from_document(document, str(folder), "job")).exit_code == 0
    sealed = [name for name in files(images, "dask") if not name.endswith(".cacnk")]
    (folder / "images" / f"{NAMES[0]}.caibx").unlink()
    sent = what_is_sent(monkeypatch)

    result = on(images.job("dask", encryption=encryption))

    counts = result.outcomes[0].statistics
    assert result.exit_code == 0, result.outcomes[0].error
    assert counts["chunks_kept"] + counts["chunks_removed"] == len(sealed)  # type: ignore[operator]
    assert any(b"KEY_OF_WORKERS" in one for one in sent)
    assert not any(KEY.encode() in one or bytes.fromhex(KEY) in one for one in sent)
