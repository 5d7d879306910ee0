"""Looks at the frames of threads, as Dask's profiler takes them."""

import gc
import subprocess
import sys

import pytest

from desync_jobs.execute.engines.frames import look_undisturbed

# The collector comes by at nearly every allocation, and finds what belongs to threads.
LOOKS = """
import gc, sys, threading

from desync_jobs.execute.engines.frames import look_undisturbed

{mended}

class Garbage:
    def __init__(self):
        self.of_threads = threading.local()
        self.of_threads.here = 1
        self.myself = self

enough = threading.Event()
for _ in range(50):
    threading.Thread(target=enough.wait, daemon=True).start()
gc.set_threshold(3, 1, 1)
for _ in range(5000):
    for _ in range(4):
        Garbage()
    assert threading.get_ident() in sys._current_frames()
assert gc.isenabled()
print("looked")
"""


def looks(mended: str, seconds: float) -> bytes:
    command = [sys.executable, "-c", LOOKS.format(mended=mended)]
    return subprocess.run(command, capture_output=True, timeout=seconds, check=True).stdout


def test_a_look_at_frames_and_the_collector_do_not_wait_for_each_other() -> None:
    assert looks("look_undisturbed(); look_undisturbed()", 60) == b"looked\n"


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="this interpreter has no such defect")
def test_without_it_the_interpreter_stands_still() -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        looks("", 5)


def test_a_collector_that_is_held_back_stays_so(monkeypatch: pytest.MonkeyPatch) -> None:
    before = vars(sys)["_current_frames"]
    monkeypatch.setattr(sys, "_current_frames", before)
    look_undisturbed()
    gc.disable()
    try:
        vars(sys)["_current_frames"]()
        assert not gc.isenabled()
    finally:
        gc.enable()
