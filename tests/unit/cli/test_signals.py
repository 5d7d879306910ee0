import asyncio
import os
import signal
import subprocess
import sys

import pytest
import uvloop

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
    time.sleep(60)
    print("too far", flush=True)
"""

# The main thread waits for a lock, and the signals are given to the other one.
ELSEWHERE = """
import signal, sys, threading, time
from desync_jobs.assembly.cancel import Cancel
from desync_jobs.cli.signals import cancelling
cancel = Cancel()
held = threading.Lock()
held.acquire()
def other():
    own = threading.get_ident()
    signal.pthread_kill(own, signal.SIGTERM)
    while not cancel.stopped:
        time.sleep(0.01)
    print("stopping", flush=True)
    signal.pthread_kill(own, signal.SIGINT)
    time.sleep(60)
    print("too far", flush=True)
with cancelling(cancel):
    threading.Thread(target=other).start()
    held.acquire()
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


def test_signals_count_that_another_thread_is_given_while_the_main_one_waits() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", ELSEWHERE], capture_output=True, check=False, timeout=30
    )

    assert ended.stdout == b"stopping\n"
    assert ended.stderr == b""
    assert ended.returncode == 143


def test_signals_count_while_an_event_loop_has_a_pipe_of_its_own_for_them() -> None:
    cancel = Cancel()

    async def stopped() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        while not cancel.stopped:  # noqa: ASYNC110 - what sets it knows no event loop
            await asyncio.sleep(0.01)

    with cancelling(cancel), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(asyncio.wait_for(stopped(), 10))

    assert cancel.stopped


def test_signals_have_their_own_meaning_again_afterwards() -> None:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    with cancelling(Cancel()):
        hangup_inside = signal.getsignal(signal.SIGHUP)

    assert hangup_inside == before[2]
    assert [signal.getsignal(number) for number in numbers] == before
