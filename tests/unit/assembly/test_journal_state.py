import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from desync_jobs.assembly.journal import Journal
from desync_jobs.assembly.journal_binding import Binding
from desync_jobs.assembly.journal_file import most_bytes
from desync_jobs.assembly.journal_state import IN_FLIGHT
from desync_jobs.formats.journal import HEADER_SIZE, TargetKind
from tests.unit.assembly.journaling import (
    LENGTH,
    OTHER_LIFE,
    POSITIONS,
    Extraction,
    done,
    doubtful,
    noted,
    stopped,
)

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
        patched.setattr("desync_jobs.formats.journal.VERSION", 1)
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
    foreseen = extraction.foresee()
    with extraction.open() as journal:
        assert done(journal) == []

    assert foreseen is None
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
