import threading
import time

import pytest

from desync_jobs.assembly.cancel import CallOff, Cancel
from desync_jobs.errors import AbandonedError, InterruptedRunError


def test_a_pause_takes_its_time() -> None:
    began = time.monotonic()
    Cancel().pause(0.12)

    assert time.monotonic() - began >= 0.12


def test_a_pause_ends_soon_after_somebody_asks_to_stop() -> None:
    cancel = Cancel()
    threading.Timer(0.05, cancel.stop, ["SIGTERM"]).start()
    began = time.monotonic()

    with pytest.raises(InterruptedRunError, match="SIGTERM"):
        cancel.pause(60)
    assert time.monotonic() - began < 5


def test_a_pause_of_a_stopped_run_does_not_begin() -> None:
    cancel = Cancel()
    cancel.stop("SIGINT")

    with pytest.raises(InterruptedRunError):
        cancel.pause(0)


def test_what_is_called_off_notices_it_while_it_does_something_of_its_own_and_after() -> None:
    cancel, outer, inner = Cancel(), CallOff(), CallOff()

    with cancel.heeding(outer):
        with cancel.heeding(inner):
            cancel.check()
            outer.called = True
            with pytest.raises(AbandonedError):
                cancel.check()
        with pytest.raises(AbandonedError):
            cancel.check()
    cancel.check()
