"""`make` of many blobs in one operation: each index appears when its chunks are stored."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from subprocess import CompletedProcess
from typing import Any

import pytest

from desync_jobs.assembly.cancel import Cancel
from desync_jobs.assembly.cutting import cut_stream
from desync_jobs.errors import EXIT_INTERRUPTED
from desync_jobs.execute import blob_work, making_batch
from desync_jobs.manifest.write import manifest_text
from desync_jobs.planner.explain import explain
from desync_jobs.report.events import PhaseAdvanced
from tests.conftest import command_line
from tests.stopping import Stopper
from tests.vectors.inputs import ctr
from tests.workspace import (
    SMALL,
    Collector,
    Ended,
    How,
    Workspace,
    chunk_file,
    chunk_files,
    ids_of,
    stamp,
    stamps,
)

COMMON = ctr(150_000, b"common")
BLOBS = {
    "a.img": COMMON + ctr(60_000, b"a"),
    "b.img": ctr(60_000, b"b") + COMMON,
    "c.img": b"",
    "d.img": bytes(120_000) + ctr(80_000, b"d"),
}
MAKE: dict[str, Any] = {"blobs": "images/*.img", "indexes": "indexes", "store": "store"}
SETTINGS: dict[str, Any] = {**MAKE, "chunk_size": SMALL}


@pytest.fixture
def blobs(workspace: Workspace) -> Workspace:
    """`BLOBS` in a folder `images`, and an empty folder `indexes`."""
    (workspace / "images").mkdir()
    (workspace / "indexes").mkdir()
    for name, data in BLOBS.items():
        (workspace / "images" / name).write_bytes(data)
    return workspace


@pytest.fixture(params=["small", "large"])
def either(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, blobs: Workspace
) -> Workspace:
    """The same, where all blobs go together, or each alone over all threads."""
    if request.param == "large":
        monkeypatch.setattr(blob_work, "BATCH_BYTES", -1)
    return blobs


def states(ended: Ended) -> dict[str, str]:
    return {
        one["target"].removeprefix("indexes/").removesuffix(".caibx"): one["status"]
        for one in ended.statistics["targets"]
    }


def indexes(workspace: Workspace) -> dict[str, bytes]:
    found = sorted((workspace / "indexes").iterdir())
    return {path.name.removesuffix(".caibx"): path.read_bytes() for path in found}


def made_one_by_one(workspace: Workspace) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Return the indexes and the store that operations on one blob make."""
    found = {}
    for name in BLOBS:
        fields = {"blob": f"images/{name}", "index": f"{name}.caibx", "store": "apart"}
        assert workspace.do("make", **fields, chunk_size=SMALL).summary == (0, "done")
        found[name] = (workspace / f"{name}.caibx").read_bytes()
    return found, chunk_files(workspace / "apart")


def test_many_are_made_as_each_would_be_by_itself(either: Workspace) -> None:
    ended = either.do("make", **SETTINGS)
    one_by_one = made_one_by_one(either)
    targets = ended.statistics["targets"]

    assert ended.summary == (0, "done")
    assert ended.only.reason == "4 of 4 targets are to be made"
    assert (indexes(either), chunk_files(either / "store")) == one_by_one
    assert states(ended) == dict.fromkeys(BLOBS, "done")
    assert [one["bytes"] for one in targets] == list(map(len, BLOBS.values()))
    assert ended.statistics["chunks_stored"] == len(one_by_one[1])
    assert ended.statistics["bytes_stored"] == sum(map(len, one_by_one[1].values()))
    for figure in ("bytes", "chunks", "chunks_stored", "bytes_stored"):
        assert ended.statistics[figure] == sum(one[figure] for one in targets)


def test_a_second_run_changes_nothing(either: Workspace) -> None:
    first = either.do("make", **SETTINGS)
    before = stamps(either.path)
    ended = either.do("make", **SETTINGS)

    assert ended.summary == (0, "unchanged")
    assert ended.only.reason == (
        "all 4 targets are what describes the blobs, and the store has every chunk"
    )
    assert stamps(either.path) == before
    assert states(ended) == dict.fromkeys(BLOBS, "unchanged")
    assert ended.statistics["bytes"] == first.statistics["bytes"]
    assert ended.statistics["chunks_stored"] == 0


