import json
import os
import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

Run = Callable[..., CompletedProcess[bytes]]

JOB = """\
version = 1
name = "ship"

[variables.image]
default = "image"

[stores.origin]
url = "origin"

[caches.disk]
url = "disk"

[operations.index]
kind = "make"
blob = "${image}"
index = "image.caibx"
store = "origin"

[operations.copy]
kind = "extract"
index = "image.caibx"
target = "copy"
stores = ["origin"]
cache = "disk"
"""
SECONDS = r"\(\d+\.\d\d s\)"


@pytest.fixture
def job(tmp_path: Path) -> Path:
    (tmp_path / "image").write_bytes(random.Random(7).randbytes(300_000))
    (tmp_path / "origin").mkdir()
    (tmp_path / "disk").mkdir()
    (tmp_path / "job.toml").write_text(JOB)
    return tmp_path


def test_a_job_says_what_became_of_each_operation(job: Path, desync_run: Run) -> None:
    ended = desync_run("job.toml")
    first, second, last = ended.stdout.decode().splitlines()

    assert (ended.returncode, ended.stderr) == (0, b"")
    assert re.fullmatch(
        rf"index: cut 293\.0 KiB into \d chunks, stored \d chunks \(29\d\.\d KiB\) {SECONDS}", first
    )
    assert re.fullmatch(rf"copy: wrote 293\.0 KiB in (\d) chunks: \1 from stores {SECONDS}", second)
    assert re.fullmatch(r"2 operations: 2 done; \d+\.\d\d s in all", last)
    assert (job / "copy").read_bytes() == (job / "image").read_bytes()


def test_a_job_that_is_run_again_has_nothing_to_do(job: Path, desync_run: Run) -> None:
    desync_run("run", "job.toml")
    before = (job / "copy").stat().st_mtime_ns
    ended = desync_run("job.toml")
    first, second, last = ended.stdout.decode().splitlines()

    assert (ended.returncode, ended.stderr) == (0, b"")
    assert first.startswith("index: nothing to do: ")
    assert second.startswith("copy: nothing to do: ")
    assert last.startswith("2 operations: 2 with nothing to do; ")
    assert (job / "copy").stat().st_mtime_ns == before


def test_only_a_target_and_what_it_needs_are_carried_out(job: Path, desync_run: Run) -> None:
    only = desync_run("job.toml", "--target", "index")
    there = (job / "copy").exists()
    both = desync_run("job.toml", "--target", "copy")

    assert (only.returncode, there) == (0, False)
    assert [line.split(":")[0] for line in only.stdout.decode().splitlines()] == [
        "index",
        "1 operation",
    ]
    assert both.stdout.decode().splitlines()[-1].startswith("2 operations: 1 done")
    assert (job / "copy").exists()


def test_a_target_that_is_no_operation_is_refused(job: Path, desync_run: Run) -> None:
    del job
    ended = desync_run("job.toml", "--target", "cpoy")

    assert (ended.returncode, ended.stdout) == (64, b"")
    assert (
        ended.stderr.decode()
        == "desync-run: job.toml: no operation is called 'cpoy'; did you mean 'copy'?\n"
    )


def test_the_result_is_printed_as_json(job: Path, desync_run: Run) -> None:
    del job
    ended = desync_run("job.toml", "--json")
    result = json.loads(ended.stdout)

    assert (ended.returncode, ended.stderr) == (0, b"")
    assert result["job"] == "ship"
    assert result["exit_code"] == 0
    assert [(one["operation"], one["kind"], one["status"]) for one in result["operations"]] == [
        ("index", "make", "done"),
        ("copy", "extract", "done"),
    ]


def test_a_job_without_a_name_is_called_as_its_manifest_is(job: Path, desync_run: Run) -> None:
    (job / "job.toml").write_text(JOB.replace('name = "ship"\n', ""))
    ended = desync_run("job.toml", "--json")

    assert json.loads(ended.stdout)["job"] == "job.toml"


