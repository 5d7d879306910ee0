from concurrent.futures import ThreadPoolExecutor

from desync_jobs.stores.counters import Counters, Counts


def test_counts_add_up_field_by_field() -> None:
    assert Counts(1, 2, 3, 4, 5) + Counts(10, 20, 30, 40, 50) == Counts(11, 22, 33, 44, 55)


def test_threads_lose_nothing() -> None:
    counters = Counters()
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: counters.add(Counts(1, 2, 3)), range(2000)))

    assert counters.total() == Counts(2000, 4000, 6000)
