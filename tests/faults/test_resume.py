"""An extraction in place that goes on where another was ended, and what it does not believe."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from random import Random

import pytest

from desync_jobs.assembly.journal_place import journal_path

SIZE = 96 << 20

JOB = """\
version = 1
[engine]
kind = "local"
workers = 2
[stores.s]
url = "store"
[operations.get]
kind = "extract"
index = "blob.caibx"
target = "{target}"
stores = ["s"]
in_place = true
"""


def desync_run(
    *arguments: str, cwd: Path, environment: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "desync_jobs", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=cwd,
        env=dict(environment),
    )


def finished(*arguments: str, cwd: Path, environment: Mapping[str, str]) -> dict[str, object]:
    process = desync_run(*arguments, "--json", cwd=cwd, environment=environment)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err.decode()
    (operation,) = json.loads(out)["operations"]
    found: dict[str, object] = operation
    return found


@pytest.fixture
def area(tmp_path: Path, environment: Mapping[str, str]) -> Path:
    """A folder with a blob that does not compress, its index and its store."""
    (tmp_path / "blob").write_bytes(Random(7).randbytes(1 << 20) + os.urandom(SIZE))
    finished("make", "-s", "store", "blob.caibx", "blob", cwd=tmp_path, environment=environment)
    (tmp_path / "job.toml").write_text(JOB.format(target="copy"))
    return tmp_path


def test_a_journal_for_another_index_is_not_believed(
    area: Path, environment: Mapping[str, str]
) -> None:
    journal = Path(journal_path(str(area / "copy")))
    process = desync_run("job.toml", cwd=area, environment=environment)
    while not (journal.exists() and journal.stat().st_size > 300) and process.poll() is None:
        time.sleep(0.005)
    process.kill()
    process.communicate(timeout=60)
    other = bytearray((area / "blob").read_bytes())
    other[5_000_000:5_000_100] = bytes(100)
    (area / "other").write_bytes(other)
    finished("make", "-s", "store", "blob.caibx", "other", cwd=area, environment=environment)
    operation = finished("job.toml", cwd=area, environment=environment)

    assert (area / "copy").read_bytes() == other
    assert "an earlier run" not in str(operation["reason"])
    assert not journal.exists()


def test_a_run_past_the_page_cache_that_is_killed_is_finished_by_the_next(
    area: Path, environment: Mapping[str, str]
) -> None:
    with (area / "job.toml").open("a") as job:
        job.write("direct_io = true\n")
    journal = Path(journal_path(str(area / "copy")))
    for size in (300, 600):
        process = desync_run("job.toml", cwd=area, environment=environment)
        while not (journal.exists() and journal.stat().st_size > size) and process.poll() is None:
            time.sleep(0.002)
        process.kill()
        process.communicate(timeout=60)
    operation = finished("job.toml", cwd=area, environment=environment)

    assert (area / "copy").read_bytes() == (area / "blob").read_bytes()
    assert str(operation["reason"]).startswith("an earlier run was interrupted with ")


def test_a_target_that_others_changed_after_a_stop_is_mended(
    area: Path, environment: Mapping[str, str]
) -> None:
    journal = Path(journal_path(str(area / "copy")))
    process = desync_run("job.toml", cwd=area, environment=environment)
    while not (journal.exists() and journal.stat().st_size > 300) and process.poll() is None:
        time.sleep(0.005)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    with (area / "copy").open("r+b") as file:
        file.seek(1000)
        file.write(b"somebody else")
    finished("job.toml", cwd=area, environment=environment)

    assert (area / "copy").read_bytes() == (area / "blob").read_bytes()


def test_a_folder_that_takes_no_journal_costs_a_warning_only(
    area: Path, environment: Mapping[str, str]
) -> None:
    journal = Path(journal_path(str(area / "copy")))
    journal.mkdir()
    process = desync_run("job.toml", cwd=area, environment=environment)
    _, err = process.communicate(timeout=60)

    assert process.returncode == 0
    assert b"a run that is interrupted will read the whole target again" in err
    assert (area / "copy").read_bytes() == (area / "blob").read_bytes()
