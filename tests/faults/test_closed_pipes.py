"""A reader that has gone, as in `desync-run … | head`: a quiet end, whatever was being written."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.vectors.inputs import ctr
from tests.workspace import Workspace

JOB = 'version = 1\n[operations.a]\nkind = "digest"\nblob = "blob"\noutput = "new"\n'

Run = Callable[..., tuple[int, bytes]]


@pytest.fixture
def run(workspace: Workspace, environment: Mapping[str, str]) -> Run:
    """Run the program on a blob that is there, with nobody at the other end of its output."""
    workspace.make("blob", ctr(2_000_000))
    (workspace / "job.toml").write_text(JOB, encoding="utf-8")

    def start(*arguments: str, **variables: str) -> tuple[int, bytes]:
        reader, writer = os.pipe()
        os.close(reader)
        try:
            ended = subprocess.run(
                [sys.executable, "-W", "error", "-m", "desync_jobs", *arguments],
                cwd=workspace.path,
                env={**environment, **variables},
                stdin=subprocess.DEVNULL,
                stdout=writer,
                stderr=subprocess.PIPE,
                check=False,
            )
        finally:
            os.close(writer)
        return ended.returncode, ended.stderr

    return start


@pytest.mark.parametrize("unbuffered", ["", "1"], ids=["buffered", "unbuffered"])
@pytest.mark.parametrize(
    "command",
    [
        "cat -s store blob.caibx",
        "list-chunks blob.caibx",
        "inspect-chunks blob.caibx",
        "info blob.caibx",
        "digest blob",
        "chunk blob",
        "make - blob",
        "plan job.toml",
        "graph job.toml",
        "schema",
        "doctor",
        "--help",
        "--version",
        "run job.toml --json",
    ],
)
def test_a_reader_that_has_gone_ends_the_program_quietly(
    run: Run, command: str, unbuffered: str
) -> None:
    ended = run(*command.split(), PYTHONUNBUFFERED=unbuffered)

    assert ended == (1, b"")


def test_nobody_need_read_the_lines_about_a_run(run: Run, workspace: Workspace) -> None:
    ended = run("job.toml")

    assert ended == (0, b"")
    assert (workspace / "new").exists()


def test_nobody_need_read_the_events_of_a_run(run: Run, workspace: Workspace) -> None:
    code, said = run("job.toml", "--events", "-", "-q")

    assert code == 0
    assert said.startswith(b"desync-run: warning: events can no longer be written to -: ")
    assert (workspace / "new").exists()


def test_output_that_ends_early_leaves_the_cache_valid(run: Run, workspace: Workspace) -> None:
    (workspace / "cache").mkdir()
    ended = run("cat", "-s", "store", "-c", "cache", "blob.caibx")
    verified = workspace.do("verify", store="cache")

    assert ended == (1, b"")
    assert verified.summary == (0, "done")
    assert list(Path(workspace / "cache").rglob("*.tmp")) == []
