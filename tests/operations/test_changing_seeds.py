"""Seeds that go away, cannot be read or change between plan and run, or while a run reads them."""

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest

from desync_jobs.report.events import PhaseStarted, StepStarted
from tests.operations.seeded import NEW, OLD, OTHER, Expected, Once, declare, extract, held_by
from tests.vectors.inputs import ctr
from tests.workspace import Collector, How, Workspace, ids_of

POLICIES = ("fail", "skip", "regenerate")
TOLERANT = ("skip", "regenerate")

UNREADABLE = "/proc/self/mem"
"""A regular file that can be opened; its first bytes cannot be read."""


def replaced(path: Path, blob: bytes) -> None:
    other = path.with_name("other")
    other.write_bytes(blob)
    other.rename(path)


def folder_instead(path: Path) -> None:
    path.unlink()
    path.mkdir()


def loop_instead(path: Path) -> None:
    path.unlink()
    path.symlink_to(path)


CHANGES: dict[str, Callable[[Path], object]] = {
    "vanished": Path.unlink,
    "truncated": lambda path: os.truncate(path, 50_000),
    "overwritten": lambda path: path.write_bytes(ctr(len(OLD), b"else")),
    "replaced": lambda path: replaced(path, OTHER),
    "a folder now": folder_instead,
    "a loop of links now": loop_instead,
}


@pytest.fixture
def one_seed(release: Workspace) -> Workspace:
    declare(release, [OLD])
    return release


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("change", CHANGES)
def test_a_seed_that_changed_since_the_plan_costs_fetches_or_is_one_error(
    one_seed: Workspace, policy: str, change: str
) -> None:
    blob = one_seed / "seed1.blob"
    how = How(reporter=Once(StepStarted, lambda: CHANGES[change](blob)))
    ended = extract(one_seed, how, seeds=["seed1"], invalid_seeds=policy)

    if policy == "fail":
        assert ended.summary[1] == "failed"
        assert f"{blob}" in ended.message
        assert "seed seed1" in ended.message
        assert ended.warnings == []
        assert not (one_seed / "copy").exists()
    else:
        assert ended.summary == (0, "done")
        assert (one_seed / "copy").read_bytes() == NEW
        assert ended.warnings


@pytest.mark.parametrize("policy", POLICIES)
def test_a_seed_that_vanished_is_named_with_the_reason(one_seed: Workspace, policy: str) -> None:
    blob = one_seed / "seed1.blob"
    how = How(reporter=Once(StepStarted, blob.unlink))
    index = one_seed.index("new.caibx")
    promised = len(Expected(index, NEW, held_by(one_seed, ["seed1"])).seeded)
    ended = extract(one_seed, how, seeds=["seed1"], invalid_seeds=policy)
    reason = f"seed seed1: {blob}: cannot be opened: No such file or directory"

    if policy == "fail":
        assert ended.summary == (1, "failed")
        assert ended.message == reason
    else:
        gone = f"seed seed1: {blob}: blob does not exist; it is not used any more"
        assert ended.summary == (0, "done")
        assert ended.warnings == [
            f"{reason}: taken from elsewhere: {promised} chunks",
            *([gone] if policy == "regenerate" else []),
        ]
        assert ended.statistics["damaged_seed_chunks"] == promised


@pytest.mark.parametrize("policy", POLICIES)
def test_a_seed_that_cannot_be_read_is_named_with_the_reason(
    one_seed: Workspace, policy: str
) -> None:
    one_seed.seeds["seed1"]["blob"] = UNREADABLE
    ended = extract(one_seed, seeds=["seed1"], invalid_seeds=policy)
    reason = f"seed seed1 ({UNREADABLE}): cannot be read at "

    if policy == "fail":
        assert ended.summary == (1, "failed")
        assert ended.message.startswith(reason)
        assert ended.message.endswith(": Input/output error")
        assert not (one_seed / "copy").exists()
    else:
        assert ended.summary == (0, "done")
        assert (one_seed / "copy").read_bytes() == NEW
        assert ended.warnings[0].startswith(reason)


def test_a_seed_that_has_nothing_to_give_may_go_away(one_seed: Workspace) -> None:
    (useless,) = declare(one_seed, [ctr(100_000, b"useless")])
    how = How(reporter=Once(StepStarted, (one_seed / f"{useless}.blob").unlink))
    ended = extract(one_seed, how, seeds=[useless])

    assert ended.summary == (0, "done")
    assert ended.warnings == []


