import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from desync_jobs.assembly.journal import Journal, Pace
from desync_jobs.errors import TargetError
from tests.unit.assembly.journaling import (
    LENGTH,
    OTHER_LIFE,
    POSITIONS,
    Extraction,
    chunk,
    done,
    doubtful,
    noted,
    stopped,
)


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
    with extraction.open(OTHER_LIFE, Pace(seconds=0)) as journal:
        settled = not journal.due
        journal.note([2], 0)

    with extraction.open(OTHER_LIFE) as journal:
        assert (done(journal), doubtful(journal)) == ([2], [1, 3])
    assert settled


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
    with extraction.open(pace=Pace(size=100, seconds=1000)) as journal:
        journal.note([1], 100)
        monkeypatch.setattr(os, "fsync", lambda _: journal.note([2], 99))
        journal.settle()
        monkeypatch.undo()
        before = journal.due
        journal.note([1], 1)

        assert (before, journal.due) == (False, True)
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


@pytest.mark.parametrize("count", [0, 1, 2, 3, 6, 7])
def test_a_sample_has_the_ends_and_any_between(count: int, extraction: Extraction) -> None:
    there = [2, 3, 5, 7, 11, 13]
    with extraction.open() as journal:
        journal.note(there, 0)
        sample = journal.sample(count).tolist()

    assert len(sample) == min(count, len(there))
    assert sample == sorted(set(sample) & set(there))
    assert count < 2 or {2, 13}.issubset(sample)


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