def test_only_what_is_not_as_it_should_be_is_made_and_the_plan_says_why(either: Workspace) -> None:
    either.do("make", **SETTINGS)
    (either / "images" / "a.img").write_bytes(BLOBS["a.img"][::-1])
    lost = ids_of(either.index("indexes/d.img.caibx"))[-1]
    chunk_file(either / "store", lost).unlink()
    (either / "indexes" / "c.img.caibx").unlink()
    kept = stamp(either / "indexes" / "b.img.caibx")
    lines = explain(either.plan({"put": {"kind": "make", **SETTINGS}})).splitlines()
    ended = either.do("make", **SETTINGS)

    same = "nothing to do: the index is the blob's and the store has every chunk"
    assert lines[0] == "+ put (make): 3 of 4 targets are to be made"
    assert [line for line in lines if "indexes/" in line] == [
        "    + indexes/a.img.caibx: the blob is not what its index describes",
        f"    = indexes/b.img.caibx: {same}",
        "    + indexes/c.img.caibx: the index does not exist",
        "    + indexes/d.img.caibx: the store lacks 1 chunk of the index",
    ]
    assert ended.summary == (0, "done")
    assert ended.only.reason == "3 of 4 targets are to be made"
    assert states(ended) == {
        "a.img": "done",
        "b.img": "unchanged",
        "c.img": "done",
        "d.img": "done",
    }
    assert stamp(either / "indexes" / "b.img.caibx") == kept
    assert chunk_file(either / "store", lost).exists()
    assert either.do("make", **SETTINGS).summary == (0, "unchanged")


def test_a_failure_leaves_what_is_published_and_names_the_blob(either: Workspace) -> None:
    # What is no index, and cannot be replaced by one.
    (either / "indexes" / "b.img.caibx").mkdir()
    failed = either.do("make", **SETTINGS)
    (either / "indexes" / "b.img.caibx").rmdir()
    left = indexes(either)
    before = stamp(either / "indexes" / "a.img.caibx")
    ended = either.do("make", **SETTINGS)

    assert failed.summary == (1, "failed")
    assert "/indexes/b.img.caibx is not a regular file" in failed.message
    assert states(failed) == {
        "a.img": "done",
        "b.img": "failed",
        "c.img": "skipped",
        "d.img": "skipped",
    }
    assert failed.statistics["bytes"] == len(BLOBS["a.img"])
    assert list(left) == ["a.img"]
    assert states(ended) == {
        "a.img": "unchanged",
        "b.img": "done",
        "c.img": "done",
        "d.img": "done",
    }
    assert stamp(either / "indexes" / "a.img.caibx") == before


