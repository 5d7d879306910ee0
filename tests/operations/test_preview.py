"""A plan says what the run then does: by place, in chunks, requests, plain and stored bytes."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import jsonschema
import pytest

from desync_jobs.core.chunk import ChunkID
from desync_jobs.core.prices import Source
from desync_jobs.planner.cost import Amount, Bounds, Cost
from desync_jobs.planner.plan import Plan
from desync_jobs.planner.schema import plan_schema
from desync_jobs.stores.base import StoredSize
from desync_jobs.stores.local import LocalStore
from tests.operations.seeded import NEW, OLD, OTHER, declare
from tests.vectors.inputs import ctr
from tests.workspace import Ended, Workspace, chunk_file, ids_of

Figures: TypeAlias = dict[str, tuple[int, int, int, int]]
"""Chunks, plain bytes, requests and stored bytes of each place."""

EXTRACT: dict[str, Any] = {
    "kind": "extract", "index": "new.caibx", "target": "copy", "stores": ["store"],
}  # fmt: skip
REPEATED = ctr(70_000, b"twice") * 2 + bytes(300_000) + ctr(90_000, b"once")


def planned(plan: Plan) -> Cost:
    jsonschema.validate(plan.to_json(), plan_schema())
    (step,) = plan.steps
    assert step.error is None
    return step.cost


def said(amounts: Iterable[Amount]) -> Figures:
    """Return what is to be read; every figure is exact."""
    figures = {}
    for one in amounts:
        stored = one.stored or Bounds(0, 0)
        assert one.exact, one
        assert stored.exact, one
        figures[one.place] = (one.chunks, one.bytes, one.requests, stored.upper)
    return {place: figure for place, figure in figures.items() if any(figure)}


def done(ended: Ended) -> Figures:
    """Return what was read."""
    assert ended.result.exit_code == 0, ended.message
    figures = {
        place: (one["chunks"], one["bytes"], one["requests"], one["stored_bytes"])
        for place, one in ended.statistics["stores"].items()
    } | {
        place: (one["chunks"], one["bytes"], 0, 0)
        for place, one in ended.statistics.get("sources", {}).items()
    }
    return {place: figure for place, figure in figures.items() if any(figure)}


def compared(workspace: Workspace, operation: dict[str, Any]) -> tuple[Cost, Ended]:
    """Plan an operation and run it; both must say the same."""
    job = {"it": operation}
    cost = planned(workspace.plan(job))
    ended = workspace.run(job)

    assert said(cost.reads) == done(ended)
    if "cache" in operation:
        kept = cost.writes[-1]
        added = ended.statistics["stores"][operation["cache"]]
        assert kept.stored == Bounds(added["stored_bytes_added"], added["stored_bytes_added"])
        assert (kept.place, kept.chunks) == (operation["cache"], added["chunks_added"])
    assert cost.warnings == ()
    return cost, ended


def half_full(workspace: Workspace, name: str, numbers: Callable[[int], bool]) -> None:
    """Copy every chunk of the index whose number suits from `store` to `name`."""
    index = workspace.index("new.caibx")
    for number, chunk_id in enumerate(ids_of(index)):
        if numbers(number):
            store = workspace.places.get("store", {}).get("url", "store")
            source = chunk_file(workspace / str(store), chunk_id)
            place = chunk_file(workspace / name, chunk_id)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(source.read_bytes())


def test_a_fresh_target_is_fetched_as_said(release: Workspace) -> None:
    cost, ended = compared(release, EXTRACT)

    assert cost.download is not None
    assert cost.download.exact
    assert 0 < cost.download.upper < sum(one.bytes for one in cost.reads)
    assert cost.download.upper == ended.statistics["stores"]["store"]["stored_bytes"]


@pytest.mark.parametrize("seeds", [[OLD], [OLD, OTHER], [OTHER, OLD, NEW], [bytes(300_000)]])
def test_what_each_seed_gives_is_as_said(release: Workspace, seeds: list[bytes]) -> None:
    names = declare(release, seeds)
    cost, _ = compared(release, {**EXTRACT, "seeds": names})

    places = [one.place for one in cost.reads]
    assert [f"seed {name}" for name in names] == [one for one in places if one.startswith("seed")]


def test_cache_hits_are_told_from_what_is_fetched(release: Workspace) -> None:
    half_full(release, "cache", lambda number: number % 2 == 0)
    operation = {**EXTRACT, "cache": "cache"}
    first, _ = compared(release, operation)
    (release / "copy").unlink()
    again, _ = compared(release, operation)

    cache, store = first.reads[:2]
    assert (cache.place, cache.source) == ("cache", Source.CACHE)
    assert (store.place, store.source) == ("store", Source.STORE)
    assert 0 < cache.chunks < cache.requests
    assert store.chunks == cache.requests - cache.chunks == first.writes[-1].chunks
    assert again.reads[0].chunks == again.reads[0].requests == cache.requests
    assert again.download == Bounds(0, 0)


def test_a_target_in_place_is_mended_as_said(release: Workspace) -> None:
    (release / "copy").write_bytes(NEW[:150_000] + bytes(100_000) + NEW[250_000:400_000])
    cost, ended = compared(release, {**EXTRACT, "in_place": True})

    figures = said(cost.reads)
    assert figures["in place"][0] == ended.statistics["chunks_in_place"] > 0
    assert (release / "copy").read_bytes() == NEW


def test_two_stores_with_a_gap_are_asked_as_said(release: Workspace) -> None:
    half_full(release, "near", lambda number: number % 3 != 0)
    cost, _ = compared(release, {**EXTRACT, "stores": ["near", "store"]})

    near, far = cost.reads[:2]
    assert near.requests == near.chunks + far.chunks
    assert far.requests == far.chunks > 0
    assert near.price is not None
    assert far.price is not None
    assert near.price.of(1000) < far.price.of(1000)


def test_repeated_and_zero_chunks_are_counted_as_said(workspace: Workspace) -> None:
    workspace.make("new", REPEATED)
    (workspace / "new").unlink()
    half_full(workspace, "cache", lambda number: number < 3)
    cost, _ = compared(workspace, {**EXTRACT, "cache": "cache"})

    figures = said(cost.reads)
    distinct = len(set(ids_of(workspace.index("new.caibx"))))
    assert figures["zeros"][0] > 1
    assert figures["cache"][2] == distinct - 1


def test_plain_and_compressed_stores_are_told_apart(workspace: Workspace) -> None:
    workspace.places["store"] = {"url": "store", "compression": "none"}
    workspace.make("new", OLD)
    (workspace / "new").unlink()
    cost = planned(workspace.plan({"it": {**EXTRACT, "cache": "cache"}}))
    ended = workspace.run({"it": {**EXTRACT, "cache": "cache"}})

    kept = cost.writes[-1].stored
    added = ended.statistics["stores"]["cache"]["stored_bytes_added"]
    assert said(cost.reads) == done(ended)
    assert cost.download == Bounds(cost.reads[1].bytes, cost.reads[1].bytes)
    assert kept is not None
    assert kept.lower <= added <= kept.upper


def test_a_plain_cache_keeps_plain_bytes(release: Workspace) -> None:
    release.places["cache"] = {"url": "cache", "compression": "none"}
    cost, _ = compared(release, {**EXTRACT, "cache": "cache"})

    assert cost.writes[-1].stored == Bounds(cost.writes[-1].bytes, cost.writes[-1].bytes)


@pytest.mark.parametrize("seeds", [[], [OLD], [OLD, OTHER]])
@pytest.mark.parametrize("part", [{}, {"offset": 90_000, "length": 300_001}, {"length": 0}])
def test_a_range_is_read_as_said(
    release: Workspace, seeds: list[bytes], part: dict[str, int]
) -> None:
    half_full(release, "near", lambda number: number % 3 != 0)
    operation = {
        "kind": "cat", "index": "new.caibx", "output": "part", "stores": ["near", "store"],
        "seeds": declare(release, seeds), **part,
    }  # fmt: skip

    compared(release, operation)


def test_a_range_through_a_cache_is_read_as_said(release: Workspace) -> None:
    half_full(release, "cache", lambda number: number % 2 == 0)
    operation = {
        "kind": "cat", "index": "new.caibx", "output": "part", "stores": ["store"],
        "cache": "cache", "length": 100_000,
    }  # fmt: skip

    compared(release, operation)


def test_what_is_asked_for_again_may_come_from_the_cache(workspace: Workspace) -> None:
    """A chunk in two batches: who has it the second time depends on who is faster."""
    workspace.make("new", ctr(400_000, b"long") * 2, chunk_size="256B:1KiB:2KiB")
    (workspace / "new").unlink()
    operation = {
        "kind": "cat", "index": "new.caibx", "output": "all", "stores": ["store"], "cache": "cache",
    }  # fmt: skip
    cost = planned(workspace.plan({"it": operation}))
    ended = workspace.run({"it": operation})

    cache, store = cost.reads[:2]
    given = ended.statistics["stores"]
    assert not cache.exact
    assert not store.exact
    assert given["store"]["chunks"] <= store.chunks
    assert given["cache"]["chunks"] <= cache.chunks
    assert store.stored is not None
    assert store.stored.lower <= given["store"]["stored_bytes"] <= store.stored.upper


@pytest.mark.parametrize("stores", [["store"], ["near", "store"]])
def test_a_cache_is_filled_as_said(release: Workspace, stores: list[str]) -> None:
    half_full(release, "near", lambda number: number % 3 != 0)
    half_full(release, "cache", lambda number: number % 2 == 0)
    operation = {"kind": "cache", "indexes": ["new.caibx"], "stores": stores, "cache": "cache"}

    cost, ended = compared(release, operation)

    assert cost.writes[-1].chunks == ended.statistics["chunks_stored"] > 0


def test_chunks_that_nobody_has_are_told_before_the_run(release: Workspace) -> None:
    half_full(release, "near", lambda number: number % 2 == 0)
    cost = planned(release.plan({"it": {**EXTRACT, "stores": ["near"]}}))
    ended = release.run({"it": {**EXTRACT, "stores": ["near"]}})

    (warning,) = cost.warnings
    assert warning.startswith("no store has ")
    assert warning.endswith(" that must be fetched")
    assert ended.result.exit_code == 5


def test_a_store_that_cannot_tell_makes_bounds(release: Workspace) -> None:
    index = release.index("new.caibx")
    exact = planned(release.plan({"it": EXTRACT})).download
    half_full(release, "near", lambda number: number < 4)
    for chunk_id in ids_of(index)[:4]:
        place = chunk_file(release / "near", chunk_id).parent
        for file in place.iterdir():
            file.unlink()
        place.rmdir()
        place.symlink_to(place)  # a loop: looking there is an error
    cost = planned(release.plan({"it": {**EXTRACT, "stores": ["near", "store"]}}))

    near, far = cost.reads[:2]
    assert (near.exact, far.exact) == (False, False)
    assert (near.chunks, far.requests) == (4, far.chunks)
    assert cost.download is not None
    assert exact is not None
    assert cost.download.lower < exact.upper < cost.download.upper


def test_many_targets_are_fetched_as_said(workspace: Workspace) -> None:
    names = []
    for number, blob in enumerate([OLD, NEW, OTHER]):
        workspace.make(f"{number}", blob)
        (workspace / f"{number}").unlink()
        names.append(f"{number}.caibx")
    (workspace / "out").mkdir()
    operation = {
        "kind": "extract", "indexes": names, "targets": "out", "stores": ["store"],
        "cache": "cache",
    }  # fmt: skip
    (step,) = workspace.plan({"it": operation}).steps
    ended = workspace.run({"it": operation})

    cost = step.cost
    store, added = ended.statistics["stores"]["store"], ended.statistics["stores"]["cache"]
    assert said(cost.reads) == done(ended)
    assert said(cost.reads)["other targets"][0] > 0
    assert cost.download == Bounds(store["stored_bytes"], store["stored_bytes"])
    assert cost.writes[-1].stored == Bounds(*[added["stored_bytes_added"]] * 2)
    assert [part.cost.download is not None for part in step.parts] == [True] * 3


@pytest.mark.parametrize("seconds", ["0.001s", "1h"])
def test_stores_that_race_make_bounds(release: Workspace, seconds: str) -> None:
    half_full(release, "near", lambda number: number % 3 != 0)
    release.places["near"] = {"url": "near", "hedge_after": seconds}
    operation = {**EXTRACT, "stores": ["near", "store"]}
    cost = planned(release.plan({"it": operation}))
    ended = release.run({"it": operation})

    near, far = (one for one in cost.reads if one.source is Source.STORE)
    did = ended.statistics["stores"]
    assert (near.exact, far.exact) == (False, False)
    assert cost.download is not None
    assert cost.download.lower <= sum(one["stored_bytes"] for one in did.values())
    assert cost.download.upper >= sum(one["stored_bytes"] for one in did.values())
    for said_of, name in ((near, "near"), (far, "store")):
        assert did[name]["chunks"] <= said_of.chunks
        assert did[name]["requests"] <= said_of.requests


KINDS: dict[str, dict[str, Any]] = {
    "extract": EXTRACT,
    "cat": {"kind": "cat", "index": "new.caibx", "output": "out", "stores": ["store"]},
    "cache": {"kind": "cache", "indexes": ["new.caibx"], "stores": ["store"], "cache": "cache"},
}


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let stores say that they have a chunk, and not how long it is."""
    plainly = LocalStore.stored_sizes

    def stored_sizes(store: LocalStore, ids: Sequence[ChunkID]) -> list[StoredSize]:
        return [replace(one, size=None, form=None) for one in plainly(store, ids)]

    monkeypatch.setattr(LocalStore, "stored_sizes", stored_sizes)


