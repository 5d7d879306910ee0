import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from desync_jobs.assembly import journal_binding
from desync_jobs.assembly.journal import Journal, Pace
from desync_jobs.assembly.journal_binding import Binding, bind
from desync_jobs.assembly.journal_file import most_bytes
from desync_jobs.assembly.journal_reading import journal_path, read_journal
from desync_jobs.assembly.journal_state import IN_FLIGHT
from desync_jobs.assembly.placing import Target
from desync_jobs.errors import LockedError, TargetError
from desync_jobs.formats.journal import HEADER_SIZE, TargetKind
from tests.filesystems.mounting import attached, mounted
from tests.unit.assembly.journaling import (
    DIGEST,
    LENGTH,
    Extraction,
    chunk,
    done,
    doubtful,
)

POSITIONS = 20
OTHER_LIFE = bytes(16)


@pytest.fixture
def extraction(tmp_path: Path) -> Iterator[Extraction]:
    made = Extraction(tmp_path, POSITIONS)
    yield made
    made.close()


def noted(extraction: Extraction, *positions: int) -> None:
    """A run that wrote `positions`, noted them and was killed."""
    with extraction.open() as journal:
        extraction.write(*positions)
        journal.note(positions, len(positions) * LENGTH)


def stopped(extraction: Extraction, *positions: int) -> None:
    """A run that wrote `positions`, noted them and ended in order."""
    with extraction.open() as journal:
        extraction.write(*positions)
        journal.note(positions, len(positions) * LENGTH)
        journal.close_clean()


# What is believed.


def test_a_new_journal_knows_nothing(extraction: Extraction) -> None:
    with extraction.open() as journal:
        assert (done(journal), doubtful(journal)) == ([], [])
        assert not journal.stopped
        assert not journal.changed_by_others
        assert journal.done.shape == journal.doubtful.shape == (POSITIONS,)


def test_what_was_noted_counts_after_a_kill(extraction: Extraction) -> None:
    noted(extraction, 7, 3, 4, 19)

    with extraction.open() as journal:
        assert (done(journal), doubtful(journal)) == ([3, 4, 7, 19], [])
        assert not journal.stopped


def test_only_what_was_settled_counts_after_a_power_cut(extraction: Extraction) -> None:
    with extraction.open() as journal:
        journal.note([1, 2], 0)
        journal.settle()
        journal.note([5], 0)

    with extraction.open(OTHER_LIFE) as journal:
        assert (done(journal), doubtful(journal)) == ([1, 2], [5])


def test_what_became_doubtful_stays_so_until_it_is_noted_again(extraction: Extraction) -> None:
    noted(extraction, 1, 2, 3)
    with extraction.open(OTHER_LIFE) as journal:
        journal.note([2], 0)

    with extraction.open(OTHER_LIFE) as journal:
        assert (done(journal), doubtful(journal)) == ([2], [1, 3])


def test_a_later_run_settles_what_an_earlier_one_noted(extraction: Extraction) -> None:
    noted(extraction, 1)
    with extraction.open(pace=Pace(seconds=0)) as journal:
        assert journal.due
        journal.settle()
        assert not journal.due

    with extraction.open(OTHER_LIFE) as journal:
        assert (done(journal), doubtful(journal)) == ([1], [])


def test_what_is_noted_while_the_target_is_synced_is_not_settled(
    extraction: Extraction, monkeypatch: pytest.MonkeyPatch
) -> None:
    with extraction.open() as journal:
        journal.note([1], 0)
        monkeypatch.setattr(os, "fsync", lambda _: journal.note([2], 0))
        journal.settle()

    with extraction.open(OTHER_LIFE) as journal:
        assert (done(journal), doubtful(journal)) == ([1], [2])


def test_positions_are_noted_once(extraction: Extraction) -> None:
    with extraction.open() as journal:
        journal.note([1, 1, 2], 0)
        size = extraction.journal.stat().st_size
        journal.note(np.array([2, 1]), 0)
        journal.note([], 0)

        assert done(journal) == [1, 2]
        assert extraction.journal.stat().st_size == size