def test_a_blob_that_is_gone_when_it_is_its_turn_is_told_like_any_failure(
    either: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    import desync_jobs.execute.making_many as doing

    real = doing.do_making_many

    def gone(*arguments: Any) -> Any:
        (either / "images" / "b.img").unlink()
        return real(*arguments)

    monkeypatch.setattr(doing, "do_making_many", gone)
    failed = either.do("make", **SETTINGS)

    assert failed.summary == (1, "failed")
    assert failed.message == (
        f"{either.path}/images/b.img: cannot be opened: No such file or directory"
    )
    assert list(states(failed).values()) == ["done", "failed", "skipped", "skipped"]
    assert list(indexes(either)) == ["a.img"]


def test_a_run_that_is_stopped_says_which_are_there(
    blobs: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blob_work, "BATCH_BYTES", -1)
    monkeypatch.setattr("desync_jobs.assembly.batches.BATCH_CHUNKS", 1)
    cancel = Cancel()
    stopper = Stopper(cancel, lambda event: isinstance(event, PhaseAdvanced) and event.done > 3e5)
    ended = blobs.do("make", How(cancel=cancel, reporter=stopper), **SETTINGS)
    left = indexes(blobs)

    assert ended.summary == (EXIT_INTERRUPTED, "interrupted")
    assert states(ended)["a.img"] == "done"
    assert states(ended)["d.img"] in ("interrupted", "skipped")
    assert sorted(left) == [name for name, one in states(ended).items() if one == "done"]
    assert blobs.do("make", **SETTINGS).summary == (0, "done")


def test_how_far_a_large_blob_is_is_told_while_it_is_stored(
    blobs: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blob_work, "BATCH_BYTES", 1 << 20)
    (blobs / "images" / "e.img").write_bytes(ctr(9 << 20, b"large"))
    collector = Collector()
    blobs.do("make", How(reporter=collector), **MAKE)
    done = [one.done for one in collector.events if isinstance(one, PhaseAdvanced)]
    small = sum(map(len, BLOBS.values()))

    assert len(done) > len(BLOBS) + 1
    assert done == sorted(done)
    assert small in done
    assert done[-1] == small + (9 << 20)


def test_what_a_pattern_stands_for_are_files_that_are_no_indexes(blobs: Workspace) -> None:
    (blobs / "images" / "folder.img").mkdir()
    fields = {**SETTINGS, "blobs": "images/*", "indexes": "images"}
    first = blobs.do("make", **fields)
    again = blobs.do("make", **fields)

    assert first.summary == (0, "done")
    assert again.summary == (0, "unchanged")
    assert len(again.statistics["targets"]) == len(BLOBS)


def test_patterns_and_files_of_a_list_keep_their_order_and_each_blob_is_made_once(
    blobs: Workspace,
) -> None:
    names = ["images/d.img", "images/[bc].img", "images/*.img"]
    ended = blobs.do("make", **{**SETTINGS, "blobs": names})

    assert list(states(ended)) == ["d.img", "b.img", "c.img", "a.img"]


def test_without_a_store_only_the_indexes_are_made(either: Workspace) -> None:
    fields = {name: value for name, value in SETTINGS.items() if name != "store"}
    ended = either.do("make", **fields)
    again = either.do("make", **fields)

    assert ended.summary == (0, "done")
    assert indexes(either) == made_one_by_one(either)[0]
    assert again.only.reason == "all 4 targets are what describes the blobs"


def test_what_the_same_job_makes_is_found_by_pattern(blobs: Workspace) -> None:
    (blobs / "copies").mkdir()
    back = {"indexes": "indexes/*.caibx", "targets": "copies", "stores": ["store"]}
    ended = blobs.run(
        {"back": {"kind": "extract", **back}, "put": {"kind": "make", **SETTINGS}},
    )
    copies = {path.name: path.read_bytes() for path in (blobs / "copies").iterdir()}

    assert ended.statuses == {"put": "done", "back": "done"}
    assert copies == BLOBS


@pytest.mark.parametrize(
    ("fields", "message", "code"),
    [
        ({"blobs": "x*"}, "x*: no blob has such a name; correct it or leave it out", 1),
        ({"blobs": "no/x*"}, "no/x*: {0}/no is not a directory; correct it or create it", 1),
        ({"blobs": ["images/a.img", "x"]}, "{0}/x: blob does not exist", 1),
        ({"blobs": ["images"]}, "{0}/images is a directory; a blob is a file or a device", 1),
        ({"blobs": ["pipe"]}, "{0}/pipe is a stream; this operation needs a file or a device", 1),
        ({"indexes": "no"}, "{0}/no/a.img.caibx: cannot be written: its folder does not exist", 1),
        (
            {"blobs": ["images/*", "more/*"]},
            "{0}/indexes/a.img.caibx is the same file as {0}/indexes/a.img.caibx, which is",
            64,
        ),
    ],
)
def test_what_cannot_be_made_is_found_before_anything_is_written(
    blobs: Workspace, fields: dict[str, Any], message: str, code: int
) -> None:
    os.mkfifo(blobs / "pipe")
    (blobs / "more").mkdir()
    (blobs / "more" / "a.img").write_bytes(b"another")
    ended = blobs.do("make", **{**SETTINGS, **fields})

    assert ended.summary == (code, "failed")
    assert ended.message.startswith(message.format(blobs.path)), ended.message
    assert indexes(blobs) == {}
    assert not (blobs / "store").exists()


def test_an_index_never_takes_the_place_of_another_blob(blobs: Workspace) -> None:
    (blobs / "indexes" / "a.img.caibx").symlink_to("../images/b.img")
    ended = blobs.do("make", **SETTINGS)

    assert ended.summary == (64, "failed")
    assert ended.message.endswith("/images/b.img, which is read; name another")
    assert (blobs / "images" / "b.img").read_bytes() == BLOBS["b.img"]


def test_two_operations_do_not_write_one_index(blobs: Workspace) -> None:
    (blobs / "more").mkdir()
    (blobs / "more" / "b.img").write_bytes(b"another")
    every = {"kind": "make", **SETTINGS}
    ended = blobs.run({"every": every, "more": {**every, "blobs": "more/*"}})

    assert "/indexes/b.img.caibx is written by operation 'more' too" in str(
        ended.result.outcomes[0].error
    )


def test_a_blob_that_is_written_to_meanwhile_is_told(
    blobs: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = cut_stream

    def writing(stream: Any, *arguments: Any) -> Any:
        yield from real(stream, *arguments)
        if stream.name.endswith("b.img"):
            os.utime(stream.name, (1, 1))

    monkeypatch.setattr(making_batch, "cut_stream", writing)
    ended = blobs.do("make", **SETTINGS)

    assert ended.summary == (0, "done")
    assert ended.warnings == [
        f"{blobs.path}/images/b.img changed while it was read; the index is of what was read"
    ]


@pytest.fixture
def hundreds(blobs: Workspace) -> Workspace:
    """Hundreds of small blobs, and a job file for them."""
    for number in range(500):
        (blobs / "images" / f"{number:03}.img").write_bytes(ctr(5000, b"%d" % number))
    job = blobs.job({"put": {"kind": "make", **MAKE}})
    (blobs / "job.toml").write_text(manifest_text(job.spec))
    return blobs


def test_hundreds_of_blobs_need_few_open_files_and_little_time(
    hundreds: Workspace, run_limited: Callable[..., CompletedProcess[bytes]]
) -> None:
    began = time.monotonic()
    ended = run_limited("job.toml", "--json")
    seconds = time.monotonic() - began
    (operation,) = json.loads(ended.stdout)["operations"]

    assert operation["status"] == "done", ended.stderr
    assert operation["statistics"]["chunks_stored"] == len(chunk_files(hundreds / "store"))
    assert len(indexes(hundreds)) == 504
    assert seconds < 60


def test_every_index_that_is_there_after_a_kill_has_all_its_chunks(
    hundreds: Workspace, environment: Mapping[str, str]
) -> None:
    process = subprocess.Popen(command_line(["job.toml"]), cwd=hundreds.path, env=dict(environment))
    while process.poll() is None and not (hundreds / "indexes" / "000.img.caibx").exists():
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=60)
    there = [path for path in (hundreds / "indexes").iterdir() if path.name[0] != "."]
    before = {path: stamp(path) for path in there}
    stored = chunk_files(hundreds / "store")
    ended = hundreds.do("make", **MAKE)

    assert there
    for path in there:
        for one in ids_of(hundreds.index(f"indexes/{path.name}")):
            assert f"{one.hex()[:4]}/{one.hex()}.cacnk" in stored
    assert ended.result.exit_code == 0
    assert sum(one == "unchanged" for one in states(ended).values()) == len(there)
    assert {path: stamp(path) for path in there} == before
    assert sorted(os.listdir(hundreds / "indexes")) == sorted(
        f"{name}.caibx" for name in os.listdir(hundreds / "images")
    )


def test_a_saved_plan_holds_for_the_blobs_that_it_was_made_of(
    blobs: Workspace, desync_run: Callable[..., CompletedProcess[bytes]]
) -> None:
    job = blobs.job({"put": {"kind": "make", **SETTINGS}})
    (blobs / "job.toml").write_text(manifest_text(job.spec))
    planned = desync_run("plan", "job.toml", "-o", "job.plan", "--detailed-exitcode")
    (blobs / "images" / "b.img").write_bytes(BLOBS["b.img"] + b"!")
    refused = desync_run("apply", "job.plan")
    again = desync_run("plan", "job.toml", "-o", "job.plan")
    applied = desync_run("apply", "job.plan")
    (blobs / "images" / "a.img").write_bytes(BLOBS["a.img"] + b"!")
    status = desync_run("status", "job.toml", "--json")

    assert planned.returncode == 2, planned.stderr
    assert refused.returncode == 6
    assert b"operation put: its blobs have changed" in refused.stderr
    assert again.returncode == applied.returncode == 0
    assert status.returncode == 2
    (one,) = json.loads(status.stdout)["operations"]
    assert (one["state"], one["reason"]) == ("to do", "1 of 4 targets is to be made")


def test_one_command_makes_many(
    blobs: Workspace, desync_run: Callable[..., CompletedProcess[bytes]]
) -> None:
    names = [f"images/{name}" for name in BLOBS]
    made = desync_run("make", "-s", "store", "-m", "2:8:32", "--index-dir", "indexes", *names)

    assert made.returncode == 0, made.stderr
    assert (indexes(blobs), chunk_files(blobs / "store")) == made_one_by_one(blobs)


def test_a_name_that_no_url_has_is_told_before_any_place_is_asked(blobs: Workspace) -> None:
    (blobs / "images" / os.fsdecode(b"\xff.img")).write_bytes(b"x")

    ended = blobs.do("make", **MAKE | {"indexes": "http://127.0.0.1:1/"})

    assert ended.summary == (64, "failed")
    assert ended.message == (
        "'\\udcff.img.caibx' is not UTF-8 text, as names in http://127.0.0.1:1/ are; rename it"
    )