def test_a_seed_that_was_never_there_is_refused_before_anything_is_done(
    one_seed: Workspace, asked: Counter[bytes]
) -> None:
    (one_seed / "seed1.blob").unlink()
    blobless = [extract(one_seed, seeds=["seed1"], invalid_seeds=one) for one in POLICIES]
    (one_seed / "seed1.blob").write_bytes(OLD)
    (one_seed / "seed1.blob.caibx").unlink()
    indexless = [extract(one_seed, seeds=["seed1"], invalid_seeds=one) for one in POLICIES]

    assert [one.summary for one in blobless] == [(1, "failed")] * 3
    assert {one.message for one in blobless} == {
        f"seed seed1: {one_seed.path}/seed1.blob: blob does not exist"
    }
    assert [one.summary for one in indexless] == [(5, "failed")] * 3
    assert {one.message for one in indexless} == {
        f"seed seed1: {one_seed.path}/seed1.blob.caibx: index does not exist"
    }
    assert not asked
    assert not (one_seed / "copy").exists()


def test_an_index_of_a_seed_that_is_malformed_is_refused(one_seed: Workspace) -> None:
    (one_seed / "seed1.blob.caibx").write_bytes(b"x" * 104)
    ended = extract(one_seed, seeds=["seed1"], invalid_seeds="skip")

    assert ended.summary == (4, "failed")
    assert ended.message.startswith(f"{one_seed.path}/seed1.blob.caibx: ")


@contextmanager
def busy(change: Callable[[int], object]) -> Iterator[None]:
    """Do something again and again, with its number, as long as the block runs."""
    ended = Event()

    def work() -> None:
        number = 0
        while not ended.is_set():
            change(number)
            number += 1

    thread = Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def rewriting(path: Path) -> Callable[[int], object]:
    """Turn some of a file into something else and back, never changing its size."""

    def change(number: int) -> None:
        begin = number * 7919 % (len(OLD) - 60_000)
        with path.open("r+b") as file:
            file.seek(begin)
            file.write(ctr(50_000, str(number).encode()))
            file.flush()
            time.sleep(0.001)
            file.seek(begin)
            file.write(OLD[begin : begin + 50_000])

    return change


def resizing(path: Path) -> Callable[[int], object]:
    """Cut a file short and make it whole again."""

    def change(number: int) -> None:
        os.truncate(path, number * 7919 % len(OLD))
        time.sleep(0.001)
        path.write_bytes(OLD)

    return change


def swapping(path: Path) -> Callable[[int], object]:
    """Put other files in its place."""

    def change(number: int) -> None:
        replaced(path, (OLD, OTHER, b"", ctr(300_000, b"else"))[number % 4])
        time.sleep(0.001)

    return change


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("changing", [rewriting, resizing, swapping])
def test_a_seed_that_changes_all_the_time_never_makes_a_wrong_byte_and_ends(
    one_seed: Workspace,
    changing: Callable[[Path], Callable[[int], object]],
    policy: str,
    in_place: bool,
) -> None:
    copy = one_seed / "copy"
    results: Counter[str] = Counter()
    collected = Collector()
    with busy(changing(one_seed / "seed1.blob")):
        for _ in range(6):
            copy.unlink(missing_ok=True)
            ended = extract(
                one_seed,
                How(reporter=collected),
                seeds=["seed1"],
                invalid_seeds=policy,
                in_place=in_place,
            )
            results[ended.summary[1]] += 1
            if ended.summary[1] == "done":
                assert copy.read_bytes() == NEW
            else:
                assert policy == "fail"
                assert "seed1.blob" in ended.message
    phases = [one.phase for one in collected.events if isinstance(one, PhaseStarted)]

    assert sum(results.values()) == 6
    assert policy == "fail" or results["done"] == 6
    # Indexed anew at most once a run.
    assert phases.count("indexing seed seed1") <= (6 if policy == "regenerate" else 0)


def test_runs_with_a_seed_change_nothing_about_it(one_seed: Workspace) -> None:
    blob, index = one_seed / "seed1.blob", one_seed / "seed1.blob.caibx"
    blob.chmod(0o444)
    before = [(path.stat().st_mode, path.stat().st_mtime_ns) for path in (blob, index)]
    for policy in POLICIES:
        extract(one_seed, seeds=["seed1"], invalid_seeds=policy, target=policy)

    assert [(path.stat().st_mode, path.stat().st_mtime_ns) for path in (blob, index)] == before
    assert blob.read_bytes() == OLD
    assert set(ids_of(one_seed.index(index.name))) == held_by(one_seed, ["seed1"])