def test_positions_that_the_index_has_not_are_refused(extraction: Extraction) -> None:
    with extraction.open() as journal:
        with pytest.raises(ValueError, match="positions -1 to 3 of 20"):
            journal.note([3, -1], 0)
        with pytest.raises(ValueError, match="positions 20 to 20 of 20"):
            journal.note([20], 0)

        assert done(journal) == []


def test_the_arrays_are_kept_up_to_date_and_cannot_be_written_to(extraction: Extraction) -> None:
    with extraction.open() as journal:
        marks = journal.done
        journal.note([4], 0)

        assert np.flatnonzero(marks).tolist() == [4]
        with pytest.raises(ValueError, match="read-only"):
            marks[0] = True


def test_doubt_is_kept(extraction: Extraction) -> None:
    with extraction.open() as journal:
        journal.note([1, 2], 0)
        journal.settle()
        journal.doubt()
        journal.note([2], 0)
        inside = done(journal), doubtful(journal)

    with extraction.open() as journal:
        assert inside == (done(journal), doubtful(journal)) == ([2], [1])


def test_a_run_that_stopped_in_order_says_so_once(extraction: Extraction) -> None:
    stopped(extraction, 1)
    with extraction.open() as journal:
        assert journal.stopped

    with extraction.open() as journal:
        assert not journal.stopped
        assert done(journal) == [1]


def test_an_empty_blob_has_an_empty_journal(tmp_path: Path) -> None:
    extraction = Extraction(tmp_path, 0)
    with extraction.open() as journal:
        journal.note([], 0)
        journal.settle()

        assert len(journal.done) == len(journal.sample(5)) == 0
    extraction.close()


# What does not fit.


def other_digest(binding: Binding) -> Binding:
    return replace(binding, subject=replace(binding.subject, index_digest="34" * 32))


def other_count(binding: Binding) -> Binding:
    return replace(binding, subject=replace(binding.subject, positions=POSITIONS + 1))


def other_size(binding: Binding) -> Binding:
    return replace(binding, subject=replace(binding.subject, blob_size=7))


def other_target(**changes: Any) -> Callable[[Binding], Binding]:
    def change(binding: Binding) -> Binding:
        target = replace(binding.subject.target, **changes)
        return replace(binding, subject=replace(binding.subject, target=target))

    return change


@pytest.mark.parametrize(
    "change",
    [
        other_digest,
        other_count,
        other_size,
        other_target(kind=TargetKind.DEVICE),
        other_target(device=99),
        other_target(inode=99),
        other_target(born=99),
        other_target(size=99),
    ],
    ids=["index", "positions", "blob size", "kind", "device", "inode", "birth", "size"],
)
def test_a_journal_about_something_else_is_begun_anew(
    change: Callable[[Binding], Binding], extraction: Extraction
) -> None:
    noted(extraction, 1, 2)
    binding = change(extraction.binding())
    path, target = str(extraction.journal), extraction.target()
    with Journal.open(path, target, binding) as journal:
        first = done(journal), doubtful(journal)
        journal.note([3], 0)
    with Journal.open(path, target, replace(binding, size=binding.subject.blob_size)) as journal:
        second = done(journal), doubtful(journal)

    assert (first, second) == (([], []), ([3], []))


@pytest.mark.parametrize(
    "content",
    [b"", b"x", b"something else" * 100],
    ids=["empty", "one byte", "no journal"],
)
def test_what_is_no_journal_is_begun_anew(content: bytes, extraction: Extraction) -> None:
    extraction.journal.write_bytes(content)
    noted(extraction, 1)

    with extraction.open() as journal:
        assert done(journal) == [1]


@pytest.mark.parametrize("size", [0, 1, HEADER_SIZE - 1])
def test_a_torn_header_is_begun_anew(size: int, extraction: Extraction) -> None:
    noted(extraction, 1)
    os.truncate(extraction.journal, size)
    noted(extraction, 2)

    with extraction.open() as journal:
        assert done(journal) == [2]


