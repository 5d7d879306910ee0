import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

Run = Callable[..., CompletedProcess[bytes]]

JOB = """\
version = 1

[variables.name]
default = "blob"

[operations.sum]
kind = "digest"
blob = "${name}"
output = "sum"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "blob").write_bytes(b"some data")
    (tmp_path / "job.toml").write_text(JOB)
    (tmp_path / "next.toml").write_text(JOB.replace('"sum"', '"sums"'))
    return tmp_path


def test_two_jobs_are_compared_key_by_key(folder: Path, desync_run: Run) -> None:
    del folder
    words = desync_run("diff", "job.toml", "next.toml")
    document = json.loads(desync_run("diff", "job.toml", "next.toml", "--json").stdout)

    assert (words.returncode, words.stderr) == (0, b"")
    assert words.stdout == b"~ operations.sum.output = 'sums', was 'sum'\n"
    assert document == {
        "changes": [{"place": "operations.sum.output", "old": "sum", "new": "sums"}]
    }


def test_two_plans_are_compared_step_by_step(folder: Path, desync_run: Run) -> None:
    desync_run("plan", "job.toml", "-q", "-o", "one.plan")
    (folder / "blob").write_bytes(b"more data than before")
    (folder / "other").write_bytes(b"x")
    desync_run("plan", "job.toml", "-q", "-o", "two.plan")
    desync_run("plan", "next.toml", "-q", "--var", "name=other", "-o", "three.plan")

    same = desync_run("diff", "one.plan", "one.plan")
    moved = desync_run("diff", "one.plan", "two.plan")
    other = desync_run("diff", "one.plan", "three.plan")

    assert (same.returncode, same.stdout) == (0, b"")
    assert moved.stdout.decode().splitlines() == ["operation sum: its input has changed"]
    assert other.stdout.decode().splitlines() == [
        "variable name: 'other', was 'blob'",
        "operations.sum of the job has changed",
        "operation sum: its input has changed",
        "operation sum: its output has changed",
    ]


def test_a_job_that_cannot_be_read_is_told(folder: Path, desync_run: Run) -> None:
    (folder / "bad.toml").write_text("][")

    ended = desync_run("diff", "job.toml", "bad.toml")

    assert ended.returncode == 64
    assert ended.stderr.startswith(b"desync-run: bad.toml: line 1")


def test_a_plan_is_not_compared_with_anything_else(folder: Path, desync_run: Run) -> None:
    desync_run("plan", "job.toml", "-q", "-o", "one.plan")

    ended = desync_run("diff", "one.plan", "job.toml")

    assert (folder / "one.plan").exists()
    assert ended.returncode == 64
    assert ended.stderr == (
        b"desync-run: job.toml: no saved plan, and the other one is; give two of a kind\n"
    )
