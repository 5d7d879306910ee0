import hashlib
import json
import os
import random
import tomllib
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

import desync_jobs
from desync_jobs._version import __version__

Run = Callable[..., CompletedProcess[bytes]]

JOB = """\
version = 1

[variables.release]
default = "one"

[stores.origin]
url = "origin"

[seeds.old]
blob = "old"
index = "old.caibx"

[operations.copy]
kind = "extract"
index = "${release}.caibx"
target = "copy"
stores = ["origin"]
seeds = ["old"]

[operations.made]
kind = "make"
blob = "copy"
index = "made.caibx"
chunk_size = "1KiB:4KiB:16KiB"

[operations.check]
kind = "verify-index"
index = "made.caibx"
blob = "copy"
"""


@pytest.fixture
def job(tmp_path: Path, desync_run: Run) -> Path:
    (tmp_path / "job.toml").write_text(JOB)
    (tmp_path / "origin").mkdir()
    for seed, name in enumerate(("old", "one", "two")):
        (tmp_path / name).write_bytes(random.Random(seed).randbytes(100_000))
        assert desync_run("make", "-s", "origin", f"{name}.caibx", name).returncode == 0
    return tmp_path


@pytest.fixture
def locked(job: Path, desync_run: Run) -> Path:
    ended = desync_run("lock", "job.toml")
    assert (ended.returncode, ended.stdout) == (0, b"job.lock: written\n")
    return job


def refusal(ended: CompletedProcess[bytes]) -> str:
    """Return the one reason why a run did not take place."""
    assert ended.returncode == 6
    reason, advice = ended.stderr.decode().splitlines()
    assert "'desync-run lock job.toml'" in advice
    return reason.partition("job.lock: ")[2]


def lock(job: Path) -> dict[str, Any]:
    return tomllib.loads((job / "job.lock").read_text())


def test_a_lock_has_what_a_run_depends_on(locked: Path) -> None:
    index = (locked / "one.caibx").read_bytes()

    assert lock(locked) == {
        "version": 1,
        "program": __version__,
        "variables": {"release": "one"},
        "indexes": {
            "one.caibx": {
                "sha256": hashlib.sha256(index).hexdigest(),
                "bytes": 100_000,
                "chunks": (len(index) - 104) // 40,
                "chunk_size": "16KiB:64KiB:256KiB",
                "digest": "sha512-256",
            }
        },
        "cutting": {
            "made": {"chunk_size": "1KiB:4KiB:16KiB", "cut": "casync", "digest": "sha512-256"}
        },
    }


def test_a_lock_that_holds_is_not_written_again(locked: Path, desync_run: Run) -> None:
    before = os.stat(locked / "job.lock")

    assert desync_run("lock", "job.toml").stdout == b"job.lock: holds\n"
    assert desync_run("lock", "job.toml", "--check").returncode == 0
    assert os.stat(locked / "job.lock").st_ino == before.st_ino


def test_a_locked_job_runs_while_nothing_has_changed(locked: Path, desync_run: Run) -> None:
    first, second = desync_run("job.toml"), desync_run("job.toml")

    assert (first.returncode, second.returncode, second.stderr) == (0, 0, b"")
    assert (locked / "copy").read_bytes() == (locked / "one").read_bytes()


def test_a_run_does_not_take_another_index_than_the_locked_one(
    locked: Path, desync_run: Run
) -> None:
    (locked / "one.caibx").write_bytes((locked / "two.caibx").read_bytes())

    told = refusal(desync_run("job.toml"))

    assert told.startswith("index one.caibx is another one: ")
    assert not (locked / "copy").exists()
    assert refusal(desync_run("lock", "job.toml", "--check")) == told


def test_variables_that_are_not_given_are_those_of_the_lock(locked: Path, desync_run: Run) -> None:
    (locked / "job.toml").write_text(JOB.replace('"one"', '"two"'))

    assert desync_run("job.toml").returncode == 0
    assert (locked / "copy").read_bytes() == (locked / "one").read_bytes()
    assert desync_run("lock", "job.toml", "--check").returncode == 0


@pytest.mark.parametrize("command", [["run"], ["plan"], ["status"]])
def test_a_variable_with_another_value_is_refused(
    locked: Path, desync_run: Run, command: list[str]
) -> None:
    del locked
    given = desync_run(*command, "job.toml", "--var", "release=two")
    set_outside = desync_run(*command, "job.toml", DESYNC_VAR_RELEASE="two")

    assert refusal(given) == "variable release: 'one' is locked, the job has 'two'"
    assert refusal(set_outside) == "variable release: 'one' is locked, the job has 'two'"


def test_another_way_to_cut_is_refused(locked: Path, desync_run: Run) -> None:
    (locked / "job.toml").write_text(JOB.replace("1KiB:4KiB:16KiB", "2KiB:4KiB:16KiB"))

    assert refusal(desync_run("job.toml")) == (
        "chunk_size of operation made: '1KiB:4KiB:16KiB' is locked, the job has '2KiB:4KiB:16KiB'"
    )


