"""Indexes that the runner keeps of seeds: how long they hold, and what becomes of damage."""

import os
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from desync_jobs.assembly.hidden import open_locked
from desync_jobs.execute import seeds
from desync_jobs.execute.inputs import file_facts
from desync_jobs.execute.task import Streams
from desync_jobs.formats.index import Index, parse_index, serialize_index
from desync_jobs.planner.facts import FileFacts
from desync_jobs.report.events import PhaseStarted
from tests.operations.seeded import (
    LONG_AGO,
    NEW,
    OLD,
    OTHER,
    Expected,
    Once,
    extract,
    extracted,
    index_file,
    indexings,
    kept_files,
    times_indexed,
)
from tests.vectors.inputs import ctr
from tests.workspace import Collector, Ended, How, Workspace, ids_of

pytestmark = pytest.mark.usefixtures("cache_home")


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
    first = indexings(automatic)
    change(automatic / "old")

    assert [first, indexings(automatic), indexings(automatic)] == [1, 1, 0]


def test_a_file_system_with_another_number_is_the_same(
    automatic: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As some have after each start of the system."""
    first = indexings(automatic)

    def renumbered(path: str, streams: Streams) -> FileFacts:
        facts = file_facts(path, streams)
        assert facts.identity is not None
        return replace(facts, identity=(facts.identity[0] + 1, facts.identity[1]))

    monkeypatch.setattr(seeds, "file_facts", renumbered)

    assert [first, indexings(automatic)] == [1, 0]


@pytest.mark.parametrize("policy", ["fail", "skip", "regenerate"])
def test_a_change_that_nothing_tells_costs_fetches_and_an_index_for_the_next_run(
    automatic: Workspace, asked: Counter[bytes], policy: str
) -> None:
    """Size, time and inode are the same, as on a file system whose clock was turned back."""
    indexings(automatic)
    asked.clear()
    with (automatic / "old").open("r+b") as file:
        file.seek(50_000)
        file.write(ctr(40_000, b"else"))
    os.utime(automatic / "old", (LONG_AGO, LONG_AGO))
    changed = (automatic / "old").read_bytes()
    collected = Collector()
    ended = extracted(automatic, How(reporter=collected), seeds=["old"], invalid_seeds=policy)
    held = set(ids_of(parse_index(index_file(changed), "old")))
    expected = Expected(automatic.index("new.caibx"), NEW, held)

    assert len(ended.warnings) == 1
    assert ended.warnings[0].startswith(
        f"seed old ({automatic.path}/old) is not what its index says: taken from elsewhere: "
    )
    assert asked == dict.fromkeys(expected.fetched, 1)
    assert indexings(automatic, invalid_seeds=policy) == (0 if policy == "regenerate" else 1)
    assert extracted(automatic, seeds=["old"], invalid_seeds=policy).warnings == []


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
    first = indexings(automatic)
    path = kept_files(cache_home)[number]
    KEPT_DAMAGES[damage](path)
    again = indexings(automatic)
    if path.is_dir():
        path.rmdir()
        indexings(automatic)

    assert (first, again) == (1, 1)
    assert indexings(automatic) == 0


def test_a_kept_index_with_other_rows_is_noticed(automatic: Workspace, cache_home: Path) -> None:
    first = indexings(automatic)
    wrong_ids(kept_files(cache_home)[0])
    collected = Collector()
    ended = extracted(automatic, How(reporter=collected), seeds=["old"])

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
            ended = extracted(automatic, how, seeds=["old"], **fields)

            assert ended.statistics["bytes_from_store"] < len(NEW) // 2, name

    assert times_indexed(all_of_them) == 4
    assert times_indexed(all_of_them) == 0
    assert len(kept_files(cache_home)) == 2 * 4


def test_each_blob_has_its_own_index(automatic: Workspace, cache_home: Path) -> None:
    (automatic / "other").write_bytes(OTHER)
    automatic.seeds["other"] = {"blob": "other"}
    ended = extract(automatic, seeds=["old", "other"])

    assert ended.summary == (0, "done")
    assert len(kept_files(cache_home)) == 4


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

    assert [indexings(automatic) for _ in range(2)] == [1, 1]


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
    indexings(automatic)

    assert len(kept_files(automatic / "home" / ".cache")) == 2
    assert not (automatic / "relative").exists()


def test_a_long_path_of_many_foreign_letters_has_its_index_kept(automatic: Workspace) -> None:
    folder = automatic.path
    for _ in range(6):
        folder = folder / ("ж" * 120)
        folder.mkdir()
    (automatic / "old").rename(folder / "old")
    automatic.seeds["old"]["blob"] = str(folder / "old")

    assert [indexings(automatic) for _ in range(2)] == [1, 0]


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
    assert indexings(automatic) == 0


def test_a_blob_that_changes_while_it_is_indexed_is_indexed_again_by_the_next_run(
    automatic: Workspace,
) -> None:
    path = automatic / "old"

    def change() -> None:
        path.write_bytes(OTHER)

    ended = extract(automatic, How(reporter=Once(PhaseStarted, change)), seeds=["old"])
    (automatic / "copy").unlink()

    assert ended.summary == (0, "done")
    assert [indexings(automatic) for _ in range(2)] == [1, 0]


def crowd(home: Path, count: int, size: int = 100) -> list[Path]:
    """Have `count` indexes of other seeds kept, the last one used last, long ago."""
    folder = home / "desync-run" / "seeds"
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{number:032x}.caibx" for number in range(count)]
    for number, path in enumerate(paths):
        path.with_name(path.name + ".blob").write_bytes(b"")
        with path.open("wb") as file:
            file.truncate(size)
        os.utime(path, (LONG_AGO + number, LONG_AGO + number))
    return paths


def test_what_was_not_used_for_longest_makes_room(automatic: Workspace, cache_home: Path) -> None:
    paths = crowd(cache_home, 80)
    indexings(automatic)
    gone, left = paths[: 80 - 63], paths[80 - 63 :]
    named = [path for path in kept_files(cache_home) if path.name.endswith(".caibx")]

    assert not any(path.exists() or path.with_name(path.name + ".blob").exists() for path in gone)
    assert all(path.exists() and path.with_name(path.name + ".blob").exists() for path in left)
    assert len(named) == 64
    assert indexings(automatic) == 0


def test_large_indexes_make_room_before_there_are_many(
    automatic: Workspace, cache_home: Path
) -> None:
    paths = crowd(cache_home, 5, 1 << 30)  # sparse
    indexings(automatic)

    assert [path.exists() for path in paths] == [False, False, True, True, True]


def test_what_is_used_is_not_what_makes_room(automatic: Workspace, cache_home: Path) -> None:
    indexings(automatic)
    (mine,) = (path for path in kept_files(cache_home) if path.name.endswith(".caibx"))
    os.utime(mine, (LONG_AGO, LONG_AGO))
    crowd(cache_home, 70)
    used = indexings(automatic)
    (automatic / "other").write_bytes(OTHER)
    automatic.seeds["other"] = {"blob": "other"}
    extracted(automatic, seeds=["other"])

    assert used == 0
    assert mine.exists()


def test_only_one_run_at_a_time_makes_room(automatic: Workspace, cache_home: Path) -> None:
    paths = crowd(cache_home, 80)
    lock = open_locked(str(paths[0].with_name(".lock")))
    indexings(automatic)
    os.close(lock)

    assert all(path.exists() for path in paths)
    assert indexings(automatic) == 0
