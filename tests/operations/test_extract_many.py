"""`extract` of many blobs in one operation: each chunk is fetched once, each blob by itself."""

import itertools
import json
import os
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from desync_jobs.assembly.cancel import Cancel
from desync_jobs.assembly.journal_place import journal_path
from desync_jobs.core.chunk import ChunkID
from desync_jobs.errors import EXIT_INTERRUPTED
from desync_jobs.formats.index import Index, serialize_index
from desync_jobs.manifest.write import manifest_text
from desync_jobs.planner.explain import explain
from desync_jobs.report.events import Event, PhaseStarted
from tests.vectors.inputs import ctr
from tests.workspace import Ended, How, Workspace, chunk_file, stamp, stamps

COMMON = (ctr(150_000, b"common one"), bytes(120_000), ctr(200_000, b"common two"))
IMAGES = {
    name: COMMON[0] + ctr(60_000, name.encode()) + COMMON[1] + COMMON[2] + name.encode()
    for name in ("a", "b", "c")
}
"""Three images that share most of their chunks."""

LIST: dict[str, Any] = {
    "blobs": [{"index": f"{name}.caibx", "target": f"out/{name}"} for name in IMAGES],
    "stores": ["store"],
}
PATTERN: dict[str, Any] = {"indexes": "*.caibx", "targets": "out", "stores": ["store"]}


@pytest.fixture
def images(workspace: Workspace) -> dict[str, Index]:
    """The indexes of `IMAGES`, with their chunks in `store`, and an empty directory `out`."""
    (workspace / "out").mkdir()
    found = {name: workspace.make(name, data) for name, data in IMAGES.items()}
    for name in IMAGES:
        (workspace / name).unlink()
    return found


def fetched_of(images: dict[str, Index], *names: str) -> set[ChunkID]:
    """Return the distinct chunks of some images that are not zeros."""
    return {
        images[name].id(at)
        for name in names
        for at in range(len(images[name]))
        if any(IMAGES[name][images[name].start(at) : images[name].end(at)])
    }


def extracted(workspace: Workspace) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((workspace / "out").iterdir())}


def states(ended: Ended) -> dict[str, str]:
    return {one["target"]: one["status"] for one in ended.statistics["targets"]}


@pytest.mark.parametrize("fields", [LIST, PATTERN], ids=["list", "pattern"])
@pytest.mark.parametrize("in_place", [False, True])
def test_each_distinct_chunk_is_fetched_once_over_all_targets(
    workspace: Workspace,
    images: dict[str, Index],
    asked: Counter[ChunkID],
    fields: dict[str, Any],
    in_place: bool,
) -> None:
    ended = workspace.do("extract", **fields, in_place=in_place)
    wanted = fetched_of(images, *IMAGES)
    positions = sum(map(len, images.values()))

    assert ended.summary == (0, "done")
    assert ended.only.reason == "3 of 3 targets are to be written"
    assert extracted(workspace) == IMAGES
    assert asked == Counter(wanted)
    assert len(wanted) < positions // 2
    assert ended.statistics["chunks_from_store"] == len(wanted)
    assert ended.statistics["stores"]["store"]["requests"] == len(wanted)
    assert ended.statistics["chunks_total"] == positions
    assert ended.statistics["bytes_total"] == sum(map(len, IMAGES.values()))
    assert states(ended) == {"out/a": "done", "out/b": "done", "out/c": "done"}


def test_what_is_counted_is_what_was_planned(
    workspace: Workspace, images: dict[str, Index]
) -> None:
    plan = workspace.plan({"get": {"kind": "extract", **LIST}})
    (step,) = plan.steps
    ended = workspace.do("extract", **LIST)
    first, *others = ended.statistics["targets"]
    reads = {amount.place: amount for amount in step.cost.reads}

    assert reads["store"].chunks == ended.statistics["chunks_from_store"]
    assert reads["store"].bytes == ended.statistics["bytes_from_store"]
    copied = reads["other targets"].bytes + sum(
        amount.bytes for name, amount in reads.items() if name == "target"
    )
    assert copied == ended.statistics["bytes_copied_from_seeds"]
    for part, counted in zip(step.parts, ended.statistics["targets"], strict=True):
        (store,) = [amount for amount in part.cost.reads if amount.place == "store"]
        assert (part.name, store.chunks) == (counted["target"], counted["chunks_from_store"])
    assert first["chunks_from_store"] == len(fetched_of(images, "a"))
    for one in others:
        assert one["stores"]["store"]["requests"] == one["chunks_from_store"]
    for figure in ("bytes_total", "chunks_from_store", "chunks_from_seeds", "bytes_from_store"):
        every = [one[figure] for one in ended.statistics["targets"]]
        assert ended.statistics[figure] == sum(every)


