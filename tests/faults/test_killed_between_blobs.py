"""A run that is killed while it extracts one of many blobs: those before it are whole."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from desync_jobs.assembly.hidden import hidden_path
from desync_jobs.assembly.journal_place import journal_path
from tests.conftest import command_line

Run = Callable[..., subprocess.CompletedProcess[bytes]]

OWN = 48 << 20
COMMON = os.urandom(4 << 20)

JOB = """\
version = 1
[engine]
kind = "local"
workers = 1
[stores.s]
url = "store"
[operations.all]
kind = "extract"
indexes = "*.caibx"
targets = "out"
stores = ["s"]
durability = "none"
in_place = {in_place}
"""


@pytest.fixture
def area(tmp_path: Path, desync_run: Run) -> Path:
    """A folder with the indexes of a small blob, a large one and another small one."""
    for name, size in (("a", 1 << 20), ("b", OWN), ("c", 1 << 20)):
        (tmp_path / name).write_bytes(COMMON + os.urandom(size))
        made = desync_run("make", "-s", "store", f"{name}.caibx", name)
        assert made.returncode == 0, made.stderr
    (tmp_path / "out").mkdir()
    return tmp_path


def killed(area: Path, environment: Mapping[str, str], begun: Path) -> None:
    """Run the job and kill it as soon as the file `begun` has something in it."""
    process = subprocess.Popen(command_line(["job.toml"]), cwd=area, env=dict(environment))
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        if begun.exists() and begun.stat().st_blocks:
            break
        time.sleep(0.001)
    process.kill()

    assert process.wait(timeout=60) == -9


@pytest.mark.parametrize("in_place", [False, True])
def test_what_was_published_before_a_kill_is_whole_and_stays(
    area: Path, environment: Mapping[str, str], desync_run: Run, in_place: bool
) -> None:
    (area / "job.toml").write_text(JOB.format(in_place=str(in_place).lower()))
    second = str(area / "out" / "b")
    killed(
        area, environment, Path(journal_path(second) if in_place else hidden_path(second, "tmp"))
    )
    there = {path.name for path in (area / "out").iterdir() if not path.name.startswith(".")}
    first = (area / "out" / "a").read_bytes()
    written = (area / "out" / "a").stat().st_mtime_ns
    ended = desync_run("job.toml", "--json")
    (operation,) = json.loads(ended.stdout)["operations"]
    targets: list[dict[str, Any]] = operation["statistics"]["targets"]

    assert there == ({"a", "b"} if in_place else {"a"})
    assert first == (area / "a").read_bytes()
    assert ended.returncode == 0, ended.stderr
    assert [one["status"] for one in targets] == ["unchanged", "done", "done"]
    assert (area / "out" / "a").stat().st_mtime_ns == written
    for name in ("a", "b", "c"):
        assert (area / "out" / name).read_bytes() == (area / name).read_bytes()
    assert sorted(path.name for path in (area / "out").iterdir()) == ["a", "b", "c"]
    # What they share was fetched for the first one.
    assert targets[1]["bytes_from_store"] < OWN + (1 << 20)
    assert targets[2]["bytes_from_store"] < 2 << 20
