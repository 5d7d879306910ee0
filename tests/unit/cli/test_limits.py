import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

Run = Callable[..., CompletedProcess[bytes]]

JOB = """\
version = 1

[stores.origin]
url = "origin"

[limits]
max_download = "1 GiB"

[operations.copy]
kind = "extract"
index = "image.caibx"
target = "copy"
stores = ["origin"]
"""


@pytest.fixture
def job(tmp_path: Path, desync_run: Run) -> Path:
    (tmp_path / "image").write_bytes(random.Random(7).randbytes(300_000))
    (tmp_path / "job.toml").write_text(JOB)
    (tmp_path / "origin").mkdir()
    assert desync_run("make", "-s", "origin", "image.caibx", "image").returncode == 0
    return tmp_path


def stored(job: Path) -> int:
    return sum(path.stat().st_size for path in (job / "origin").rglob("*.cacnk"))


def test_nothing_is_begun_that_would_pass_a_limit(job: Path, desync_run: Run) -> None:
    ended = desync_run("job.toml", "--max-download", "100 KiB")

    assert ended.returncode == 8
    assert ended.stderr.decode() == (
        "desync-run: 293.1 KiB would come from stores, more than max_download = 100.0 KiB; "
        "nothing of that is fetched\n"
    )
    assert sorted(os.listdir(job)) == ["image", "image.caibx", "job.toml", "origin"]


def test_a_limit_of_exactly_what_is_needed_is_not_passed(job: Path, desync_run: Run) -> None:
    size = stored(job)

    assert desync_run("job.toml", "--max-download", f"{size - 1}").returncode == 8
    assert desync_run("job.toml", "--max-download", f"{size}").returncode == 0


def test_the_limits_of_the_job_count_unless_others_are_given(job: Path, desync_run: Run) -> None:
    (job / "job.toml").write_text(JOB.replace("1 GiB", "1 KiB"))

    assert desync_run("job.toml").returncode == 8
    assert desync_run("job.toml", "--max-requests", "100").returncode == 8
    assert desync_run("job.toml", "--max-download", "1 GiB").returncode == 0


def test_a_plan_says_which_limit_would_be_passed_and_is_not_saved(
    job: Path, desync_run: Run
) -> None:
    ended = desync_run("plan", "job.toml", "--max-requests", "0", "--json", "-o", "saved")

    assert ended.returncode == 8
    assert json.loads(ended.stdout)["limit"].startswith("stores would be asked ")
    assert not (job / "saved").exists()


def test_a_saved_plan_obeys_the_limits_that_it_is_applied_with(job: Path, desync_run: Run) -> None:
    assert desync_run("plan", "job.toml", "-q", "-o", "saved").returncode == 0

    assert desync_run("apply", "saved", "--max-requests", "1").returncode == 8
    assert not (job / "copy").exists()
    assert desync_run("apply", "saved").returncode == 0


def test_what_is_planned_on_the_way_obeys_the_limits_too(job: Path, desync_run: Run) -> None:
    made = '[operations.index]\nkind = "make"\nblob = "image"\nindex = "image.caibx"\n'
    (job / "job.toml").write_text(f'{JOB}\n{made}store = "origin"\nchunk_size = "1 KiB"\n')

    ended = desync_run("job.toml", "--max-requests", "50")

    assert ended.returncode == 8
    assert ended.stdout.decode().startswith("index: cut 293.0 KiB")
    assert b"copy: stores would be asked " in ended.stderr
    assert not (job / "copy").exists()


def test_a_run_that_takes_too_long_is_stopped_in_good_order(job: Path, desync_run: Run) -> None:
    os.mkfifo(job / "slow")
    (job / "job.toml").write_text(
        'version = 1\n[operations.wait]\nkind = "digest"\nblob = "slow"\n'
        '[limits]\nmax_duration = "200ms"\n'
    )
    # Somebody has to have it open, or opening it waits before anything can be stopped.
    held = os.open(job / "slow", os.O_RDWR)
    ended = desync_run("job.toml")
    os.close(held)

    assert ended.returncode == 8
    assert ended.stderr.decode().splitlines()[-1] == (
        "desync-run: stopped by max_duration, after 0.2 s; what was published before is complete"
    )


@pytest.mark.parametrize(
    ("option", "complaint"),
    [
        ("--max-download=lots", "--max-download: 'lots' is not a size; write bytes, or for exam"),
        ("--max-requests=-1", "--max-requests: should be a whole number from 0 to 1"),
        ("--max-duration=5", "--max-duration: '5' is not a duration; write for example"),
    ],
)
def test_a_limit_that_is_none_is_refused(
    job: Path, desync_run: Run, option: str, complaint: str
) -> None:
    del job
    ended = desync_run("job.toml", option)

    assert ended.returncode == 64
    assert ended.stderr.decode().startswith(f"desync-run: {complaint}")