def test_the_plan_lists_every_part_with_its_reason_and_cost(
    workspace: Workspace, images: dict[str, Index]
) -> None:
    (workspace / "out" / "b").write_bytes(IMAGES["b"])
    plan = workspace.plan({"get": {"kind": "extract", **PATTERN}})
    lines = explain(plan).splitlines()
    document: Any = plan.to_json()
    parts = document["steps"][0]["parts"]

    assert lines[0] == "+ get (extract): 2 of 3 targets are to be written"
    assert "    + out/a: the target does not exist" in lines
    what = "the target already is what the index describes"
    assert f"    = out/b: nothing to do: {what}" in lines
    assert any(line.strip().startswith("seed out/b  ") for line in lines)
    assert [(one["target"], one["action"]) for one in parts] == [
        ("out/a", "run"),
        ("out/b", "unchanged"),
        ("out/c", "run"),
    ]
    assert parts[1] == {
        "target": "out/b",
        "action": "unchanged",
        "reason": what,
        "reads": [],
        "writes": [],
        "download": None,
    }
    new = fetched_of(images, "a") - fetched_of(images, "b")
    assert {one["place"]: one["chunks"] for one in parts[0]["reads"]}["store"] == len(new)


@pytest.mark.parametrize("in_place", [False, True])
def test_a_second_run_changes_nothing(
    workspace: Workspace, images: dict[str, Index], in_place: bool
) -> None:
    workspace.do("extract", **LIST, in_place=in_place)
    before = stamps(workspace.path)
    ended = workspace.do("extract", **LIST, in_place=in_place)

    assert ended.summary == (0, "unchanged")
    assert ended.only.reason == "all 3 targets are what the indexes describe"
    assert stamps(workspace.path) == before
    assert ended.statistics["chunks_in_place"] == sum(map(len, images.values()))
    assert states(ended) == {"out/a": "unchanged", "out/b": "unchanged", "out/c": "unchanged"}


@pytest.mark.parametrize("missing", IMAGES)
def test_only_the_target_that_is_missing_is_written_from_the_others(
    workspace: Workspace, images: dict[str, Index], asked: Counter[ChunkID], missing: str
) -> None:
    workspace.do("extract", **LIST)
    (workspace / "out" / missing).unlink()
    asked.clear()
    others = [name for name in IMAGES if name != missing]
    before = {name: stamp(workspace / "out" / name) for name in others}
    ended = workspace.do("extract", **LIST)

    assert ended.summary == (0, "done")
    assert ended.only.reason == "1 of 3 targets is to be written"
    assert extracted(workspace) == IMAGES
    assert asked == Counter(fetched_of(images, missing) - fetched_of(images, *others))
    assert {name: stamp(workspace / "out" / name) for name in others} == before


def own_chunk(images: dict[str, Index], name: str) -> ChunkID:
    """Return a chunk that only one of the images has."""
    others = [other for other in IMAGES if other != name]
    return min(fetched_of(images, name) - fetched_of(images, *others))


def test_a_failure_leaves_what_is_published_and_names_the_blob(
    workspace: Workspace, images: dict[str, Index], asked: Counter[ChunkID]
) -> None:
    file = chunk_file(workspace / "store", own_chunk(images, "b"))
    chunk = file.read_bytes()
    file.unlink()
    failed = workspace.do("extract", **LIST)
    left = extracted(workspace)
    before = stamp(workspace / "out" / "a")
    file.write_bytes(chunk)
    asked.clear()
    ended = workspace.do("extract", **LIST)

    assert failed.summary == (5, "failed")
    missing = own_chunk(images, "b").hex()
    assert failed.message == f"{workspace / 'out' / 'b'}: chunk {missing} is missing from store"
    assert states(failed) == {"out/a": "done", "out/b": "failed", "out/c": "skipped"}
    assert failed.statistics["chunks_total"] == len(images["a"])
    assert left == {"a": IMAGES["a"]}
    assert ended.summary == (0, "done")
    assert states(ended) == {"out/a": "unchanged", "out/b": "done", "out/c": "done"}
    assert stamp(workspace / "out" / "a") == before
    assert asked == Counter(fetched_of(images, "b", "c") - fetched_of(images, "a"))
    assert extracted(workspace) == IMAGES


