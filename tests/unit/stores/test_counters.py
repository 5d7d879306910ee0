import time
from concurrent.futures import ThreadPoolExecutor

from desync_jobs.stores.counters import Counters, Counts, Waiting


def test_counts_add_up_field_by_field() -> None:
    total = Counts(1, 2, 3, 4, 5, 6, 7, 0.5) + Counts(10, 20, 30, 40, 50, 60, 70, 0.25)

    assert total == Counts(11, 22, 33, 44, 55, 66, 77)
    assert total.seconds == 0.75


def test_waiting_is_added_up() -> None:
    waiting = Waiting()
    with waiting:
        time.sleep(0.01)
    once = waiting.seconds
    with waiting:
        time.sleep(0.01)

    assert once >= 0.01
    assert waiting.seconds >= once + 0.01


def test_threads_lose_nothing() -> None:
    counters = Counters()
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: counters.add(Counts(1, 2, 3)), range(2000)))

    assert counters.total() == Counts(2000, 4000, 6000)