def test_a_journal_of_another_version_is_begun_anew(
    extraction: Extraction, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("desync_jobs.formats.journal.VERSION", 2)
        noted(extraction, 1)

    with extraction.open() as journal:
        assert done(journal) == []


def test_a_journal_larger_than_any_is_begun_anew(extraction: Extraction) -> None:
    noted(extraction, 1)
    limit = most_bytes(POSITIONS)
    os.truncate(extraction.journal, limit)
    at_limit = extraction.foresee()
    os.truncate(extraction.journal, limit + 1)
    above = extraction.foresee()
    with extraction.open() as journal:
        assert done(journal) == []

    assert at_limit is not None
    assert done(at_limit) == [1]
    assert above is None
    assert extraction.journal.stat().st_size < 1000


def test_a_journal_of_another_user_is_replaced(extraction: Extraction) -> None:
    if os.geteuid() != 0:
        pytest.skip("giving files away needs root")
    noted(extraction, 1)
    os.chown(extraction.journal, 1234, 1234)
    with extraction.open() as journal:
        assert done(journal) == []

    assert extraction.journal.stat().st_uid == 0


def test_records_of_an_older_journal_are_none_of_the_new_one(extraction: Extraction) -> None:
    noted(extraction, 1)
    noted(extraction, 2)
    old = extraction.journal.read_bytes()
    extraction.journal.unlink()
    noted(extraction, 3)
    new = extraction.journal.read_bytes()
    extraction.journal.write_bytes(new + old[len(new) :])

    with extraction.open() as journal:
        assert done(journal) == [3]


def test_a_later_file_with_the_same_inode_is_another_target(tmp_path: Path) -> None:
    with mounted("ext4", tmp_path / "disk", 8) as disk:
        extraction = Extraction(disk, POSITIONS)
        inode = extraction.path.stat().st_ino
        noted(extraction, 1)
        extraction.close()
        extraction.path.unlink()
        extraction.path.write_bytes(bytes(POSITIONS * LENGTH))
        again = extraction.path.stat().st_ino
        with extraction.open() as journal:
            found = done(journal)
        extraction.close()

    assert again == inode
    assert found == []


def test_a_file_is_known_by_another_device_number(extraction: Extraction) -> None:
    identity = extraction.binding().subject.target

    assert identity.born > 0
    assert identity.device == 0
    assert identity.inode == extraction.path.stat().st_ino


def test_without_a_time_of_birth_the_device_counts(
    extraction: Extraction, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_binding, "_born", lambda _: 0)
    identity = extraction.binding().subject.target

    assert identity.born == 0
    assert identity.device == extraction.path.stat().st_dev


def test_a_life_lasts_as_long_as_the_boot(
    extraction: Extraction, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    boot = tmp_path / "boot_id"
    monkeypatch.setattr(journal_binding, "_BOOT_ID", str(boot))
    lives = []
    for content in ("one", "one", "two", None, None):
        if content is None:
            boot.unlink(missing_ok=True)
        else:
            boot.write_text(content)
        lives.append(extraction.binding().life)

    assert lives[0] == lives[1]
    assert len(set(lives[1:])) == 4


# Changes by others.


def test_a_change_after_a_stop_in_order_makes_all_doubtful(extraction: Extraction) -> None:
    stopped(extraction, 1, 2)
    with extraction.path.open("r+b") as file:
        file.write(b"x")
    foreseen = extraction.foresee()
    with extraction.open() as journal:
        assert journal.changed_by_others
        assert (done(journal), doubtful(journal)) == ([], [1, 2])
    with extraction.open() as journal:
        assert not journal.changed_by_others
        assert (done(journal), doubtful(journal)) == ([], [1, 2])

    assert foreseen is not None
    assert foreseen.changed_by_others


def test_a_change_that_puts_the_time_back_is_seen(extraction: Extraction) -> None:
    stopped(extraction, 1)
    before = extraction.path.stat()
    with extraction.path.open("r+b") as file:
        file.write(b"x")
    os.utime(extraction.path, ns=(before.st_atime_ns, before.st_mtime_ns))

    with extraction.open() as journal:
        assert doubtful(journal) == [1]


def test_reading_the_target_after_a_stop_changes_nothing(extraction: Extraction) -> None:
    stopped(extraction, 1)
    extraction.path.read_bytes()

    with extraction.open() as journal:
        assert done(journal) == [1]


def test_a_killed_run_may_have_written_after_its_last_note(extraction: Extraction) -> None:
    noted(extraction, 1)
    extraction.write(2, 3)

    with extraction.open() as journal:
        assert done(journal) == [1]


@pytest.mark.parametrize(("after", "believed"), [(0, [1]), (-1, []), (IN_FLIGHT, [1])])
def test_a_change_before_the_last_note_is_by_others(
    after: int, believed: list[int], extraction: Extraction
) -> None:
    noted(extraction, 1)
    binding = extraction.binding()
    binding = replace(binding, changed=binding.changed + after)

    with Journal.open(str(extraction.journal), extraction.target(), binding) as journal:
        assert done(journal) == believed


def test_a_change_long_after_a_kill_is_by_others(extraction: Extraction) -> None:
    noted(extraction, 1)
    killed = time.time_ns() - IN_FLIGHT - 10**9
    os.utime(extraction.journal, ns=(killed, killed))
    extraction.write(2)

    with extraction.open() as journal:
        assert journal.changed_by_others
        assert doubtful(journal) == [1]


def test_a_target_of_another_size_was_changed_by_others(extraction: Extraction) -> None:
    noted(extraction, 1)
    os.truncate(extraction.path, LENGTH)
    with extraction.open() as journal:
        assert doubtful(journal) == [1]


def test_a_target_that_was_killed_before_it_got_its_size_is_no_change(tmp_path: Path) -> None:
    extraction = Extraction(tmp_path, POSITIONS)
    os.truncate(extraction.path, 0)
    with extraction.open():
        pass
    with extraction.open() as journal:
        os.truncate(extraction.path, POSITIONS * LENGTH)
        assert not journal.changed_by_others
        journal.note([1], 0)
    with extraction.open() as journal:
        assert done(journal) == [1]
    extraction.close()


def test_after_a_power_cut_an_earlier_change_time_is_no_change_by_others(
    extraction: Extraction,
) -> None:
    with extraction.open() as journal:
        journal.note([1], 0)
        settled = extraction.path.stat().st_ctime_ns
        journal.settle()
        time.sleep(0.02)
        extraction.write(2)
        journal.note([2], 0)
        journal.close_clean()
    binding = replace(extraction.binding(OTHER_LIFE), changed=settled)
    with Journal.open(str(extraction.journal), extraction.target(), binding) as journal:
        assert (done(journal), doubtful(journal)) == ([1], [2])

    binding = replace(binding, changed=settled - 1)
    with Journal.open(str(extraction.journal), extraction.target(), binding) as journal:
        assert (done(journal), doubtful(journal)) == ([], [1, 2])


@pytest.mark.parametrize("count", [0, 1, 2, 3, 6, 7])
def test_a_sample_has_the_ends_and_any_between(count: int, extraction: Extraction) -> None:
    there = [2, 3, 5, 7, 11, 13]
    with extraction.open() as journal:
        journal.note(there, 0)
        sample = journal.sample(count).tolist()

    assert len(sample) == min(count, len(there))
    assert sample == sorted(set(sample) & set(there))
    assert count < 2 or {2, 13}.issubset(sample)


# Block devices.


def test_a_device_is_believed_until_it_is_another(tmp_path: Path) -> None:
    content = bytes(POSITIONS * 512)
    extraction = Extraction(tmp_path, POSITIONS)
    path = str(tmp_path / "journal")
    found = []
    with attached(tmp_path / "backing", content) as device:
        fd = os.open(device, os.O_RDWR)
        target = Target(fd, device)
        binding = bind(target, extraction.index, DIGEST)
        for life in (binding.life, binding.life, OTHER_LIFE):
            with Journal.open(path, target, replace(binding, life=life)) as journal:
                found.append((done(journal), doubtful(journal)))
                journal.note([1, 2], 0)
                journal.settle()
        os.close(fd)
    with attached(tmp_path / "other", content) as device:
        fd = os.open(device, os.O_RDWR)
        other = bind(Target(fd, device), extraction.index, DIGEST)
        os.close(fd)

    assert found == [([], []), ([1, 2], []), ([], [1, 2])]
    assert binding.subject.target.kind is TargetKind.DEVICE
    assert binding.subject.target.size == len(content)
    assert other.life != binding.life


# Writing the file.


def test_the_journal_is_hidden_beside_the_target(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("folder/target")

    assert journal_path("/a/b") == "/a/.b.desync-run.journal"
    assert journal_path(str(tmp_path / "link")) == f"{tmp_path}/folder/.target.desync-run.journal"
    assert len(os.path.basename(journal_path("/" + "x" * 255))) < 255


def test_a_torn_record_is_cut_off_and_appended_to(extraction: Extraction) -> None:
    noted(extraction, 1)
    size = extraction.journal.stat().st_size
    noted(extraction, 2)
    os.truncate(extraction.journal, extraction.journal.stat().st_size - 1)
    noted(extraction, 3)

    with extraction.open() as journal:
        assert done(journal) == [1, 3]
    assert extraction.journal.stat().st_size > size


def test_a_second_run_is_told_and_changes_nothing(extraction: Extraction) -> None:
    with extraction.open() as journal:
        journal.note([1], 0)
        with pytest.raises(LockedError, match="another run is writing this target"):
            extraction.open()
        journal.note([2], 0)

    with extraction.open() as journal:
        assert done(journal) == [1, 2]


def test_a_journal_that_cannot_be_made_is_an_error_that_names_it(extraction: Extraction) -> None:
    extraction.journal.symlink_to("/dev/null")
    with pytest.raises(TargetError, match=f"^{extraction.journal}: cannot be opened: "):
        extraction.open()
    extraction.journal.unlink()
    extraction.journal.mkdir()
    with pytest.raises(TargetError, match="cannot be opened: Is a directory"):
        extraction.open()


def test_a_removed_journal_is_gone(extraction: Extraction) -> None:
    with extraction.open() as journal:
        journal.note([1], 0)
        journal.remove()
        assert not extraction.journal.exists()
        journal.remove()

    with extraction.open() as journal:
        assert done(journal) == []


@pytest.mark.parametrize("room", [0, 1, 31])
def test_a_record_that_does_not_fit_leaves_the_whole_ones(
    room: int, extraction: Extraction
) -> None:
    with extraction.open() as journal:
        journal.note([1, 2], 0)
        size = extraction.journal.stat().st_size
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + room, limits[1]))
        try:
            with pytest.raises(TargetError) as raised:
                journal.note([5], 0)
            journal.close_clean()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        after = extraction.journal.stat().st_size
        between = done(journal)
        journal.note([7], 0)

    assert str(raised.value) == (
        f"{extraction.journal}: cannot be written: File too large; "
        "what it has so far stays good: mend that and run again"
    )
    # The end of the run, the next thing that was tried, is smaller.
    assert after - size == (24 if room >= 24 else 0)
    assert between == [1, 2]
    with extraction.open() as journal:
        assert done(journal) == [1, 2, 7]


def note_for_ever(journal: Journal) -> None:
    while True:
        for position in range(POSITIONS):
            journal.note([position], 0)
        journal.doubt()


def test_a_full_disk_leaves_the_whole_records(tmp_path: Path) -> None:
    with mounted("tmpfs", tmp_path / "disk", 1) as disk:
        extraction = Extraction(disk, POSITIONS)
        with extraction.open() as journal:
            (disk / "filler").write_bytes(bytes(os.statvfs(disk).f_bavail * 4096))
            with pytest.raises(TargetError, match="No space left on device") as raised:
                note_for_ever(journal)
            believed = done(journal), doubtful(journal)
        (disk / "filler").unlink()
        with extraction.open() as journal:
            again = done(journal), doubtful(journal)
        extraction.close()

    assert str(raised.value).startswith(f"{disk}/.target.desync-run.journal: cannot be written: ")
    assert sum(map(len, believed)) == POSITIONS
    assert again == believed


def test_a_target_that_fails_to_sync_leaves_the_settled(
    extraction: Extraction, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise OSError(5, "Input/output error")

    with extraction.open() as journal:
        journal.note([1], 0)
        journal.settle()
        journal.note([2], 0)
        monkeypatch.setattr(os, "fsync", fail)
        with pytest.raises(TargetError) as raised:
            journal.settle()
        monkeypatch.undo()

    assert str(raised.value) == f"{extraction.path}: cannot be written: Input/output error"
    with extraction.open() as journal:
        assert (done(journal), doubtful(journal)) == ([1], [2])


def test_settling_is_due_after_so_many_bytes(extraction: Extraction) -> None:
    with extraction.open(pace=Pace(size=100, seconds=1000)) as journal:
        journal.note([1], 99)
        before = journal.due
        journal.note([2], 1)
        at = journal.due
        journal.settle()
        after = journal.due
        journal.note([3], 99)

        assert (before, at, after, journal.due) == (False, True, False, False)


def test_settling_is_due_after_some_time(extraction: Extraction) -> None:
    with extraction.open(pace=Pace(size=100, seconds=0.05)) as journal:
        time.sleep(0.06)
        idle = journal.due
        journal.note([1], 0)
        fresh = journal.due
        time.sleep(0.06)

        assert (idle, fresh, journal.due) == (False, False, True)


def test_nothing_new_is_nothing_to_settle(extraction: Extraction) -> None:
    with extraction.open() as journal:
        journal.settle()
        journal.note([1], 0)
        journal.settle()
        size = extraction.journal.stat().st_size
        journal.settle()

        assert extraction.journal.stat().st_size == size


def note_every_eighth(journal: Journal, first: int) -> None:
    for position in range(first, len(journal.done), 8):
        journal.note([position, position + 1], 2)


def test_many_threads_note_while_one_settles(tmp_path: Path) -> None:
    extraction = Extraction(tmp_path, 4000)
    with extraction.open() as journal:
        threads = [
            threading.Thread(target=note_every_eighth, args=(journal, first))
            for first in range(0, 8, 2)
        ]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            journal.settle()
        for thread in threads:
            thread.join()
        journal.settle()
    with extraction.open(OTHER_LIFE) as journal:
        assert journal.done.all()
    extraction.close()


# Reading it from elsewhere.


def test_a_journal_is_read_while_a_run_has_it(extraction: Extraction) -> None:
    with extraction.open() as journal:
        journal.note([1, 2], 0)
        before = extraction.journal.stat()
        found = read_journal(str(extraction.journal))
        after = extraction.journal.stat()
        journal.note([3], 0)

    assert found is not None
    assert done(found) == [1, 2]
    assert (found.stopped, found.settled) == (False, False)
    assert (found.subject.index_digest, found.subject.blob_size) == (DIGEST, POSITIONS * LENGTH)
    assert (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)


def test_what_is_no_journal_is_read_as_none(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "text").write_text("text")
    (tmp_path / "link").symlink_to("text")

    assert [read_journal(str(tmp_path / name)) for name in ("no", "fifo", "text", "link")] == (
        [None] * 4
    )
    assert read_journal(str(tmp_path)) is None


def test_a_batch_costs_32_bytes(tmp_path: Path) -> None:
    extraction = Extraction(tmp_path, 6400)
    with extraction.open() as journal:
        begin = extraction.journal.stat().st_size
        for first in range(0, 6400, 64):
            journal.note(np.arange(first, first + 64), 0)

    assert extraction.journal.stat().st_size - begin == 100 * 32
    extraction.close()


# The end of a run that nobody announced.

WRITER = """
import sys
from pathlib import Path
from tests.unit.assembly.journaling import Extraction

extraction = Extraction(Path(sys.argv[1]), int(sys.argv[2]))
with extraction.open() as journal:
    print("started", flush=True)
    left = [p for p in range(int(sys.argv[2])) if not journal.done[p]]
    for at in range(0, len(left), 7):
        extraction.write(*left[at : at + 7])
        journal.note(left[at : at + 7], 70)
        if at % 700 == 0:
            journal.settle()
"""


def test_a_killed_process_leaves_nothing_that_is_not_right(tmp_path: Path) -> None:
    count = 20_000
    extraction = Extraction(tmp_path, count)
    counts = [0]
    for delay in (0.0, 0.02, 0.1):
        child = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), str(count)],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[3],
        )
        assert child.stdout is not None
        assert child.stdout.readline() == b"started\n"
        time.sleep(delay)
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        written = extraction.path.read_bytes()
        with extraction.open() as journal:
            believed = done(journal)
            assert not journal.changed_by_others
        extraction.close()
        assert [p for p in believed if written[p * LENGTH :][:LENGTH] != chunk(p)] == []
        counts.append(len(believed))

    assert counts == sorted(counts)
    assert counts[-1] > counts[1]