def test_a_folder_that_is_missing_is_told_before_anything_is_done(
    job: Path, desync_run: Run
) -> None:
    (job / "job.toml").write_text(JOB.replace('"image.caibx"', '"indexes/image.caibx"'))
    told = f"{job}/indexes/image.caibx: cannot be written: its folder does not exist; create it"
    planned = desync_run("plan", "job.toml")
    ended = desync_run("job.toml")
    (job / "indexes").mkdir()
    done = desync_run("job.toml")

    assert (planned.returncode, ended.returncode, done.returncode) == (1, 1, 0)
    assert planned.stdout.splitlines()[0] == b"! index (make): cannot be done"
    assert planned.stderr.splitlines()[0] == f"desync-run: index: {told}".encode()
    assert told in ended.stderr.decode()


def test_an_operation_may_make_the_folder_of_one_that_comes_after_it(
    job: Path, desync_run: Run
) -> None:
    (job / "tree" / "sub").mkdir(parents=True)
    desync_run("tar", "tree.catar", "tree")
    unpacked = '[operations.unpack]\nkind = "untar"\narchive = "tree.catar"\ntarget = "new"\n'
    (job / "job.toml").write_text(
        JOB.replace('target = "copy"', 'target = "new/sub/copy"\nafter = ["unpack"]') + unpacked
    )
    planned = desync_run("plan", "job.toml")
    ended = desync_run("job.toml")

    assert (planned.returncode, ended.returncode) == (0, 0), ended.stderr
    assert (job / "new" / "sub" / "copy").read_bytes() == (job / "image").read_bytes()


def test_a_quiet_run_prints_nothing(job: Path, desync_run: Run) -> None:
    del job
    ended = desync_run("job.toml", "-q")

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"", b"")


def test_a_variable_of_the_command_line_reaches_the_job(job: Path, desync_run: Run) -> None:
    os.rename(job / "image", job / "release")
    ended = desync_run("job.toml", "--var", "image=release", "-n=1")

    assert ended.returncode == 0
    assert (job / "copy").read_bytes() == (job / "release").read_bytes()


def test_events_are_written_to_a_file(job: Path, desync_run: Run) -> None:
    ended = desync_run("job.toml", "--events", "events.ndjson")
    events = [json.loads(line) for line in (job / "events.ndjson").read_bytes().splitlines()]
    names = [event["event"] for event in events]

    assert ended.returncode == 0
    assert events[0]["schema"] == "desync-run.events/1"
    assert names[-1] == "run-finished"
    assert names.count("step-finished") == 2
    assert events[-1]["exit_code"] == 0


def test_events_on_standard_output_are_alone_there(job: Path, desync_run: Run) -> None:
    del job
    ended = desync_run("job.toml", "--events", "-")
    events = [json.loads(line)["event"] for line in ended.stdout.splitlines()]

    assert ended.returncode == 0
    assert events[-1] == "run-finished"
    assert b"index: cut 293.0 KiB" in ended.stderr


def test_events_and_json_cannot_share_standard_output(job: Path, desync_run: Run) -> None:
    ended = desync_run("job.toml", "--events", "-", "--json")

    assert (ended.returncode, ended.stdout) == (64, b"")
    assert ended.stderr == (
        b"desync-run: --events - and other output need standard output; name a file\n"
    )
    assert not (job / "copy").exists()


def test_an_events_file_that_cannot_be_opened_stops_the_run(job: Path, desync_run: Run) -> None:
    ended = desync_run("job.toml", "--events", "absent/events")

    assert ended.returncode == 1
    assert ended.stderr == (
        b"desync-run: absent/events: events cannot be written: No such file or directory\n"
    )
    assert not (job / "image.caibx").exists()


def test_an_events_file_that_fills_up_is_said_once_and_harms_nothing(
    job: Path, desync_run: Run
) -> None:
    ended = desync_run("job.toml", "--events", "/dev/full")

    assert ended.returncode == 0
    assert ended.stderr == (
        b"desync-run: warning: events can no longer be written to /dev/full: "
        b"[Errno 28] No space left on device\n"
    )
    assert (job / "copy").read_bytes() == (job / "image").read_bytes()


def test_a_failed_operation_is_named_with_its_error(job: Path, desync_run: Run) -> None:
    (job / "image").unlink()
    ended = desync_run("job.toml")

    assert ended.returncode == 1
    assert ended.stderr.startswith(b"desync-run: index: ")
    assert b"/image" in ended.stderr
    assert b"copy: skipped: " in ended.stdout


