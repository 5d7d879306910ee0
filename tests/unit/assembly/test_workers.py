import threading
import time
from collections.abc import Iterator

import pytest

from desync_jobs.assembly.cancel import Cancel
from desync_jobs.assembly.workers import OwnThread, Workers
from desync_jobs.errors import InterruptedRunError


def test_results_come_in_the_order_of_the_items(workers: Workers) -> None:
    def late(item: int) -> int:
        time.sleep(0.002 * (5 - item % 5))
        return item

    assert list(workers.ordered(late, range(40))) == list(range(40))


def test_no_more_items_are_taken_than_may_be_under_way(workers: Workers) -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for item in range(100):
            taken.append(item)
            yield item

    results = workers.ordered(lambda item: item, items())
    next(results)

    assert len(taken) <= workers.depth + 1
    assert list(results) == list(range(1, 100))


def test_the_first_error_in_order_is_raised_after_running_batches_ended(workers: Workers) -> None:
    running = 0
    lock = threading.Lock()

    def work(item: int) -> None:
        nonlocal running
        with lock:
            running += 1
        time.sleep(0.01)
        with lock:
            running -= 1
        if item in {3, 4}:
            raise ValueError(str(item))

    with pytest.raises(ValueError, match="3"):
        workers.each(work, range(50))

    assert running == 0


def test_a_stopped_run_raises_and_starts_nothing_more(workers: Workers) -> None:
    done: list[int] = []

    def work(item: int) -> None:
        done.append(item)
        if item == 5:
            workers.cancel.stop("SIGINT")

    with pytest.raises(InterruptedRunError, match="stopped by SIGINT"):
        workers.each(work, range(1000))

    assert len(done) <= 6 + workers.depth


def test_the_first_signal_is_the_one_reported() -> None:
    cancel = Cancel()
    cancel.stop("SIGTERM")
    cancel.stop("SIGINT")

    with pytest.raises(InterruptedRunError) as raised:
        cancel.check()

    assert raised.value.exit_code == 143


def test_leaving_early_waits_for_what_runs(workers: Workers) -> None:
    ended: list[int] = []

    def work(item: int) -> int:
        time.sleep(0.01)
        ended.append(item)
        return item

    results = workers.ordered(work, range(100))
    next(results)
    results.close()
    count = len(ended)
    time.sleep(0.05)

    assert len(ended) == count


def test_who_waits_is_called_off_when_another_fails(workers: Workers) -> None:
    waiting = threading.Event()

    def work(item: int) -> None:
        if item == 0:
            waiting.set()
            workers.cancel.pause(600)
        waiting.wait(20)
        raise ValueError(str(item))

    began = time.monotonic()
    with pytest.raises(ValueError, match="1"):
        workers.each(work, range(2))

    assert time.monotonic() - began < 60


def test_leaving_early_calls_off_who_waits(workers: Workers) -> None:
    def work(item: int) -> int:
        if item:
            workers.cancel.pause(600)
        return item

    began = time.monotonic()
    results = workers.ordered(work, range(3))
    next(results)
    results.close()

    assert time.monotonic() - began < 60


def test_nobody_else_is_called_off(workers: Workers) -> None:
    def fail(item: int) -> None:
        raise ValueError(str(item))

    def pause(item: int) -> int:
        workers.cancel.pause(0.2)
        return item

    with Workers(2, workers.cancel) as others:
        kept = others.ordered(pause, range(4))
        first = next(kept)
        with pytest.raises(ValueError, match="0"):
            workers.each(fail, range(2))

        assert [first, *kept] == [0, 1, 2, 3]
        assert list(workers.ordered(pause, range(2))) == [0, 1]


def test_what_has_its_own_thread_is_done_at_once_and_errors_are_kept() -> None:
    cancel = Cancel()
    own = OwnThread(cancel)
    here = own.submit(lambda _: threading.get_ident(), None)
    cancel.stop("SIGINT")

    assert here.result() == threading.get_ident()
    assert isinstance(own.submit(str, 1).exception(), InterruptedRunError)
