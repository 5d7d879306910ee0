"""A run that is ended at any moment leaves the old state or the new one, and says so.

FAULT_POINTS sets at how many moments runs are ended, 50 unless said.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Final

import numpy as np
import pytest

from tests.faults.chunkfiles import index_ids, scratch_folder, temporary_files, valid_ids

POINTS: Final = int(os.environ.get("FAULT_POINTS", "50"))
SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
CODES: Final = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGKILL: -signal.SIGKILL}

MIB: Final = 1 << 20
SIZE: Final = 200 * MIB
OLD: Final = b"what was here before\n" * 1000

# Tells that the interpreter is up by closing the pipe it was given, and begins.
PROGRAM: Final = """
import os, sys
from desync_jobs.cli.main import process
os.close(int(sys.argv.pop(1)))
process()
"""


@dataclass(frozen=True)
class Source:
    """A blob, its index, and a store that has its chunks."""

    blob: Path
    index: Path
    store: Path


@dataclass(frozen=True)
class Work:
    """A command and what it makes in a folder of its own."""

    arguments: Callable[[Source, Path], tuple[object, ...]]
    target: str | None = None
    """The file it makes."""
    store: str | None = None
    """The store it fills."""
    in_place: bool = False


WORKS: Final = {
    "make": Work(
        lambda source, area: ("make", "-s", area / "store", area / "index", source.blob),
        target="index",
        store="store",
    ),
    "extract": Work(
        lambda source, area: ("extract", "-s", source.store, source.index, area / "blob"),
        target="blob",
    ),
    "extract in place": Work(
        lambda source, area: ("extract", "-k", "-s", source.store, source.index, area / "blob"),
        target="blob",
        in_place=True,
    ),
    "chop": Work(
        lambda source, area: ("chop", "-s", area / "store", source.index, source.blob),
        store="store",
    ),
    "cache": Work(
        lambda source, area: ("cache", "-s", source.store, "-c", area / "store", source.index),
        store="store",
    ),
}


@pytest.fixture(scope="module")
def memory() -> Iterator[Path]:
    """A folder in memory for the whole file."""
    with tempfile.TemporaryDirectory(dir=scratch_folder()) as folder:
        yield Path(folder)


@pytest.fixture
def area(memory: Path) -> Iterator[Path]:
    """An empty folder in memory."""
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)


Begin = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture(scope="module")
def begin(environment: Mapping[str, str]) -> Begin:
    """Start a command in a session of its own; returns when the interpreter is up."""

    def start(arguments: tuple[object, ...]) -> subprocess.Popen[bytes]:
        waiting, up = os.pipe()
        process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", PROGRAM, str(up), *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=environment,
            pass_fds=[up],
            start_new_session=True,
        )
        os.close(up)
        os.read(waiting, 1)
        os.close(waiting)
        return process

    return start


@pytest.fixture(scope="module")
def source(memory: Path, begin: Begin) -> Source:
    made = Source(memory / "source", memory / "source.caibx", memory / "source.castr")
    write_blob(made.blob)
    with begin(("make", "-s", made.store, made.index, made.blob)) as process:
        assert process.wait() == 0
    return made


@pytest.fixture(scope="module")
def seconds(memory: Path, source: Source, begin: Begin) -> Callable[[str], float]:
    """How long a command takes when nobody ends it."""

    @cache
    def measured(name: str) -> float:
        work = WORKS[name]
        with tempfile.TemporaryDirectory(dir=memory) as folder:
            prepare(work, source, Path(folder), fresh=False)
            with begin(work.arguments(source, Path(folder))) as process:
                began = time.monotonic()
                assert process.wait() == 0
                return time.monotonic() - began

    return measured


def write_blob(path: Path) -> None:
    """Write random bytes, zeros, little-compressible and much-compressible bytes, and repeats."""
    random = np.random.default_rng(7)
    noise = random.bytes(48 * MIB)
    nibbles = random.integers(0, 16, 32 * MIB, np.uint8).tobytes()
    words = [random.integers(97, 123, 8, np.uint8).tobytes() for _ in range(512)]
    text = b" ".join(words[one] for one in random.integers(0, 512, 2 * MIB).tolist())
    parts = [noise, bytes(40 * MIB), nibbles, text[: 18 * MIB], noise[MIB : 30 * MIB], nibbles]
    with path.open("wb") as file:
        for part in parts:
            file.write(part)
        file.write(noise[: SIZE - file.tell()])


def prepare(work: Work, source: Source, area: Path, *, fresh: bool) -> None:
    """Put what was there before into `area`, if anything was."""
    if fresh or work.target is None:
        return
    path = area / work.target
    if not work.in_place:
        path.write_bytes(OLD)
        return
    shutil.copyfile(source.blob, path)
    with path.open("r+b") as file:
        for at in (0, 70 * MIB, 150 * MIB):
            file.seek(at)
            file.write(b"\x55" * (10 * MIB))
        file.truncate(SIZE - 5 * MIB)


def same_content(left: Path, right: Path) -> bool:
    if left.stat().st_size != right.stat().st_size:
        return False
    return bool(np.array_equal(np.memmap(left, mode="r"), np.memmap(right, mode="r")))


def complete(work: Work, source: Source, area: Path) -> bool:
    """Whether everything that the work makes is there and right."""
    if work.store is not None and valid_ids(area / work.store) != index_ids(source.index):
        return False
    if work.target is None:
        return True
    path = area / work.target
    return path.exists() and same_content(
        path, source.index if work.target == "index" else source.blob
    )


@dataclass(frozen=True)
class Moment:
    """When and how a command is ended."""

    name: str
    """Of the command."""
    part: float
    """Of the time that it takes."""
    ending: signal.Signals
    fresh: bool
    """Whether nothing was there before."""

    def __str__(self) -> str:
        before = "fresh" if self.fresh else "again"
        return f"{self.name} {before} {self.ending.name} at {self.part:.0%}"


def moments() -> Iterator[Moment]:
    """Yield moments spread over each command, by chance within their parts of it."""
    each = max(POINTS // len(WORKS), 1)
    for name in WORKS:
        random = Random(name)
        for number in range(each):
            part = (number + random.random()) / each
            yield Moment(name, part, SIGNALS[number % len(SIGNALS)], random.random() < 0.5)


@pytest.mark.parametrize("moment", list(moments()), ids=str)
def test_a_run_ended_at_any_moment_leaves_the_old_state_or_the_new_one(
    moment: Moment, source: Source, area: Path, begin: Begin, seconds: Callable[[str], float]
) -> None:
    work, ending, fresh = WORKS[moment.name], moment.ending, moment.fresh
    delay = seconds(moment.name) * moment.part
    prepare(work, source, area, fresh=fresh)
    with begin(work.arguments(source, area)) as process:
        time.sleep(delay)
        send(process, ending)
        said = process.communicate(timeout=60)[1]
    code = process.returncode

    assert_all_or_nothing(work, source, area, fresh=fresh)
    assert b"Traceback" not in said
    assert code == CODES[ending] or (code == 0 and complete(work, source, area))
    if ending is not signal.SIGKILL:
        # An extraction may keep its hidden file and journal, and nothing else.
        assert temporary_files(area) == []
    assert_next_run_completes(work, source, area, begin)


def send(process: subprocess.Popen[bytes], ending: signal.Signals) -> None:
    """Signal the program, or kill its whole session, which must leave nobody behind."""
    if ending is not signal.SIGKILL:
        process.send_signal(ending)
        return
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=60)
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


def assert_all_or_nothing(work: Work, source: Source, area: Path, *, fresh: bool) -> None:
    if work.store is not None:
        assert valid_ids(area / work.store) <= index_ids(source.index)
    if work.target is None or work.in_place:
        return
    path = area / work.target
    if not path.exists():
        assert fresh
    elif path.stat().st_size == len(OLD) and not fresh:
        assert path.read_bytes() == OLD
    else:
        assert complete(work, source, area)


def assert_next_run_completes(work: Work, source: Source, area: Path, begin: Begin) -> None:
    with begin(work.arguments(source, area)) as process:
        said = process.communicate(timeout=60)[1]

    assert (process.returncode, said) == (0, b"")
    assert complete(work, source, area)
    if work.target is not None:
        assert list(area.glob(".*")) == []
