"""Extraction with seeds that are what their indexes say: what comes from where, exactly."""

import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from desync_jobs.planner.plan import Plan
from tests.operations.seeded import NEW, OLD, SEEDS, Expected, declare, extract, held_by
from tests.workspace import How, Workspace, stamps


def damaged(blob: bytes) -> bytes:
    changed = bytearray(blob)
    for at in (0, 90_000, 200_000, 333_333, len(blob) - 1):
        changed[at] ^= 0xFF
    return bytes(changed)


TARGETS: Mapping[str, bytes | None] = {
    "absent": None,
    "empty": b"",
    "complete": NEW,
    "longer": NEW + OLD[:90_000],
    "shorter": NEW[:170_000],
    "damaged": damaged(NEW),
    "old": OLD,
    "full of ones": b"\xff" * (len(NEW) + 30_000),
}


def planned(plan: Plan) -> dict[str, Any]:
    """Return what the plan of an extraction says under the names of the statistics."""
    (step,) = plan.steps
    reads = {amount.place: amount for amount in step.cost.reads}
    return {
        "chunks_from_store": reads["store"].chunks,
        "bytes_from_store": reads["store"].bytes,
        "requests": reads["store"].requests,
        "seeded_chunks": sum(
            one.chunks for one in step.cost.reads if one.place.startswith("seed ")
        ),
        "seeded_bytes": sum(one.bytes for one in step.cost.reads if one.place.startswith("seed ")),
        "zero_chunks": reads["zeros"].chunks,
        "written": step.cost.writes[0].bytes,
        "exact": all(one.exact for one in (*step.cost.reads, *step.cost.writes)),
    }


@pytest.mark.parametrize(
    ("target", "in_place"),
    [(name, True) for name in TARGETS]
    + [(name, False) for name in ("absent", "complete", "old", "damaged")],
)
@pytest.mark.parametrize("seeds", SEEDS)
def test_what_seeds_lack_is_fetched_and_nothing_else(
    release: Workspace, asked: Counter[bytes], seeds: str, target: str, in_place: bool
) -> None:
    names = declare(release, SEEDS[seeds])
    there = TARGETS[target]
    if there is not None:
        (release / "copy").write_bytes(there)
    kept = (there or b"") if in_place or there == NEW else b""
    expected = Expected(release.index("new.caibx"), NEW, held_by(release, names), kept)
    before = stamps(release.path)
    ended = extract(release, seeds=names, in_place=in_place)
    after = stamps(release.path)

    assert ended.summary == (0, "unchanged" if there == NEW else "done")
    assert ended.warnings == []
    assert (release / "copy").read_bytes() == NEW
    assert asked == dict.fromkeys(expected.fetched, 1)
    assert expected.statistics.items() <= ended.statistics.items()
    assert before | after == {**before, "copy": after["copy"]} == after


@pytest.mark.parametrize(("target", "in_place"), [("absent", False), ("damaged", True)])
@pytest.mark.parametrize("seeds", SEEDS)
def test_the_plan_says_the_figures_of_the_run(
    release: Workspace, seeds: str, target: str, in_place: bool
) -> None:
    names = declare(release, SEEDS[seeds])
    there = TARGETS[target] or b""
    if in_place:
        (release / "copy").write_bytes(there)
    fields = {"index": "new.caibx", "target": "copy", "stores": ["store"], "seeds": names}
    plan = planned(release.plan({"x": {"kind": "extract", "in_place": in_place, **fields}}))
    ended = extract(release, seeds=names, in_place=in_place)
    index = release.index("new.caibx")
    expected = Expected(index, NEW, held_by(release, names), there)
    moved = sum(map(index.length, [*expected.seeded, *expected.elsewhere]))

    assert plan == {
        "chunks_from_store": ended.statistics["chunks_from_store"],
        "bytes_from_store": ended.statistics["bytes_from_store"],
        "requests": ended.statistics["chunks_from_store"],
        "seeded_chunks": len(expected.seeded),
        "seeded_bytes": sum(map(index.length, expected.seeded)),
        "zero_chunks": len(expected.zeros),
        "written": moved + ended.statistics["bytes_from_store"],
        "exact": True,
    }
    assert ended.statistics["seeds"] == 1 + len(names)


def test_seeds_are_useful_here(release: Workspace) -> None:
    """Otherwise the tests above prove little."""
    names = declare(release, [OLD])
    expected = Expected(release.index("new.caibx"), NEW, held_by(release, names))

    assert len(expected.seeded) > 20
    assert len(expected.fetched) > 10
    assert len(expected.zeros) >= 5
    assert len(expected.elsewhere) > 3


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_any_number_of_threads_does_the_same(release: Workspace, workers: int) -> None:
    names = declare(release, SEEDS["all kinds"])
    ended = extract(release, How(workers=workers), seeds=names)

    assert ended.summary == (0, "done")
    assert (release / "copy").read_bytes() == NEW


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("verify", ["fetched", "written", "all"])
def test_what_came_from_seeds_can_be_read_back(
    release: Workspace, verify: str, in_place: bool
) -> None:
    names = declare(release, [OLD])
    (release / "copy").write_bytes(damaged(NEW) + OLD)
    ended = extract(release, seeds=names, verify=verify, in_place=in_place)

    assert ended.summary == (0, "done")
    assert (release / "copy").read_bytes() == NEW


