"""Runs of the program that are killed at a counted moment, and what they fetched.

The moments are those at which a run changes what is kept: each batch fetched and each call that
writes, syncs, resizes, renames or removes. So a number says exactly where a run is killed.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

# Writes the stored bytes of each batch fetched to descriptor 3 and, at its end, the number of
# moments to descriptor 4; kills itself at the moment asked for, 0 for never.
_PROGRAM: Final = """
import itertools, os, signal, sys, threading
fetched, counted, last = int(sys.argv.pop(1)), int(sys.argv.pop(1)), int(sys.argv.pop(1))
from desync_jobs.stores.local import LocalStore
from desync_jobs.cli.main import main
moments, lock = itertools.count(1), threading.Lock()
latest = 0

def moment():
    global latest
    with lock:
        latest = next(moments)
        if latest == last:
            os.kill(os.getpid(), signal.SIGKILL)

def counting(plainly):
    def call(*arguments, **named):
        moment()
        answer = plainly(*arguments, **named)
        moment()
        return answer
    return call

fetch = LocalStore.fetch
def noting(store, ids):
    answers = fetch(store, ids)
    os.write(fetched, b"%d\\n" % sum(len(one.plain) for one in answers))
    moment()
    return answers

LocalStore.fetch = noting
for name in ("pwritev", "pwrite", "fsync", "fdatasync", "ftruncate", "rename", "unlink"):
    setattr(os, name, counting(getattr(os, name)))
code = main()
os.write(counted, b"%d\\n" % latest)
sys.exit(code)
"""


@dataclass(frozen=True)
class Attempt:
    """A run that is over, one way or the other."""

    code: int
    said: str
    fetched: int
    """Plain bytes of chunks that stores gave."""
    moments: int
    """How many there were; 0 for a run that was killed."""


@dataclass(frozen=True)
class Crashing:
    """Runs the program in `folder`."""

    folder: Path
    environment: Mapping[str, str]

    def __call__(self, *arguments: str, kill_at: int = 0) -> Attempt:
        logs = [self.folder / ".fetched.log", self.folder / ".moments.log"]
        fds = [os.open(log, os.O_RDWR | os.O_CREAT | os.O_TRUNC) for log in logs]
        numbers = [str(number) for number in (*fds, kill_at)]
        ended = subprocess.run(
            [sys.executable, "-c", _PROGRAM, *numbers, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            cwd=self.folder,
            env=self.environment,
            pass_fds=fds,
            timeout=120,
            check=False,
        )
        fetched, moments = (sum(map(int, log.read_text().split())) for log in logs)
        for fd, log in zip(fds, logs, strict=True):
            os.close(fd)
            log.unlink()
        return Attempt(ended.returncode, ended.stderr.decode(), fetched, moments)


KILLED: Final = -signal.SIGKILL
