import pytest

from desync_jobs.stores.policy.limits import Bucket, Expectation, Window


def test_a_window_begins_at_its_limit_and_never_passes_it() -> None:
    window = Window(4)
    for _ in range(100):
        window.succeeded()

    assert window.allowed == 4


def test_overload_halves_a_window_once_for_all_that_was_in_flight() -> None:
    window = Window(16)
    epoch = window.epoch
    for _ in range(16):
        window.overloaded(epoch)

    assert window.allowed == 8


def test_overload_again_halves_again_down_to_one() -> None:
    window = Window(16)
    seen = []
    for _ in range(6):
        window.overloaded(window.epoch)
        seen.append(window.allowed)

    assert seen == [8, 4, 2, 1, 1, 1]


def test_a_window_grows_by_one_after_as_many_successes_as_it_allows() -> None:
    window = Window(4)
    window.overloaded(window.epoch)
    seen = []
    for _ in range(6):
        window.succeeded()
        seen.append(window.allowed)

    assert seen == [2, 3, 3, 3, 4, 4]


def test_a_bucket_without_a_rate_never_waits() -> None:
    bucket = Bucket(None)
    bucket.spend(1e12, 0.0)

    assert bucket.wait(0.0) == 0.0


def test_what_was_overdrawn_is_waited_for() -> None:
    bucket = Bucket(100.0)

    assert bucket.wait(5.0) == 0.0
    bucket.spend(250.0, 5.0)
    assert bucket.wait(5.0) == pytest.approx(2.5)
    assert bucket.wait(7.0) == pytest.approx(0.5)
    assert bucket.wait(7.5) == pytest.approx(0.0)


def test_idling_saves_up_no_more_than_a_tenth_of_a_second() -> None:
    bucket = Bucket(100.0)
    bucket.spend(0.0, 0.0)
    bucket.spend(30.0, 3600.0)

    assert bucket.wait(3600.0) == pytest.approx(0.2)


def test_a_rate_holds_over_many_requests() -> None:
    bucket = Bucket(50.0)
    now = 0.0
    for _ in range(200):
        now += bucket.wait(now)
        bucket.spend(1.0, now)

    assert now == pytest.approx(199 / 50)


def test_what_was_set_aside_for_nothing_is_given_back() -> None:
    bucket = Bucket(100.0)
    bucket.spend(250.0, 0.0)
    bucket.spend(-200.0, 0.0)

    assert bucket.wait(0.0) == pytest.approx(0.5)


def test_a_first_answer_is_expected_to_be_a_fourth_of_the_largest() -> None:
    assert [Expectation().of(most) for most in (0, 100, 256 << 10)] == [0, 100, 64 << 10]


def test_expectations_rise_at_once_and_fall_slowly() -> None:
    expectation = Expectation()
    seen = []
    for size in (40_000, 80_000, 0, 0):
        expectation.learn(size)
        seen.append(expectation.of(1 << 20))

    assert seen == [40_000, 80_000, 70_000, 61_250]


def test_no_answer_is_expected_to_be_larger_than_it_can_be_or_next_to_nothing() -> None:
    expectation = Expectation()
    expectation.learn(100)

    assert expectation.of(1 << 20) == 8 << 10
    expectation.learn(1 << 20)
    assert expectation.of(5000) == 5000
