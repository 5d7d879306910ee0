"""Figures of a run, read by Prometheus's own parser."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from desync_jobs.cli.main import main
from desync_jobs.report.prometheus import METRICS, metrics_text
from desync_jobs.report.record import OperationRecord, RunRecord

JOB = """
version = 1
name = "night<l>y"
keep_going = true
[stores.origin]
url = "store"
[operations.make]
kind = "make"
index = "blob.caibx"
blob = "blob"
store = "origin"
[operations.copy]
kind = "extract"
index = "blob.caibx"
target = "copy"
stores = ["origin"]
[operations.broken]
kind = "digest"
blob = "absent"
"""


def read(path: Path) -> dict[str, dict[tuple[str, ...], float]]:
    """The values of each metric, by those of their labels without the job's."""
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(path.read_text()):
        assert family.type == "gauge"
        assert family.documentation == METRICS[family.name] + "."
        for sample in family.samples:
            labels = tuple(text for key, text in sample.labels.items() if key != "job")
            found.setdefault(sample.name, {})[labels] = sample.value
    return found


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "store").mkdir()
    (tmp_path / "blob").write_bytes(os.urandom(500_000))
    (tmp_path / "job.toml").write_text(JOB)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_run_that_partly_failed_says_what_every_place_did(job: Path) -> None:
    code = main(["run", "job.toml", "--quiet", "--metrics", "run.prom"])
    found = read(job / "run.prom")

    assert code == 3
    assert found["desync_run_exit_code"] == {(): 3}
    assert found["desync_run_operation_status"] == {
        ("make", "make", "done"): 1,
        ("copy", "extract", "done"): 1,
        ("broken", "digest", "failed"): 1,
    }
    assert found["desync_run_place_bytes"] == {("copy", "origin"): 500_000}
    chunks = found["desync_run_operation_figure"]["make", "make", "chunks"]
    assert found["desync_run_place_requests"] == {("copy", "origin"): chunks}
    assert found["desync_run_place_retries"] == {("copy", "origin"): 0}
    assert found["desync_run_source_bytes"]["copy", "zeros"] == 0
    began, ended = (found[f"desync_run_{at}_timestamp_seconds"][()] for at in ("start", "end"))
    assert ended - began == pytest.approx(found["desync_run_seconds"][()], abs=0.01)
    assert (job / "run.prom").stat().st_mode & 0o444 == 0o444  # node_exporter is somebody else
    assert sorted(path.name for path in job.glob("*run.prom*")) == ["run.prom"]


def test_a_run_that_was_not_begun_says_so(job: Path) -> None:
    (job / "job.toml").write_text(JOB + "[limits]\nmax_download = '1 KiB'\n")
    assert main(["run", "job.toml", "--quiet", "--metrics", "run.prom", "--target", "make"]) == 0

    code = main(["run", "job.toml", "--quiet", "--metrics", "run.prom", "--target", "copy"])

    assert code == 8
    assert read(job / "run.prom")["desync_run_exit_code"] == {(): 8}


def test_an_interrupted_run_writes_its_figures_too(job: Path) -> None:
    command = [sys.executable, "-m", "desync_jobs", "make", "i.caibx", "-", "--metrics", "m.prom",
               "--events", "events"]  # fmt: skip
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        while b"step-started" not in _content(job / "events"):
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 143

    found = read(job / "m.prom")
    assert found["desync_run_exit_code"] == {(): 143}
    assert found["desync_run_operation_status"] == {("make", "make", "interrupted"): 1}


def _content(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


def test_a_folder_that_is_not_there_is_said_before_the_run(
    job: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    code = main(["run", "job.toml", "--metrics", "none/run.prom"])

    assert code == 1
    assert "none/run.prom: figures cannot be written" in capfd.readouterr().err
    assert not (job / "blob.caibx").exists()


def test_names_reach_prometheus_as_they_are() -> None:
    hostile = 'a"b\\c\nd<e>\udcff'
    one = OperationRecord(hostile, "cat", "done")
    run = RunRecord(hostile, 0.0, {}, {}, {hostile: one})

    (family, *_) = text_string_to_metric_families(metrics_text(run))
    assert family.samples[0].labels == {"job": hostile.replace("\udcff", "\\udcff")}


def test_the_names_are_ones_that_prometheus_allows() -> None:
    assert all(re.fullmatch("[a-z_]+", name) for name in METRICS)
