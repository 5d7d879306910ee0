"""A power cut: file systems that drop what was not synced.

What a journal then believes, and what runs make of what is left.
"""

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Final

import numpy as np
import pytest

from desync_jobs.testing.programs import require_program
from tests.faults.crashing import KILLED, Crashing
from tests.unit.assembly.journaling import LENGTH, Extraction, chunk, done, doubtful
from tests.workspace import Workspace

_SHUTDOWN: Final = 0x8004587D
"""Ends a file system at once; ext4 and XFS have it (EXT4_IOC_SHUTDOWN, XFS_IOC_GOINGDOWN)."""
_NOT_EVEN_ITS_LOG: Final = (2).to_bytes(4, "little")

POSITIONS = 100_000
BATCH = 500


@pytest.fixture(params=["ext4", "xfs"])
def image(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if os.geteuid() != 0:
        pytest.skip("mounting a file system needs root")
    name, *options = {
        "ext4": ["mke2fs", "-q", "-t", "ext4"],
        "xfs": ["mkfs.xfs", "-q"],
    }[request.param]
    image = tmp_path / "image"
    with image.open("wb") as file:
        file.truncate(320 << 20)
    subprocess.run([require_program(name), *options, image], check=True)
    (tmp_path / "disk").mkdir()
    return image


@contextmanager
def mounted(image: Path) -> Iterator[Path]:
    disk = image.with_name("disk")
    attempt = subprocess.run(
        ["mount", "-o", "loop", image, disk], capture_output=True, text=True, check=False
    )
    if attempt.returncode != 0:
        pytest.skip(f"no file system can be mounted here: {attempt.stderr.strip()}")
    try:
        yield disk
    finally:
        subprocess.run(["umount", disk], check=True)


def cut_power(disk: Path) -> None:
    fd = os.open(disk, os.O_RDONLY)
    try:
        fcntl.ioctl(fd, _SHUTDOWN, _NOT_EVEN_ITS_LOG)
    except OSError as error:
        pytest.skip(f"this file system cannot be shut down: {error.strerror}")
    finally:
        os.close(fd)


@pytest.mark.parametrize("settled", [0, 10_000, 50_000])
def test_what_was_settled_survives_and_the_rest_is_doubted(image: Path, settled: int) -> None:
    with mounted(image) as disk:
        extraction = Extraction(disk, POSITIONS)
        os.fsync(extraction.target().fd)
        with extraction.open() as journal:
            for first in range(0, 60_000, BATCH):
                extraction.write(*range(first, first + BATCH))
                journal.note(range(first, first + BATCH), BATCH * LENGTH)
                if first + BATCH == settled:
                    journal.settle()
            noted = done(journal)
            cut_power(disk)
        extraction.close()
    with mounted(image) as disk:
        written = extraction.path.read_bytes()
        with extraction.open() as journal:
            believed, asked = done(journal), doubtful(journal)
            changed = journal.changed_by_others
        extraction.close()
    wrong = [p for p in range(60_000) if written[p * LENGTH :][:LENGTH] != chunk(p)]

    assert noted == list(range(60_000))
    assert believed == list(range(settled))
    assert set(believed).isdisjoint(wrong)
    assert set(asked).issubset(set(noted) - set(believed))
    assert not changed
    assert wrong


def settle_first_two(extraction: Extraction) -> None:
    with extraction.open() as journal:
        extraction.write(0, 1)
        journal.note([0, 1], 2 * LENGTH)
        journal.settle()


def believed_after_power_cut(image: Path, extraction: Extraction) -> list[int]:
    extraction.close()
    with mounted(image):
        with extraction.open() as journal:
            believed = done(journal)
        extraction.close()
    return believed


def test_a_removed_journal_does_not_come_back(image: Path) -> None:
    with mounted(image) as disk:
        extraction = Extraction(disk, 10)
        settle_first_two(extraction)
        with extraction.open() as journal:
            journal.remove()
            cut_power(disk)
        extraction.close()

    assert believed_after_power_cut(image, extraction) == []


def test_a_journal_of_another_index_does_not_come_back(image: Path) -> None:
    with mounted(image) as disk:
        extraction = Extraction(disk, 10)
        settle_first_two(extraction)
        other = Extraction(disk, 11)
        with other.open():
            cut_power(disk)
        other.close()
        extraction.close()

    assert believed_after_power_cut(image, extraction) == []


def test_doubt_does_not_go_away(image: Path) -> None:
    with mounted(image) as disk:
        extraction = Extraction(disk, 10)
        settle_first_two(extraction)
        with extraction.open() as journal:
            journal.doubt()
            cut_power(disk)
        extraction.close()

    assert believed_after_power_cut(image, extraction) == []


@pytest.mark.parametrize("part", [0.3, 0.6, 0.97])
def test_an_extraction_goes_on_with_what_survived(
    image: Path, environment: Mapping[str, str], part: float
) -> None:
    folder = image.parent
    workspace = Workspace(folder)
    blob = Random(3).randbytes(10 << 20) + bytes(3 << 20) + Random(4).randbytes(2 << 20)
    workspace.make("blob", blob)
    arguments = ("extract", "-s", "store", "blob.caibx", "disk/copy")
    crashing = Crashing(folder, environment)
    with mounted(image) as disk:
        moments = crashing(*arguments).moments
        (disk / "copy").unlink()
        os.sync()
        killed = crashing(*arguments, kill_at=int(moments * part))
        cut_power(disk)
    with mounted(image) as disk:
        published = (disk / "copy").exists()
        ended = crashing(*arguments)
        content = (disk / "copy").read_bytes()
        hidden = list(disk.glob(".*"))

    assert killed.code == KILLED
    assert not published
    assert (ended.code, ended.said) == (0, "")
    assert content == blob
    assert hidden == []


BLOB: Final = np.random.default_rng(3).bytes(48 << 20)


@pytest.fixture
def source(workspace: Workspace, image: Path) -> Path:
    """The folder of an index and its store, which are not on the disk that loses its power."""
    workspace.make("blob", BLOB, chunk_size="64KiB")
    return image.parent


Extract = Callable[[Path, bool], subprocess.Popen[bytes]]


@pytest.fixture
def extract(source: Path, environment: Mapping[str, str]) -> Extract:
    """Start the program; the target is `copy` on the disk."""

    def start(disk: Path, in_place: bool) -> subprocess.Popen[bytes]:
        line = ("extract", *(["-k"] if in_place else []), "-s", "store", "blob.caibx")
        program = [sys.executable, "-m", "desync_jobs", *line, os.fspath(disk / "copy")]
        return subprocess.Popen(program, cwd=source, env=environment)

    return start


@pytest.mark.parametrize("in_place", [False, True], ids=["beside", "in place"])
def test_what_a_run_ended_with_survives(image: Path, extract: Extract, in_place: bool) -> None:
    with mounted(image) as disk:
        (disk / "copy").write_bytes(b"what was here before")
        code = extract(disk, in_place).wait()
        cut_power(disk)
    with mounted(image) as disk:
        left = (disk / "copy").read_bytes()
        names = sorted(os.listdir(disk))

    assert code == 0
    assert left == BLOB
    assert [name for name in names if name != "lost+found"] == ["copy"]


@pytest.mark.parametrize("in_place", [False, True], ids=["beside", "in place"])
def test_a_run_that_lost_its_power_is_finished_by_the_next(
    image: Path, extract: Extract, in_place: bool
) -> None:
    before = b"what was here before"
    with mounted(image) as disk:
        (disk / "copy").write_bytes(before)
        os.sync()
        process = extract(disk, in_place)
        while process.poll() is None and written(disk) < len(BLOB) // 2:
            time.sleep(0.001)
        cut_power(disk)
        code = process.wait()
    with mounted(image) as disk:
        left = (disk / "copy").read_bytes()
        again = extract(disk, in_place).wait()
        right = (disk / "copy").read_bytes()

    assert code == 1
    assert in_place or left == before
    assert again == 0
    assert right == BLOB


def written(disk: Path) -> int:
    """Return the bytes that files of a disk take, whatever their names."""
    with os.scandir(disk) as entries:
        return sum(entry.stat().st_blocks * 512 for entry in entries)
