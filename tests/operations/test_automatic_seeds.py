"""Seeds whose index the runner makes, keeps and renews by itself."""

import os
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from desync_jobs.formats.index import Index, parse_index, serialize_index
from desync_jobs.report.events import PhaseStarted
from tests.operations.seeded import NEW, OLD, OTHER, Expected, Once, extract, index_file
from tests.vectors.inputs import ctr
from tests.workspace import Collector, Ended, How, Workspace, ids_of

pytestmark = pytest.mark.usefixtures("cache_home")

LONG_AGO = 1_500_000_000


@pytest.fixture
def automatic(release: Workspace) -> Workspace:
    """A seed called `old` without an index."""
    (release / "old").write_bytes(OLD)
    os.utime(release / "old", (LONG_AGO, LONG_AGO))
    release.seeds["old"] = {"blob": "old"}
    return release


def indexed(run: Callable[[How], object]) -> int:
    """Return how often a run indexes a seed."""
    collected = Collector()
    run(How(reporter=collected))
    phases = [one.phase for one in collected.events if isinstance(one, PhaseStarted)]
    return sum(phase.startswith("indexing seed ") for phase in phases)


def done(workspace: Workspace, how: How | None = None, /, **fields: object) -> Ended:
    ended = extract(workspace, how, seeds=["old"], **fields)
    assert ended.summary == (0, "done"), ended.message
    assert (workspace / "copy").read_bytes() == NEW
    (workspace / "copy").unlink()
    return ended


def times_indexed(workspace: Workspace, **fields: object) -> int:
    return indexed(lambda how: done(workspace, how, **fields))


def kept_files(home: Path) -> list[Path]:
    return sorted((home / "desync-run" / "seeds").iterdir())


def index_of(workspace: Workspace) -> Index:
    return workspace.index("new.caibx")


@pytest.mark.parametrize("index", [None, "auto"])
def test_an_index_is_made_kept_and_used_again(
    automatic: Workspace, asked: Counter[bytes], cache_home: Path, index: str | None
) -> None:
    if index is not None:
        automatic.seeds["old"]["index"] = index
    first = times_indexed(automatic)
    once = dict(asked)
    again = [times_indexed(automatic) for _ in range(2)]
    expected = Expected(index_of(automatic), NEW, set(ids_of(parse_index(index_file(OLD), "old"))))

    assert [first, *again] == [1, 0, 0]
    assert once == dict.fromkeys(expected.fetched, 1)
    assert asked == dict.fromkeys(expected.fetched, 3)
    assert kept_files(cache_home)[0].read_bytes() == index_file(OLD)
    assert len(kept_files(cache_home)) == 2


def test_a_plan_makes_the_index_that_the_run_uses(automatic: Workspace) -> None:
    collected = Collector()
    fields = {"index": "new.caibx", "target": "copy", "stores": ["store"], "seeds": ["old"]}
    plan = automatic.plan({"x": {"kind": "extract", **fields}}, collected)
    reads = {one.place: one.chunks for one in plan.steps[0].cost.reads}

    assert indexed(lambda how: done(automatic, how)) == 0
    assert reads["seed old"] > 20


def test_cat_uses_it_too(automatic: Workspace) -> None:
    fields = {"index": "new.caibx", "stores": ["store"], "seeds": ["old"]}
    first = indexed(lambda how: automatic.do("cat", how, **fields))
    ended = automatic.do("cat", **fields)

    assert first == 1
    assert times_indexed(automatic) == 0
    assert ended.output == NEW


def changed_size(path: Path) -> None:
    path.write_bytes(OLD + b"more")
    os.utime(path, (LONG_AGO, LONG_AGO))


def changed_time(path: Path) -> None:
    os.utime(path, (LONG_AGO, LONG_AGO + 1))


def changed_inode(path: Path) -> None:
    path.rename(path.with_name("before"))
    path.write_bytes(OLD)
    os.utime(path, (LONG_AGO, LONG_AGO))


@pytest.mark.parametrize("change", [changed_size, changed_time, changed_inode])
def test_a_blob_that_changed_is_indexed_anew_once(
    automatic: Workspace, change: Callable[[Path], None]
) -> None:
    first = times_indexed(automatic)
    change(automatic / "old")

    assert [first, times_indexed(automatic), times_indexed(automatic)] == [1, 1, 0]