def test_the_same_seed_may_be_in_many_operations_of_a_job(release: Workspace) -> None:
    names = declare(release, [OLD])
    fields = {"kind": "extract", "index": "new.caibx", "stores": ["store"], "seeds": names}
    ended = release.run({name: {**fields, "target": name} for name in ("one", "two", "three")})

    assert ended.statuses == {"one": "done", "two": "done", "three": "done"}
    assert (release / "one").read_bytes() == (release / "three").read_bytes() == NEW


def test_an_identical_seed_needs_no_chunk_of_the_store(release: Workspace) -> None:
    (release / "empty").mkdir()
    names = declare(release, [NEW])
    ended = extract(release, stores=["empty"], seeds=names)

    assert ended.summary == (0, "done")
    assert (release / "copy").read_bytes() == NEW
    assert ended.statistics["chunks_from_store"] == 0


def test_a_seed_that_an_operation_makes_serves_the_next(workspace: Workspace) -> None:
    workspace.make("new", NEW)
    (workspace / "old").write_bytes(OLD)
    (workspace / "store").rename(workspace / "origin")
    (workspace / "empty").mkdir()
    workspace.seeds["first"] = {"blob": "first", "index": "new.caibx"}
    ended = workspace.run(
        {
            "again": {
                "kind": "extract",
                "index": "new.caibx",
                "target": "again",
                "stores": ["empty"],
                "seeds": ["first"],
            },
            "first": {
                "kind": "extract",
                "index": "new.caibx",
                "target": "first",
                "stores": ["origin"],
            },
        }
    )

    assert ended.statuses == {"first": "done", "again": "done"}
    assert (workspace / "again").read_bytes() == NEW


def test_seeds_come_before_the_cache_and_fill_it_with_nothing(release: Workspace) -> None:
    names = declare(release, [OLD])
    expected = Expected(release.index("new.caibx"), NEW, held_by(release, names))
    ended = extract(release, seeds=names, cache="cache")
    kept = {path.stem for path in (release / "cache").glob("????/*")}

    assert ended.summary == (0, "done")
    assert kept == {chunk_id.hex() for chunk_id in expected.fetched}


@pytest.mark.parametrize("cut", ["casync", "desync-1.0"])
@pytest.mark.parametrize("digest", ["sha512-256", "sha256"])
def test_either_digest_and_way_of_cutting_has_its_seeds(
    workspace: Workspace, cut: str, digest: str
) -> None:
    workspace.make("new", NEW, cut=cut, digest=digest)
    workspace.make("old", OLD, cut=cut, digest=digest, store=None)
    workspace.seeds["old"] = {"blob": "old", "index": "old.caibx"}
    ended = extract(workspace, seeds=["old"])

    assert ended.summary == (0, "done")
    assert (workspace / "copy").read_bytes() == NEW
    assert ended.statistics["bytes_from_store"] < len(NEW) // 3


def test_a_seed_with_another_digest_is_not_used_and_said(release: Workspace) -> None:
    release.make("old", OLD, digest="sha256", store=None)
    release.seeds["old"] = {"blob": "old", "index": "old.caibx"}
    ended = extract(release, seeds=["old"])

    assert ended.summary == (0, "done")
    assert ended.warnings == ["seed old: has another digest than the index; it is not used"]
    assert (release / "copy").read_bytes() == NEW
    assert ended.statistics["seeds"] == 1


def test_a_seed_cut_with_other_sizes_is_no_failure(release: Workspace) -> None:
    release.make("old", OLD, chunk_size="4KiB:16KiB:64KiB", store=None)
    release.seeds["old"] = {"blob": "old", "index": "old.caibx"}
    ended = extract(release, seeds=["old"])

    assert ended.summary == (0, "done")
    assert ended.warnings == []
    assert (release / "copy").read_bytes() == NEW


def test_a_seed_of_a_hundred_thousand_equal_chunks_is_matched_in_no_time(
    workspace: Workspace,
) -> None:
    """All chunks the same: the worst case for whoever tries every place of the first one."""
    sizes = {"chunk_size": "64B:64B:64B", "store": None}
    workspace.make("old", b"\x07" * 64 * 100_000, **sizes)
    workspace.make("new", b"\x07" * 64 * 110_000 + b"end", chunk_size="64B:64B:64B")
    workspace.seeds["old"] = {"blob": "old", "index": "old.caibx"}
    began = time.monotonic()
    ended = extract(workspace, seeds=["old"])

    assert ended.summary == (0, "done")
    assert (workspace / "copy").read_bytes() == (workspace / "new").read_bytes()
    assert ended.statistics["chunks_from_store"] == 1
    assert time.monotonic() - began < 10  # two seconds where nothing else runs
