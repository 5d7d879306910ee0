from desync_jobs.stores.health import Health


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_members_that_are_well_are_asked_in_their_order() -> None:
    assert Health(3, 30).candidates() == [0, 1, 2]


def test_a_member_that_failed_is_asked_last() -> None:
    health = Health(3, 30, Clock())

    assert health.failed(0)
    assert health.candidates() == [1, 2, 0]


def test_failing_again_is_no_news() -> None:
    health = Health(2, 30, Clock())
    health.failed(0)

    assert not health.failed(0)
    assert not health.succeeded(1)


def test_after_a_while_one_request_tries_the_member_again() -> None:
    clock = Clock()
    health = Health(2, 30, clock)
    health.failed(0)
    clock.now += 29.9
    before = health.candidates()
    clock.now += 0.1

    assert before == [1, 0]
    assert health.candidates() == [0, 1]
    assert health.candidates() == [1, 0]


def test_a_member_that_answers_again_is_asked_as_before() -> None:
    health = Health(2, 30, Clock())
    health.failed(0)

    assert health.succeeded(0)
    assert health.candidates() == [0, 1]


def test_a_member_that_fails_when_tried_again_is_left_alone_again() -> None:
    clock = Clock()
    health = Health(2, 30, clock)
    health.failed(0)
    clock.now += 30
    health.candidates()
    health.failed(0)
    clock.now += 29

    assert health.candidates() == [1, 0]
