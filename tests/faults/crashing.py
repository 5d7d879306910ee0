"""Runs of the program that are killed at a counted moment, and what they fetched.

The moments are those at which a run changes what is kept: each batch fetched and each call that
writes, syncs, resizes, renames or removes. So a number says exactly where a run is killed.

Calls of the compiled part of unpacking are counted by a library that comes before the system's.
"""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

# Writes the stored bytes of each batch fetched to descriptor 3 and, at its end, the number of
# moments to descriptor 4; kills itself at the moment asked for, 0 for never.
_PROGRAM: Final = """
import itertools, os, signal, sys, threading
fetched, counted, last = int(sys.argv.pop(1)), int(sys.argv.pop(1)), int(sys.argv.pop(1))
sys.modules["desync_jobs.core._tree"] = None  # its calls are not counted here
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


_LIBRARY: Final = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static void moment(void)
{
    static int count;
    if (__atomic_add_fetch(&count, 1, __ATOMIC_SEQ_CST) == atoi(getenv("KILL_AT")))
        kill(getpid(), SIGKILL);
}

#define COUNTED(type, name, parameters, arguments) \
    type name parameters \
    { \
        type (*plainly) parameters = dlsym(RTLD_NEXT, #name); \
        moment(); \
        type answer = plainly arguments; \
        moment(); \
        return answer; \
    }

COUNTED(int, renameat, (int a, const char *b, int c, const char *d), (a, b, c, d))
COUNTED(ssize_t, pwrite, (int a, const void *b, size_t c, off_t d), (a, b, c, d))
COUNTED(ssize_t, pwrite64, (int a, const void *b, size_t c, off_t d), (a, b, c, d))
COUNTED(int, mkdirat, (int a, const char *b, mode_t c), (a, b, c))
COUNTED(int, symlinkat, (const char *a, int b, const char *c), (a, b, c))
COUNTED(int, fchmod, (int a, mode_t b), (a, b))
COUNTED(int, futimens, (int a, const struct timespec *b), (a, b))
"""


def counting_library(folder: Path) -> Path:
    """Compile what kills a process at the moment `KILL_AT` of its environment, if it is preloaded.

    Skips the test where that is not possible.
    """
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("there is no C compiler")
    source, library = folder / "counting.c", folder / "counting.so"
    source.write_text(_LIBRARY)
    line = [compiler, "-shared", "-fPIC", "-o", os.fspath(library), os.fspath(source), "-ldl"]
    subprocess.run(line, check=True, capture_output=True)
    return library


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