def test_what_depends_on_nothing_failed_is_done_with_keep_going(job: Path, desync_run: Run) -> None:
    with open(job / "job.toml", "a", encoding="ascii") as stream:
        stream.write('[operations.whole]\nkind = "digest"\nblob = "job.toml"\noutput = "sum"\n')
    (job / "image").unlink()
    stopped = desync_run("job.toml")
    stopped_wrote = (job / "sum").exists()
    ended = desync_run("job.toml", "--keep-going")

    assert (stopped.returncode, stopped_wrote) == (1, False)
    assert ended.returncode == 3
    assert (job / "sum").exists()


def test_a_missing_chunk_ends_with_5(job: Path, desync_run: Run) -> None:
    desync_run("job.toml", "-q")
    shutil.rmtree(job / "origin")
    shutil.rmtree(job / "disk")
    for name in ("origin", "disk"):
        (job / name).mkdir()
    (job / "copy").unlink()
    ended = desync_run("extract", "image.caibx", "copy", "-s", "origin")

    assert (ended.returncode, ended.stdout) == (5, b"")
    assert re.fullmatch(rb"desync-run: .*missing.*\n", ended.stderr)


def test_lines_go_aside_where_an_operation_needs_standard_output(
    job: Path, desync_run: Run
) -> None:
    desync_run("job.toml")
    with open(job / "job.toml", "a", encoding="ascii") as stream:
        stream.write(
            '[operations.show]\nkind = "cat"\nindex = "image.caibx"\nstores = ["origin"]\n'
        )
    ended = desync_run("job.toml")

    assert ended.returncode == 0
    assert ended.stdout == (job / "image").read_bytes()
    assert b"show: wrote 293.0 KiB from " in ended.stderr


def test_the_result_goes_aside_where_an_operation_needs_standard_output(
    job: Path, desync_run: Run
) -> None:
    desync_run("job.toml")
    ended = desync_run("cat", "image.caibx", "-s", "origin", "--json")

    assert ended.stdout == (job / "image").read_bytes()
    assert json.loads(ended.stderr)["operations"][0]["statistics"]["bytes"] == 300_000


def test_progress_of_desync_is_written_where_it_is_asked_for(job: Path, desync_run: Run) -> None:
    del job
    ended = desync_run(
        "make", "image.caibx", "image", "-s", "origin", DESYNC_ENABLE_PARSABLE_PROGRESS="1"
    )
    lines = ended.stderr.decode().splitlines()

    assert ended.returncode == 0
    assert "Storing  100.00% 0s" in lines
    assert lines[lines.index("Storing  100.00% 0s") + 1] == ""


def test_a_plan_explains_itself_and_changes_nothing(job: Path, desync_run: Run) -> None:
    before = sorted(os.listdir(job))
    ended = desync_run("plan", "job.toml")

    assert (ended.returncode, ended.stderr) == (0, b"")
    assert b"+ index (make): " in ended.stdout
    assert sorted(os.listdir(job)) == before


@pytest.mark.parametrize("option", ["--json", "--quiet"])
def test_the_exit_code_tells_of_changes_where_it_is_asked_to(
    job: Path, desync_run: Run, option: str
) -> None:
    del job
    before = desync_run("plan", "job.toml", "--detailed-exitcode", option)
    desync_run("job.toml")
    after = desync_run("plan", "job.toml", "--detailed-exitcode", option)

    assert (before.returncode, after.returncode) == (2, 0)
    if option == "--json":
        assert [json.loads(one.stdout)["changes"] for one in (before, after)] == [True, False]
    else:
        assert (before.stdout, after.stdout) == (b"", b"")


def test_a_plan_that_cannot_be_done_has_the_exit_code_of_its_error(
    job: Path, desync_run: Run
) -> None:
    (job / "image").unlink()
    ended = desync_run("plan", "job.toml", "--detailed-exitcode", "--quiet")

    assert (ended.returncode, ended.stdout) == (1, b"")
    assert ended.stderr.startswith(b"desync-run: ")


@pytest.mark.parametrize(("form", "first"), [("mermaid", "flowchart"), ("dot", "digraph")])
def test_a_graph_is_drawn_in_the_language_asked_for(
    job: Path, desync_run: Run, form: str, first: str
) -> None:
    del job
    ended = desync_run("graph", "job.toml", "--format", form)

    assert (ended.returncode, ended.stderr) == (0, b"")
    assert ended.stdout.decode().startswith(first)
    assert b"index" in ended.stdout