@pytest.mark.parametrize("policy", ["fail", "skip", "regenerate"])
def test_a_change_that_nothing_tells_costs_fetches_and_an_index_for_the_next_run(
    automatic: Workspace, asked: Counter[bytes], policy: str
) -> None:
    """Size, time and inode are the same, as on a file system whose clock was turned back."""
    times_indexed(automatic)
    asked.clear()
    with (automatic / "old").open("r+b") as file:
        file.seek(50_000)
        file.write(ctr(40_000, b"else"))
    os.utime(automatic / "old", (LONG_AGO, LONG_AGO))
    changed = (automatic / "old").read_bytes()
    collected = Collector()
    ended = done(automatic, How(reporter=collected), invalid_seeds=policy)
    held = set(ids_of(parse_index(index_file(changed), "old")))
    expected = Expected(index_of(automatic), NEW, held)

    assert len(ended.warnings) == 1
    assert ended.warnings[0].startswith(
        f"seed old ({automatic.path}/old) is not what its index says: taken from elsewhere: "
    )
    assert asked == dict.fromkeys(expected.fetched, 1)
    assert times_indexed(automatic, invalid_seeds=policy) == (0 if policy == "regenerate" else 1)
    assert done(automatic, invalid_seeds=policy).warnings == []


def wrong_ids(path: Path) -> None:
    index = parse_index(path.read_bytes(), "kept")
    ids = np.roll(index.ids, 1, axis=0)
    path.write_bytes(serialize_index(Index(index.flags, index.sizes, index.ends, ids)))


def folder_instead(path: Path) -> None:
    path.unlink()
    path.mkdir()


KEPT_DAMAGES: dict[str, Callable[[Path], object]] = {
    "gone": Path.unlink,
    "emptied": lambda path: path.write_bytes(b""),
    "cut short": lambda path: os.truncate(path, 100),
    "text": lambda path: path.write_bytes(b"something else" * 50),
    "other bytes": lambda path: path.write_bytes(b"\xff\xfe" * 50),
    "a folder": folder_instead,
}


@pytest.mark.parametrize("number", [0, 1], ids=["index", "what it was made of"])
@pytest.mark.parametrize("damage", KEPT_DAMAGES)
def test_a_damaged_kept_index_is_made_anew(
    automatic: Workspace, cache_home: Path, damage: str, number: int
) -> None:
    first = times_indexed(automatic)
    path = kept_files(cache_home)[number]
    KEPT_DAMAGES[damage](path)
    again = times_indexed(automatic)
    if path.is_dir():
        path.rmdir()
        times_indexed(automatic)

    assert (first, again) == (1, 1)
    assert times_indexed(automatic) == 0


def test_a_kept_index_with_other_rows_is_noticed(automatic: Workspace, cache_home: Path) -> None:
    first = times_indexed(automatic)
    wrong_ids(kept_files(cache_home)[0])
    collected = Collector()
    ended = done(automatic, How(reporter=collected))

    assert first == 1
    assert ended.warnings == []
    assert kept_files(cache_home)[0].read_bytes() == index_file(OLD)


def test_each_way_of_cutting_has_its_own_index(automatic: Workspace, cache_home: Path) -> None:
    automatic.make("wide", NEW, chunk_size="4KiB:16KiB:64KiB", store="other")
    automatic.make("old-cuts", NEW, cut="desync-1.0", store="other")
    automatic.make("other-digest", NEW, digest="sha256", store="other")
    names = ("new", "wide", "old-cuts", "other-digest")

    def all_of_them(how: How) -> None:
        for name in names:
            fields = {"index": f"{name}.caibx", "stores": ["store", "other"]}
            ended = done(automatic, how, **fields)

            assert ended.statistics["bytes_from_store"] < len(NEW) // 2, name

    assert indexed(all_of_them) == 4
    assert indexed(all_of_them) == 0
    assert len(kept_files(cache_home)) == 2 * 4


def test_each_blob_has_its_own_index(automatic: Workspace, cache_home: Path) -> None:
    (automatic / "other").write_bytes(OTHER)
    automatic.seeds["other"] = {"blob": "other"}
    ended = extract(automatic, seeds=["old", "other"])

    assert ended.summary == (0, "done")
    assert len(kept_files(cache_home)) == 4


