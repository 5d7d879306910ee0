import os
import resource
from pathlib import Path

import numpy as np
import pytest

from desync_jobs.assembly.journal import Journal
from desync_jobs.assembly.journal_place import journal_path
from desync_jobs.assembly.journal_reading import read_journal
from desync_jobs.errors import LockedError, TargetError
from tests.filesystems.mounting import mounted
from tests.unit.assembly.journaling import (
    DIGEST,
    LENGTH,
    POSITIONS,
    Extraction,
    done,
    doubtful,
    noted,
)


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


def test_rubbish_at_the_end_is_cut_off(extraction: Extraction) -> None:
    noted(extraction, 1)
    with extraction.journal.open("ab") as file:
        file.write(bytes(10_000))
    with extraction.open() as journal:
        assert done(journal) == [1]

    assert extraction.journal.stat().st_size < 1000


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
        f"{extraction.journal}: cannot be written: File too large; mend that and run again"
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


def test_a_batch_costs_32_bytes(tmp_path: Path) -> None:
    extraction = Extraction(tmp_path, 6400)
    with extraction.open() as journal:
        begin = extraction.journal.stat().st_size
        for first in range(0, 6400, 64):
            journal.note(np.arange(first, first + 64), 0)

    assert extraction.journal.stat().st_size - begin == 100 * 32
    extraction.close()


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