def test_a_run_that_is_stopped_between_blobs_says_which_are_there(
    workspace: Workspace, images: dict[str, Index]
) -> None:
    del images
    cancel = Cancel()
    begun = itertools.count(1)

    class AtTheSecond:
        def emit(self, event: Event) -> None:
            if isinstance(event, PhaseStarted) and next(begun) == 2:
                cancel.stop("SIGINT")

        def close(self) -> None:
            """Have nothing to release."""

    ended = workspace.do("extract", How(cancel=cancel, reporter=AtTheSecond()), **LIST)

    assert ended.summary == (EXIT_INTERRUPTED, "interrupted")
    assert states(ended) == {"out/a": "done", "out/b": "interrupted", "out/c": "skipped"}
    assert extracted(workspace) == {"a": IMAGES["a"]}


def test_the_blobs_of_a_pattern_are_sorted_and_those_of_a_list_keep_their_order(
    workspace: Workspace, images: dict[str, Index]
) -> None:
    del images
    (workspace / "more").mkdir()
    for name in ("a", "c"):
        (workspace / f"more/{name}{name}.caibx").write_bytes(
            (workspace / f"{name}.caibx").read_bytes()
        )
    patterns = ["more/*.caibx", "b.caibx", "*.caibx"]
    ended = workspace.do("extract", **{**PATTERN, "indexes": patterns})

    assert list(states(ended)) == ["out/aa", "out/cc", "out/b", "out/a", "out/c"]
    assert set(states(ended).values()) == {"done"}


def test_indexes_that_are_made_by_the_same_job_are_found(workspace: Workspace) -> None:
    (workspace / "out").mkdir()
    jobs = {}
    for name, data in IMAGES.items():
        (workspace / name).write_bytes(data)
        made = {"kind": "make", "blob": name, "index": f"{name}.caibx", "store": "store"}
        jobs[name] = {**made, "chunk_size": "2KiB:8KiB:32KiB"}
    ended = workspace.run({"get": {"kind": "extract", **PATTERN}, **jobs})

    assert ended.result.exit_code == 0
    assert [one.operation for one in ended.result.outcomes] == ["a", "b", "c", "get"]
    assert extracted(workspace) == IMAGES


@pytest.mark.parametrize(
    ("fields", "message", "code"),
    [
        ({"indexes": "x*.caibx"}, "x*.caibx: no index has such a name; correct it or", 5),
        ({"indexes": "no/x*.caibx"}, "no/x*.caibx: {0}/no is not a directory; correct it", 5),
        ({"indexes": "n?/x/*.caibx"}, "n?/x/*.caibx: no index has such a name; correct it", 5),
        ({"indexes": ["a.caibx", "x.caibx"]}, "x.caibx: index does not exist", 5),
        ({"targets": "no"}, "{0}/no/a: cannot be written: its folder does not exist; create", 1),
    ],
)
def test_what_is_not_there_is_found_before_anything_is_written(
    workspace: Workspace,
    images: dict[str, Index],
    fields: dict[str, Any],
    message: str,
    code: int,
) -> None:
    del images
    ended = workspace.do("extract", **{**PATTERN, **fields})

    assert ended.summary == (code, "failed")
    assert ended.message.startswith(message.format(workspace.path))
    assert extracted(workspace) == {}


def test_two_names_of_one_target_are_refused(
    workspace: Workspace, images: dict[str, Index]
) -> None:
    del images
    (workspace / "link").symlink_to("out")
    blobs = [*LIST["blobs"][:2], {"index": "c.caibx", "target": "link/a"}]
    ended = workspace.do("extract", **{**LIST, "blobs": blobs})

    assert ended.summary == (64, "failed")
    assert ended.message == (
        f"{workspace}/link/a is the same file as {workspace}/out/a, which is a target too; "
        "give each blob a file of its own"
    ).replace(str(workspace), str(workspace.path))
    assert extracted(workspace) == {}


def test_hard_links_are_one_file_in_place_and_several_otherwise(
    workspace: Workspace, images: dict[str, Index]
) -> None:
    del images
    (workspace / "out" / "a").write_bytes(b"old")
    os.link(workspace / "out" / "a", workspace / "out" / "b")
    refused = workspace.do("extract", **LIST, in_place=True)
    ended = workspace.do("extract", **LIST)

    assert refused.summary == (64, "failed")
    assert "/out/b is the same file as " in refused.message
    assert ended.summary == (0, "done")
    assert extracted(workspace) == IMAGES