def test_the_same_blob_under_another_name_of_a_seed_is_indexed_once(automatic: Workspace) -> None:
    automatic.seeds["again"] = {"blob": str(automatic / "old"), "index": "auto"}

    assert indexed(lambda how: extract(automatic, how, seeds=["old", "again"])) == 1


@pytest.mark.parametrize("blob", [b"", b"x", bytes(200_000)])
def test_small_and_empty_blobs_are_indexed_too(automatic: Workspace, blob: bytes) -> None:
    (automatic / "old").write_bytes(blob)
    os.utime(automatic / "old", (LONG_AGO, LONG_AGO))

    assert [times_indexed(automatic) for _ in range(2)] == [1, 0]


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
    index = index_of(workspace)
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


@pytest.mark.parametrize("home", ["file", "read-only"])
def test_where_nothing_can_be_kept_the_index_is_made_each_time(
    automatic: Workspace, monkeypatch: pytest.MonkeyPatch, home: str
) -> None:
    if home == "file":
        (automatic / "home").write_bytes(b"")
        monkeypatch.setenv("XDG_CACHE_HOME", str(automatic / "home"))
    else:
        # Nobody makes folders there, not even root.
        monkeypatch.setenv("XDG_CACHE_HOME", "/proc/sys")

    assert [times_indexed(automatic) for _ in range(2)] == [1, 1]


@pytest.mark.parametrize("variable", [None, "", "relative/folder"])
def test_the_cache_folder_is_that_of_the_home_where_none_is_given(
    automatic: Workspace, monkeypatch: pytest.MonkeyPatch, variable: str | None
) -> None:
    """A relative folder counts as none, as the XDG specification wants it."""
    monkeypatch.setenv("HOME", str(automatic / "home"))
    monkeypatch.chdir(automatic.path)
    if variable is None:
        monkeypatch.delenv("XDG_CACHE_HOME")
    else:
        monkeypatch.setenv("XDG_CACHE_HOME", variable)
    times_indexed(automatic)

    assert len(kept_files(automatic / "home" / ".cache")) == 2
    assert not (automatic / "relative").exists()


def test_a_long_path_of_many_foreign_letters_has_its_index_kept(automatic: Workspace) -> None:
    folder = automatic.path
    for _ in range(6):
        folder = folder / ("ж" * 120)
        folder.mkdir()
    (automatic / "old").rename(folder / "old")
    automatic.seeds["old"]["blob"] = str(folder / "old")

    assert [times_indexed(automatic) for _ in range(2)] == [1, 0]


def test_two_runs_at_once_both_end_well_and_leave_a_right_index(
    automatic: Workspace, cache_home: Path
) -> None:
    ended: list[Ended] = []

    def run(target: str) -> None:
        ended.append(extract(automatic, seeds=["old"], target=target))

    threads = [threading.Thread(target=run, args=(f"copy{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [one.summary for one in ended] == [(0, "done")] * 4
    assert all((automatic / f"copy{number}").read_bytes() == NEW for number in range(4))
    assert kept_files(cache_home)[0].read_bytes() == index_file(OLD)
    assert times_indexed(automatic) == 0


def test_a_blob_that_changes_while_it_is_indexed_is_indexed_again_by_the_next_run(
    automatic: Workspace,
) -> None:
    path = automatic / "old"

    def change() -> None:
        path.write_bytes(OTHER)

    ended = extract(automatic, How(reporter=Once(PhaseStarted, change)), seeds=["old"])
    (automatic / "copy").unlink()

    assert ended.summary == (0, "done")
    assert [times_indexed(automatic) for _ in range(2)] == [1, 0]


def test_the_target_itself_may_be_an_automatic_seed(
    automatic: Workspace, asked: Counter[bytes]
) -> None:
    (automatic / "old").rename(automatic / "copy")
    automatic.seeds["old"]["blob"] = "copy"
    held = set(ids_of(parse_index(index_file(OLD), "old")))
    expected = Expected(index_of(automatic), NEW, held, OLD)
    ended = extract(automatic, seeds=["old"], in_place=True)
    again = extract(automatic, seeds=["old"], in_place=True)

    assert (ended.summary, again.summary) == ((0, "done"), (0, "unchanged"))
    assert (automatic / "copy").read_bytes() == NEW
    assert asked == dict.fromkeys(expected.fetched, 1)
