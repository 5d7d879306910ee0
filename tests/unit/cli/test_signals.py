import os
import signal
import subprocess
import sys

import pytest

from desync_jobs.assembly.cancel import Cancel
from desync_jobs.cli.signals import cancelling

PROGRAM = """
import signal, sys, time
from desync_jobs.assembly.cancel import Cancel
from desync_jobs.cli.signals import cancelling
with cancelling(Cancel()):
    signal.raise_signal(signal.Signals[sys.argv[1]])
    print("still here", flush=True)
    signal.raise_signal(signal.Signals[sys.argv[2]])
    print("too far", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_asks_the_run_to_stop(number: signal.Signals) -> None:
    cancel = Cancel()
    with cancelling(cancel):
        before = cancel.stopped
        os.kill(os.getpid(), number)

    assert not before
    assert cancel.stopped


@pytest.mark.parametrize(
    ("first", "second", "code"),
    [("SIGINT", "SIGINT", 130), ("SIGTERM", "SIGTERM", 143), ("SIGTERM", "SIGINT", 143)],
)
def test_the_second_signal_ends_at_once_with_the_code_of_the_first(
    first: str, second: str, code: int
) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, first, second], capture_output=True, check=False
    )

    assert ended.stdout == b"still here\n"
    assert ended.stderr == b""
    assert ended.returncode == code


def test_signals_have_their_own_meaning_again_afterwards() -> None:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    with cancelling(Cancel()):
        hangup_inside = signal.getsignal(signal.SIGHUP)

    assert hangup_inside == before[2]
    assert [signal.getsignal(number) for number in numbers] == before
