import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

Run = Callable[..., CompletedProcess[bytes]]

JOB = """\
version = 1

[variables.name]

[stores.origin]
url = "origin"

[operations.copy]
kind = "extract"
index = "${name}.caibx"
target = "copy"
stores = ["origin"]

[operations.check]
kind = "verify-index"
index = "${name}.caibx"
blob = "copy"
"""
GIVEN = ("--var", "name=image")


@pytest.fixture
def job(tmp_path: Path, desync_run: Run) -> Path:
    (tmp_path / "image").write_bytes(random.Random(7).randbytes(300_000))
    (tmp_path / "job.toml").write_text(JOB)
    (tmp_path / "origin").mkdir()
    assert desync_run("make", "-s", "origin", "image.caibx", "image").returncode == 0
    assert desync_run("make", "other.caibx", "job.toml").returncode == 0
    return tmp_path


@pytest.fixture
def saved(job: Path, desync_run: Run) -> Path:
    ended = desync_run("plan", "job.toml", *GIVEN, "-o", "saved.plan")
    assert (ended.returncode, ended.stderr) == (0, b"")
    return job / "saved.plan"


def refusal(ended: CompletedProcess[bytes]) -> list[str]:
    """Return why a saved plan was not carried out."""
    lines = ended.stderr.decode().splitlines()
    assert ended.returncode == 6
    assert lines.pop().endswith(": nothing was done; make a new plan with 'plan -o'")
    return [line.removeprefix("desync-run: saved.plan: ") for line in lines]


def test_a_plan_that_is_saved_twice_has_the_same_bytes(saved: Path, desync_run: Run) -> None:
    desync_run("plan", "job.toml", *GIVEN, "-o", "again.plan", "--quiet")

    assert (saved.parent / "again.plan").read_bytes() == saved.read_bytes()


@pytest.mark.parametrize(
    ("option", "path", "message"),
    [
        ("-o", "job.toml", "-o job.toml: this is the job itself; name another file"),
        ("--deletions", "./job.toml", "--deletions ./job.toml: this is the job itself; name"),
        ("-o", "-", "-o -: name a file; --json prints the plan"),
    ],
)
def test_a_plan_is_not_saved_in_place_of_its_job(
    job: Path, desync_run: Run, option: str, path: str, message: str
) -> None:
    ended = desync_run("plan", "job.toml", *GIVEN, option, path)

    assert (ended.returncode, ended.stdout) == (64, b"")
    assert ended.stderr.decode().startswith(f"desync-run: {message}")
    assert (job / "job.toml").read_text() == JOB
    assert not (job / "-").exists()


def test_a_saved_plan_is_carried_out_with_the_variables_it_was_made_with(
    saved: Path, desync_run: Run
) -> None:
    ended = desync_run("apply", "saved.plan")

    assert (ended.returncode, ended.stderr) == (0, b"")
    assert ended.stdout.decode().splitlines()[-1].startswith("2 operations: 2 done; ")
    assert (saved.parent / "copy").read_bytes() == (saved.parent / "image").read_bytes()


def test_a_saved_plan_is_found_to_be_done_already(saved: Path, desync_run: Run) -> None:
    assert saved.exists()
    desync_run("apply", "saved.plan")

    told = refusal(desync_run("apply", "saved.plan"))

    assert told[0] == (
        "operation copy: the target already is what the index describes now; "
        "the plan has: the target does not exist"
    )
    assert told[1:] == [
        "operation copy: its target has changed",
        "operation copy: its target's content has changed",
        "operation check: verifications always run now; the plan has: planned when copy is done",
    ]


def test_nothing_is_done_where_an_index_has_changed(saved: Path, desync_run: Run) -> None:
    (saved.parent / "image").write_bytes(random.Random(8).randbytes(300_000))
    desync_run("make", "-s", "origin", "image.caibx", "image")

    ended = desync_run("apply", "saved.plan")

    assert refusal(ended) == ["operation copy: its index has changed"]
    assert not (saved.parent / "copy").exists()


def test_a_refusal_is_json_too(saved: Path, desync_run: Run) -> None:
    (saved.parent / "copy").write_bytes(b"by somebody else")
    outdated = desync_run("apply", "saved.plan", "--json")
    limited = desync_run("job.toml", *GIVEN, "--max-download", "1", "--json")
    desync_run("lock", "job.toml", *GIVEN)
    shutil.copy(saved.parent / "other.caibx", saved.parent / "image.caibx")
    unlocked = desync_run("lock", "job.toml", "--check", "--json")

    told = json.loads(outdated.stdout)
    assert (told["exit_code"], told["operations"]) == (outdated.returncode, []) == (6, [])
    assert told["differences"][0].startswith("operation copy: the target is not what the index ")
    assert told["differences"][1:] == ["operation copy: its target has changed"]
    told = json.loads(limited.stdout)
    assert told["exit_code"] == limited.returncode == 8
    assert "more than max_download = 1 byte" in told["error"]
    assert unlocked.returncode == 6
    (difference,) = json.loads(unlocked.stdout)["differences"]
    assert difference.startswith("index image.caibx is another one")


def test_nothing_is_done_where_a_store_lacks_what_was_there(saved: Path, desync_run: Run) -> None:
    shutil.rmtree(next((saved.parent / "origin").iterdir()))

    told = refusal(desync_run("apply", "saved.plan"))

    assert len(told) == 1
    assert told[0].startswith("operation copy: reads ")
    assert not (saved.parent / "copy").exists()


def test_what_hinders_an_operation_now_is_told_and_nothing_that_follows_from_it(
    saved: Path, desync_run: Run
) -> None:
    (saved.parent / "copy").mkdir()

    told = refusal(desync_run("apply", "saved.plan"))

    assert len(told) == 1
    assert told[0].startswith(f"operation copy: cannot be done: {saved.parent}/copy ")
    assert told[0].endswith("; the plan has: the target does not exist")