def test_an_index_that_is_not_in_the_lock_is_refused(locked: Path, desync_run: Run) -> None:
    more = '[operations.more]\nkind = "list-chunks"\nindex = "two.caibx"\noutput = "list"\n'
    (locked / "job.toml").write_text(JOB + more)

    assert refusal(desync_run("job.toml")) == "index two.caibx is not locked"
    assert refusal(desync_run("lock", "job.toml", "--check")) == "index two.caibx is not locked"


def test_an_index_that_is_not_read_any_more_is_no_hindrance_but_told_by_a_check(
    locked: Path, desync_run: Run
) -> None:
    (locked / "job.toml").write_text(
        JOB.replace('kind = "extract"', 'kind = "verify-index"')
        .replace(
            'index = "${release}.caibx"\ntarget = "copy"', 'index = "made.caibx"\nblob = "copy"'
        )
        .replace('stores = ["origin"]\nseeds = ["old"]', "")
    )
    (locked / "copy").write_bytes(b"x" * 5000)

    assert desync_run("job.toml").returncode == 0
    told = refusal(desync_run("lock", "job.toml", "--check"))
    assert told == "index one.caibx is not read any more"


def test_seeds_are_not_locked(locked: Path, desync_run: Run) -> None:
    (locked / "old").write_bytes((locked / "two").read_bytes())
    (locked / "old.caibx").write_bytes((locked / "two.caibx").read_bytes())

    assert desync_run("job.toml").returncode == 0
    assert desync_run("lock", "job.toml", "--check").returncode == 0


def test_locking_anew_moves_to_what_is_there(locked: Path, desync_run: Run) -> None:
    assert desync_run("lock", "job.toml", "--var", "release=two").returncode == 0

    assert lock(locked)["variables"] == {"release": "two"}
    assert desync_run("job.toml").returncode == 0
    assert (locked / "copy").read_bytes() == (locked / "two").read_bytes()


def test_locking_anew_keeps_a_value_that_nothing_else_gives(job: Path, desync_run: Run) -> None:
    (job / "job.toml").write_text(JOB.replace('default = "one"', 'description = "which"'))
    first = desync_run("lock", "job.toml", "--var", "release=one")
    (job / "one.caibx").write_bytes((job / "two.caibx").read_bytes())
    refused = desync_run("job.toml", "--target", "copy")
    again = desync_run("lock", "job.toml")

    assert (first.returncode, refused.returncode, again.returncode) == (0, 6, 0)
    assert lock(job)["variables"] == {"release": "one"}
    (job / "job.toml").write_text(JOB.replace('"one"', '"two"'))
    assert desync_run("lock", "job.toml").returncode == 0
    assert lock(job)["variables"] == {"release": "two"}
    (job / "job.lock").write_text("no lock")
    assert desync_run("lock", "job.toml").returncode == 0


def test_a_check_writes_nothing_and_says_where_there_is_no_lock(job: Path, desync_run: Run) -> None:
    before = sorted(os.listdir(job))

    assert refusal(desync_run("lock", "job.toml", "--check")) == "there is no lock"
    assert sorted(os.listdir(job)) == before


def test_a_lock_by_another_version_is_told_by_a_check(locked: Path, desync_run: Run) -> None:
    text = (locked / "job.lock").read_text()
    (locked / "job.lock").write_text(text.replace(f'"{__version__}"', '"0.0.9"'))

    told = refusal(desync_run("lock", "job.toml", "--check"))
    assert told == f"written by version 0.0.9, this is {__version__}"
    assert desync_run("job.toml").returncode == 0


def test_nothing_is_locked_where_an_operation_cannot_be_done(job: Path, desync_run: Run) -> None:
    (job / "one.caibx").unlink()

    ended = desync_run("lock", "job.toml")

    assert ended.returncode == 5
    assert not (job / "job.lock").exists()


@pytest.mark.parametrize(
    "content", ["version = 2\n", "version = 1\nmore = 3\n", '[indexes.x]\nsha256 = "12"\n', "]["]
)
def test_a_file_that_is_no_lock_is_refused(job: Path, desync_run: Run, content: str) -> None:
    (job / "job.lock").write_text(content)

    ended = desync_run("job.toml")

    assert ended.returncode == 64
    assert ended.stderr.decode().startswith("desync-run: job.lock: ")


def test_a_lock_binds_a_saved_plan_too(locked: Path, desync_run: Run) -> None:
    assert desync_run("plan", "job.toml", "-q", "-o", "saved").returncode == 0
    (locked / "one.caibx").write_bytes((locked / "two.caibx").read_bytes())

    assert desync_run("apply", "saved").returncode == 6


def test_the_python_interface_obeys_a_lock_and_makes_one(locked: Path) -> None:
    job = desync_jobs.load(locked / "job.toml")

    assert job.lock is not None
    assert desync_jobs.lock(job) == job.lock


def test_a_lock_is_printed_as_json(locked: Path, desync_run: Run) -> None:
    document = json.loads(desync_run("lock", "job.toml", "--json").stdout)

    assert document["lock"] == "job.lock"
    assert document["changed"] is False
    assert document["indexes"] == lock(locked)["indexes"]
