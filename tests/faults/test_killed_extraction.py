"""An extraction in place that is ended again and again: what all runs fetch and read together.

RESUME_KILLS sets how often, 3 unless said. One kill at any moment is for `test_crashes`.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

import numpy as np
import pytest

from desync_jobs.assembly.journal_place import journal_path
from desync_jobs.core.chunk import CHUNK_ID_SIZE
from desync_jobs.formats.index import Index
from desync_jobs.stores.base import BATCH_CHUNKS
from tests.faults.chunkfiles import scratch_folder
from tests.workspace import Workspace

KILLS: Final = int(os.environ.get("RESUME_KILLS", "3"))
SIZE: Final = 256 << 20
THREADS: Final = 2
BATCH: Final = BATCH_CHUNKS * (72 << 10)
"""Bytes of a batch of chunks that are cut at 64 KiB on average."""

# Tells that the interpreter is up by closing the pipe it was given, and keeps the ID of every
# chunk that a store is asked for: what a killed process appended to a file stays there. At its
# end it tells how many bytes it read from any file.
PROGRAM: Final = """
import os, sys
from desync_jobs.cli.main import process
from desync_jobs.stores.local import LocalStore
log = os.open("asked", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
plainly = LocalStore.fetch
def fetch(store, ids):
    os.write(log, b"".join(ids))
    return plainly(store, ids)
LocalStore.fetch = fetch
leave = os._exit
def end(code):
    with open("/proc/self/io") as counted, open("read", "w") as file:
        file.write(next(line for line in counted if line.startswith("rchar")).split()[1])
    leave(code)
os._exit = end
os.close(int(sys.argv.pop(1)))
process()
"""


@dataclass(frozen=True)
class Area:
    """A folder in memory with a blob that does not compress, its index and its store."""

    folder: Path
    index: Index
    environment: Mapping[str, str]

    @property
    def target(self) -> Path:
        return self.folder / "copy"

    @property
    def journal(self) -> Path:
        return Path(journal_path(str(self.target)))

    def begin(self) -> subprocess.Popen[bytes]:
        """Start the extraction; returns when the interpreter is up."""
        waiting, up = os.pipe()
        line = ("extract", "-k", "-n", str(THREADS), "-s", "store", "blob.caibx", "copy")
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(up), *line],
            cwd=self.folder,
            env=self.environment,
            pass_fds=[up],
            stdout=subprocess.DEVNULL,
        )
        os.close(up)
        os.read(waiting, 1)
        os.close(waiting)
        return process

    def ended_after(self, seconds: float, ending: signal.Signals) -> bool:
        """End an extraction; returns whether it was still running."""
        process = self.begin()
        time.sleep(seconds)
        process.send_signal(ending)
        return process.wait() != 0

    def finished(self) -> float:
        """Extract without any trouble; returns how many seconds that took."""
        began = time.monotonic()
        assert self.begin().wait() == 0
        return time.monotonic() - began

    def asked(self) -> int:
        """Return the plain bytes of all chunks asked for since this was called last."""
        log = self.folder / "asked"
        found = log.read_bytes() if log.exists() else b""
        log.write_bytes(b"")
        lengths = {self.index.id(at): self.index.length(at) for at in range(len(self.index))}
        starts = range(0, len(found), CHUNK_ID_SIZE)
        return sum(lengths[found[at : at + CHUNK_ID_SIZE]] for at in starts)

    def read(self) -> int:
        """Return the bytes that the last run read, but for chunk files: they do not compress."""
        return int((self.folder / "read").read_text()) - self.asked()

    def right(self) -> bool:
        blob, copy = (np.memmap(self.folder / name, mode="r") for name in ("blob", "copy"))
        return bool(np.array_equal(blob, copy))


@pytest.fixture(scope="module")
def area(environment: Mapping[str, str]) -> Iterator[Area]:
    with tempfile.TemporaryDirectory(dir=scratch_folder()) as folder:
        workspace = Workspace(Path(folder))
        with (workspace / "blob").open("wb") as file:
            for number in range(SIZE >> 24):
                file.write(Random(number).randbytes(1 << 24))
        index = workspace.make("blob", chunk_size="64KiB")
        made = Area(Path(folder), index, environment)
        made.finished()
        yield made


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGINT], ids=["KILL", "INT"])
def test_a_run_ended_again_and_again_loses_at_most_a_batch_a_thread_each_time(
    area: Area, ending: signal.Signals
) -> None:
    """Nothing at all where it is asked to end: batches under way are written and noted."""
    area.target.unlink()
    seconds = area.finished()
    area.target.unlink()
    area.asked()
    chooser = Random(ending.name)
    ended = 0
    while ended < KILLS and area.ended_after((0.5 + chooser.random()) * seconds / KILLS, ending):
        ended += 1
    area.finished()
    asked = area.asked()

    assert area.right()
    assert not area.journal.exists()
    assert SIZE <= asked <= SIZE + (ended * THREADS * BATCH if ending is signal.SIGKILL else 0)


def test_a_run_that_goes_on_reads_little_of_what_is_there(area: Area) -> None:
    area.asked()
    area.finished()
    where_all_is_right = area.read()
    area.target.unlink()
    process = area.begin()
    while process.poll() is None and (
        not area.target.exists() or area.target.stat().st_blocks * 512 < 0.9 * SIZE
    ):
        time.sleep(0.001)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    area.asked()
    area.finished()
    read = area.read()

    assert area.right()
    assert where_all_is_right > SIZE
    assert read < 0.15 * SIZE
