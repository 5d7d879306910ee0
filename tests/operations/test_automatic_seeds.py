"""Seeds whose index the runner makes by itself."""

import os
from collections import Counter
from pathlib import Path

import pytest

from desync_jobs.formats.index import Index, parse_index, serialize_index
from desync_jobs.planner.plan import Plan
from tests.operations.seeded import (
    LONG_AGO,
    NEW,
    OLD,
    Expected,
    extract,
    extracted,
    index_file,
    indexings,
    kept_files,
    times_indexed,
)
from tests.workspace import How, Workspace, ids_of

pytestmark = pytest.mark.usefixtures("cache_home")


@pytest.mark.parametrize("index", [None, "auto"])
def test_an_index_is_made_kept_and_used_again(
    automatic: Workspace, asked: Counter[bytes], cache_home: Path, index: str | None
) -> None:
    if index is not None:
        automatic.seeds["old"]["index"] = index
    first = indexings(automatic)
    once = dict(asked)
    again = [indexings(automatic) for _ in range(2)]
    expected = Expected(
        automatic.index("new.caibx"), NEW, set(ids_of(parse_index(index_file(OLD), "old")))
    )

    assert [first, *again] == [1, 0, 0]
    assert once == dict.fromkeys(expected.fetched, 1)
    assert asked == dict.fromkeys(expected.fetched, 3)
    assert kept_files(cache_home)[0].read_bytes() == index_file(OLD)
    assert len(kept_files(cache_home)) == 2


def test_a_plan_uses_an_index_and_keeps_none(automatic: Workspace, cache_home: Path) -> None:
    fields = {"index": "new.caibx", "target": "copy", "stores": ["store"], "seeds": ["old"]}

    def planned(how: How) -> Plan:
        return automatic.plan({"x": {"kind": "extract", **fields}}, how.reporter)

    first = planned(How())
    after_plan = list(cache_home.iterdir())
    indexed = times_indexed(lambda how: extracted(automatic, how, seeds=["old"]))
    before = [(path.name, path.stat().st_mtime_ns) for path in kept_files(cache_home)]
    again = times_indexed(planned)

    assert {one.place: one.chunks for one in first.steps[0].cost.reads}["seed old"] > 20
    assert after_plan == []
    assert (indexed, again) == (1, 0)
    assert [(path.name, path.stat().st_mtime_ns) for path in kept_files(cache_home)] == before


def test_operations_of_a_job_index_a_seed_once(automatic: Workspace, cache_home: Path) -> None:
    fields = {"kind": "extract", "index": "new.caibx", "stores": ["store"], "seeds": ["old"]}
    operations = {name: {**fields, "target": name} for name in ("first", "second")}

    assert times_indexed(lambda how: automatic.run(operations, how)) == 1
    assert (automatic / "second").read_bytes() == NEW
    assert len(kept_files(cache_home)) == 2


def test_cat_uses_it_too(automatic: Workspace) -> None:
    fields = {"index": "new.caibx", "stores": ["store"], "seeds": ["old"]}
    first = times_indexed(lambda how: automatic.do("cat", how, **fields))
    ended = automatic.do("cat", **fields)

    assert first == 1
    assert indexings(automatic) == 0
    assert ended.output == NEW


def test_the_same_blob_under_another_name_of_a_seed_is_indexed_once(automatic: Workspace) -> None:
    automatic.seeds["again"] = {"blob": str(automatic / "old"), "index": "auto"}

    assert times_indexed(lambda how: extract(automatic, how, seeds=["old", "again"])) == 1


@pytest.mark.parametrize("blob", [b"", b"x", bytes(200_000)])
def test_small_and_empty_blobs_are_indexed_too(automatic: Workspace, blob: bytes) -> None:
    (automatic / "old").write_bytes(blob)
    os.utime(automatic / "old", (LONG_AGO, LONG_AGO))

    assert [indexings(automatic) for _ in range(2)] == [1, 0]


def test_a_complete_target_needs_no_index(automatic: Workspace, cache_home: Path) -> None:
    (automatic / "copy").write_bytes(NEW)
    ended = extract(automatic, seeds=["old"])

    assert ended.summary == (0, "unchanged")
    assert not list(cache_home.iterdir())


def test_a_blob_that_is_not_there_or_is_a_stream_is_refused(automatic: Workspace) -> None:
    (automatic / "old").unlink()
    absent = extract(automatic, seeds=["old"])
    os.mkfifo(automatic / "old")
    pipe = extract(automatic, seeds=["old"])

    assert absent.summary == pipe.summary == (1, "failed")
    assert absent.message == f"seed old: {automatic.path}/old: blob does not exist"
    assert pipe.message == (
        f"seed old: {automatic.path}/old is a stream; this operation needs a file or a device"
    )


def test_an_index_that_nothing_can_be_cut_like_is_served_by_no_automatic_seed(
    workspace: Workspace,
) -> None:
    """Its rows are right, but no program cuts with the sizes in its head."""
    workspace.make("new", NEW)
    index = workspace.index("new.caibx")
    sizes = type(index.sizes)(16, 10 << 20, 32 << 20)
    flags = index.flags & ~0x1000000000000000
    (workspace / "new.caibx").write_bytes(
        serialize_index(Index(flags, sizes, index.ends, index.ids))
    )
    (workspace / "old").write_bytes(OLD)
    workspace.seeds["old"] = {"blob": "old"}
    ended = extract(workspace, seeds=["old"])

    assert ended.summary == (0, "done"), ended.message
    assert (workspace / "copy").read_bytes() == NEW
    assert len(ended.warnings) == 1
    assert ended.warnings[0].startswith(f"seed old: {workspace.path}/old: cannot be cut as the ")
    assert ended.warnings[0].endswith("; it is not used")


def test_the_target_itself_may_be_an_automatic_seed(
    automatic: Workspace, asked: Counter[bytes]
) -> None:
    (automatic / "old").rename(automatic / "copy")
    automatic.seeds["old"]["blob"] = "copy"
    held = set(ids_of(parse_index(index_file(OLD), "old")))
    expected = Expected(automatic.index("new.caibx"), NEW, held, OLD)
    ended = extract(automatic, seeds=["old"], in_place=True)
    again = extract(automatic, seeds=["old"], in_place=True)

    assert (ended.summary, again.summary) == ((0, "done"), (0, "unchanged"))
    assert (automatic / "copy").read_bytes() == NEW
    assert asked == dict.fromkeys(expected.fetched, 1)