def test_a_target_that_is_an_index_of_another_is_refused(
    workspace: Workspace, images: dict[str, Index]
) -> None:
    del images
    (workspace / "out" / "a").symlink_to("../c.caibx")
    before = (workspace / "c.caibx").read_bytes()
    ended = workspace.do("extract", **LIST)

    assert ended.summary == (64, "failed")
    assert ended.message.endswith("/c.caibx, which is read; name another")
    assert (workspace / "c.caibx").read_bytes() == before


def test_two_operations_do_not_write_one_target(
    workspace: Workspace, images: dict[str, Index]
) -> None:
    del images
    (workspace / "more").mkdir()
    os.link(workspace / "b.caibx", workspace / "more" / "b.caibx")
    one = {"kind": "extract", "index": "c.caibx", "target": "out/c", "stores": ["store"]}
    more = {"kind": "extract", **PATTERN, "indexes": "more/*.caibx"}
    every = {"kind": "extract", **PATTERN}
    with_one = workspace.run({"every": every, "one": one})
    with_more = workspace.run({"every": every, "more": more})
    apart = workspace.run({"one": one, "more": more})

    assert str(with_one.result.outcomes[0].error) == (
        f"{workspace.path}/out/c is written by operation 'one' too; give one of them another target"
    )
    assert "/out/b is written by operation 'more' too" in str(with_more.result.outcomes[0].error)
    assert apart.statuses == {"one": "done", "more": "done"}


def digest_of(index: Index, data: bytes) -> str:
    digest = index.algorithm.new()
    digest.update(data)
    return digest.hexdigest()


def test_a_digest_is_that_of_its_blob(workspace: Workspace, images: dict[str, Index]) -> None:
    digests = {name: digest_of(images[name], IMAGES[name]) for name in IMAGES}
    right = [{**one, "blob_digest": digests[one["target"][-1]]} for one in LIST["blobs"]]
    wrong = [*right[:2], {**right[2], "blob_digest": digests["a"]}]
    failed = workspace.do("extract", **{**LIST, "blobs": wrong})
    left = extracted(workspace)
    ended = workspace.do("extract", **{**LIST, "blobs": right})

    assert failed.summary == (4, "failed")
    assert f"/out/c: the blob has the digest {digests['c']}, not " in failed.message
    assert left == {name: IMAGES[name] for name in ("a", "b")}
    assert ended.summary == (0, "done")
    assert extracted(workspace) == IMAGES


@pytest.mark.parametrize("in_place", [False, True])
def test_a_seed_that_is_one_of_the_targets_is_used_until_it_is_written(
    workspace: Workspace, images: dict[str, Index], in_place: bool
) -> None:
    """The old `a` serves the new `a`; for the others it is gone, and the new one is there."""
    old = IMAGES["a"][:200_000] + b"something else" + IMAGES["a"][200_000:]
    workspace.make("out/a", old)
    (workspace / "out" / "a.caibx").rename(workspace / "old-index")
    workspace.seeds["old"] = {"blob": "out/a", "index": "old-index"}
    ended = workspace.do("extract", **LIST, seeds=["old"], in_place=in_place)
    first = ended.statistics["targets"][0]
    again = workspace.do("extract", **LIST, seeds=["old"], in_place=in_place)

    assert ended.summary == (0, "done"), ended.message
    assert ended.warnings == []
    assert first["chunks_from_store"] < len(fetched_of(images, "a")) // 4
    assert extracted(workspace) == IMAGES
    assert again.summary == (0, "unchanged")


def test_a_declared_seed_that_is_whole_by_now_is_no_reason_to_fail(
    workspace: Workspace, images: dict[str, Index]
) -> None:
    """An earlier run wrote `a`, which the seed's index does not know."""
    del images
    workspace.make("out/a", IMAGES["a"][::-1])
    (workspace / "out" / "a.caibx").rename(workspace / "old-index")
    (workspace / "out" / "a").write_bytes(IMAGES["a"])
    workspace.seeds["old"] = {"blob": "out/a", "index": "old-index"}
    ended = workspace.do("extract", **LIST, seeds=["old"])

    assert ended.summary == (0, "done"), ended.message
    assert ended.warnings == []
    assert extracted(workspace) == IMAGES