def test_what_a_lock_hinders_is_told_of_a_saved_plan_a_new_one_and_the_status(
    saved: Path, desync_run: Run
) -> None:
    desync_run("lock", "job.toml", *GIVEN)
    desync_run("plan", "job.toml", *GIVEN, "-o", "saved.plan", "--quiet")
    shutil.copy(saved.parent / "other.caibx", saved.parent / "image.caibx")

    told = refusal(desync_run("apply", "saved.plan"))
    planned = desync_run("plan", "job.toml", *GIVEN).stderr.decode().splitlines()
    status = desync_run("status", "job.toml", *GIVEN).stderr.decode().splitlines()

    assert len(told) == 1
    assert told[0].endswith(
        "; job.lock: 'desync-run lock job.toml' locks what is there now; "
        "the plan has: the target does not exist"
    )
    assert planned[-1].endswith(" locks what is there now")
    assert status == planned


def test_a_change_of_the_job_is_told_by_its_place(saved: Path, desync_run: Run) -> None:
    job = saved.parent / "job.toml"
    job.write_text(job.read_text().replace('target = "copy"', 'target = "other"') + "\n")

    assert refusal(desync_run("apply", "saved.plan")) == ["operations.copy of the job has changed"]


def test_words_of_the_job_that_change_nothing_do_not_count(saved: Path, desync_run: Run) -> None:
    job = saved.parent / "job.toml"
    job.write_text('description = "A copy."  # which is kept\n' + job.read_text())

    assert desync_run("apply", "saved.plan", "-n", "1").returncode == 0


def test_another_version_of_the_program_makes_its_own_plans(saved: Path, desync_run: Run) -> None:
    document = json.loads(saved.read_text())
    saved.write_text(json.dumps({**document, "program": "0.0.9"}))

    (told,) = refusal(desync_run("apply", "saved.plan"))
    assert told.startswith("was made by version 0.0.9, this is ")


def test_a_plan_of_a_part_is_applied_to_that_part(job: Path, desync_run: Run) -> None:
    desync_run("plan", "job.toml", *GIVEN, "--target", "copy", "-o", "saved.plan")

    ended = desync_run("apply", "saved.plan")

    assert ended.stdout.decode().splitlines()[-1].startswith("1 operation: 1 done; ")
    assert (job / "copy").exists()


def test_a_plan_that_cannot_be_carried_out_is_not_saved(job: Path, desync_run: Run) -> None:
    (job / "image.caibx").unlink()

    ended = desync_run("plan", "job.toml", *GIVEN, "-o", "saved.plan")

    assert ended.returncode == 5
    assert not (job / "saved.plan").exists()


def test_a_saved_plan_may_lie_elsewhere(job: Path, desync_run: Run) -> None:
    (job / "plans").mkdir()
    desync_run("plan", "job.toml", *GIVEN, "-o", "plans/one")

    assert json.loads((job / "plans" / "one").read_text())["job"]["path"] == "../job.toml"
    assert desync_run("apply", "plans/one").returncode == 0


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "Invalid JSON: EOF while parsing a value at line 1 column 0"),
        (b'{"schema": "desync-run.plan/1"}', "schema: Input should be 'desync-run.saved-plan/1'"),
        (b'{"schema": "desync-run.saved-plan/1"}', "program: Field required"),
        (b"[" * 100_000, "Invalid JSON: recursion limit exceeded at line 1 column 202"),
    ],
)
def test_a_file_that_is_no_saved_plan_is_refused(
    job: Path, desync_run: Run, content: bytes, complaint: str
) -> None:
    (job / "saved.plan").write_bytes(content)

    ended = desync_run("apply", "saved.plan")

    assert ended.returncode == 64
    assert ended.stderr.decode() == (
        f"desync-run: saved.plan: not a plan that this program saved: {complaint}; "
        "make one with 'plan -o'\n"
    )


def test_a_saved_plan_that_is_not_there_is_told_how_to_make(job: Path, desync_run: Run) -> None:
    del job
    ended = desync_run("apply", "saved.plan")

    assert ended.returncode == 1
    assert b"saved.plan: no such file; 'desync-run plan JOB -o saved.plan' makes" in ended.stderr


def test_a_plan_that_names_files_that_are_no_text_is_saved_and_applied(
    tmp_path: Path, desync_run: Run
) -> None:
    (tmp_path / os.fsdecode(b"\xff.img")).write_bytes(b"1")
    (tmp_path / "\u00fc.img").write_bytes(b"2")
    job = 'version = 1\n[operations.x]\nkind = "make"\nblobs = "*.img"\nindexes = "."\n'
    (tmp_path / "job.toml").write_text(job)

    assert desync_run("plan", "job.toml", "-o", "saved.plan").returncode == 0
    assert '"./\\udcff.img.caibx"' in (tmp_path / "saved.plan").read_text("utf-8")
    assert '"./\u00fc.img.caibx"' in (tmp_path / "saved.plan").read_text("utf-8")
    assert desync_run("apply", "saved.plan").returncode == 0
    assert (tmp_path / os.fsdecode(b"\xff.img.caibx")).exists()


@pytest.mark.parametrize("text", ['["\\ud800"]', '{"\\ud800"', "[" * 100_000 + "\\ud800"])
def test_half_of_a_pair_saves_no_file_from_being_refused(
    tmp_path: Path, desync_run: Run, text: str
) -> None:
    (tmp_path / "saved.plan").write_text(text)

    refused = desync_run("apply", "saved.plan")

    assert refused.returncode == 64
    assert b"saved.plan: not a plan that this program saved: " in refused.stderr