@pytest.mark.usefixtures("silent")
@pytest.mark.parametrize("kind", KINDS)
def test_sizes_that_a_store_does_not_tell_are_taken_from_a_file(
    release: Workspace, kind: str
) -> None:
    release.do("inspect-chunks", index="new.caibx", output="info", store="store")
    without = planned(release.plan({"it": KINDS[kind]}))
    informed = planned(release.plan({"it": {**KINDS[kind], "chunks_info": "info"}}))
    ended = release.run({"it": KINDS[kind]})

    (store,) = [one for one in without.reads if one.place == "store"]
    given = ended.statistics["stores"]["store"]["stored_bytes"]
    assert without.download is not None
    assert without.download.lower == store.chunks
    assert store.bytes < without.download.upper <= store.bytes * 257 / 256 + 128 * store.chunks
    assert informed.download == Bounds(given, given)
    assert store.exact


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_is_about_other_chunks_is_refused(release: Workspace, kind: str) -> None:
    release.do("inspect-chunks", index="new.caibx", output="info", store="store")
    text = (release / "info").read_text()
    first = release.index("new.caibx").length(0)
    (release / "info").write_text(text.replace(f": {first},", f": {first + 1},", 1))
    (step,) = release.plan({"it": {**KINDS[kind], "chunks_info": "info"}}).steps

    assert step.error is not None
    assert step.error.exit_code == 4
    assert str(step.error).endswith(f"has {first + 1} bytes, the index says {first}")