def test_a_seed_directory_that_has_the_targets_does_not_believe_the_new_indexes(
    workspace: Workspace, images: dict[str, Index]
) -> None:
    del images
    for name in IMAGES:
        (workspace / f"{name}.caibx").rename(workspace / "out" / f"{name}.caibx")
    (workspace / "out" / "b").write_bytes(IMAGES["b"][:300_000][::-1])
    workspace.seeds["all"] = {"directory": "out"}
    fields = {**PATTERN, "indexes": "out/*.caibx", "seeds": ["all"]}
    ended = workspace.do("extract", **fields)
    found = {name: data for name, data in extracted(workspace).items() if name in IMAGES}

    assert ended.summary == (0, "done"), ended.message
    assert ended.warnings == []
    assert found == IMAGES


def test_a_target_that_changes_before_it_serves_another_costs_fetches_only(
    workspace: Workspace, images: dict[str, Index], asked: Counter[ChunkID]
) -> None:
    begun = itertools.count(1)

    class Changing:
        def emit(self, event: Event) -> None:
            if isinstance(event, PhaseStarted) and next(begun) == 2:
                (workspace / "out" / "a").write_bytes(IMAGES["a"][:100_000])

        def close(self) -> None:
            """Have nothing to release."""

    ended = workspace.do("extract", How(reporter=Changing()), **LIST)

    assert ended.summary == (0, "done"), ended.message
    assert len(ended.warnings) == 1
    assert "seed out/a" in ended.warnings[0]
    assert extracted(workspace) == {**IMAGES, "a": IMAGES["a"][:100_000]}
    assert set(asked) == fetched_of(images, *IMAGES)


def test_blobs_in_place_keep_what_is_right_and_resume_each_by_itself(
    workspace: Workspace, images: dict[str, Index], asked: Counter[ChunkID]
) -> None:
    (workspace / "out" / "a").write_bytes(IMAGES["a"][:150_000])
    (workspace / "out" / "b").write_bytes(IMAGES["b"] + b"and more")
    (workspace / "out" / "c").write_bytes(IMAGES["b"])
    inodes = {name: (workspace / "out" / name).stat().st_ino for name in IMAGES}
    ended = workspace.do("extract", **LIST, in_place=True)
    # What `b` and `c` have already is theirs; the first one cannot know it is right.
    most = fetched_of(images, "a") | fetched_of(images, "c") - fetched_of(images, "b")

    assert ended.summary == (0, "done")
    assert extracted(workspace) == IMAGES
    assert {name: (workspace / "out" / name).stat().st_ino for name in IMAGES} == inodes
    assert max(asked.values()) == 1
    assert set(asked) < most
    assert not any(Path(journal_path(str(workspace / "out" / name))).exists() for name in IMAGES)


def test_indexes_with_other_digests_and_sizes_are_extracted_together(workspace: Workspace) -> None:
    (workspace / "out").mkdir()
    workspace.make("a", IMAGES["a"])
    workspace.make("b", IMAGES["b"], digest="sha256")
    workspace.make("c", IMAGES["c"], chunk_size="16KiB:64KiB:256KiB")
    workspace.make("empty", b"")
    ended = workspace.do("extract", **PATTERN)

    assert ended.summary == (0, "done")
    assert extracted(workspace) == {**IMAGES, "empty": b""}


def test_hundreds_of_blobs_need_few_open_files_and_little_time(
    workspace: Workspace, run_limited: Callable[..., CompletedProcess[bytes]]
) -> None:
    """Version n has the chunks of all versions before it, and one of its own."""
    versions = 500
    data = ctr((versions + 1) * 4096, b"versions")
    whole = workspace.make("whole", data, chunk_size="4KiB:4KiB:4KiB")
    (workspace / "out").mkdir()
    (workspace / "images").mkdir()
    for number in range(versions):
        ends, ids = whole.ends[: number + 1], whole.ids[: number + 1]
        index = Index(whole.flags, whole.sizes, ends, ids)
        (workspace / "images" / f"{number:03}.caibx").write_bytes(serialize_index(index))
    fields = {**PATTERN, "indexes": "images/*.caibx", "durability": "none"}
    job = workspace.job({"get": {"kind": "extract", **fields}})
    (workspace / "job.toml").write_text(manifest_text(job.spec))
    began = time.monotonic()
    ended = run_limited("job.toml", "--json")
    seconds = time.monotonic() - began
    (operation,) = json.loads(ended.stdout)["operations"]
    found = extracted(workspace)

    assert operation["status"] == "done", ended.stderr
    assert operation["statistics"]["chunks_from_store"] == versions
    assert len(found) == versions
    assert all(found[f"{number:03}"] == data[: whole.end(number)] for number in range(versions))
    assert seconds < 60
