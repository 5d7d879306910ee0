from math import inf

import pytest

from desync_jobs.manifest.limits import LimitsSpec
from desync_jobs.manifest.policy import PolicySpec
from desync_jobs.stores.endpoint import policy_of
from desync_jobs.stores.policy.values import DEFAULT_POLICY, Policy


def test_a_policy_that_says_nothing_is_the_default() -> None:
    assert policy_of(PolicySpec(), PolicySpec()) == DEFAULT_POLICY


def test_each_field_of_a_policy_is_the_places_or_the_jobs_or_the_default() -> None:
    place = PolicySpec.model_validate({"attempts": 2, "timeout": "90s", "bandwidth": "1 MiB"})
    job = PolicySpec.model_validate({"attempts": 9, "backoff": "100ms", "requests_per_second": 2})

    assert policy_of(place, job) == Policy(
        attempts=2, timeout=90.0, bandwidth=1 << 20, backoff=0.1, requests_per_second=2.0
    )


@pytest.mark.parametrize("key", ["deadline", "bandwidth", "requests_per_second"])
def test_a_limit_of_the_job_can_be_switched_off(key: str) -> None:
    job = PolicySpec.model_validate({"deadline": "1h", "bandwidth": 1, "requests_per_second": 1})
    word = "never" if key == "deadline" else "unlimited"
    place = PolicySpec.model_validate({key: word})

    assert getattr(place, key) == inf
    assert getattr(policy_of(place, job), key) is None


@pytest.mark.parametrize(
    ("bandwidth", "rate", "allowed"),
    [
        (None, None, (1000, None)),
        ("unlimited", "unlimited", (1000, None)),
        ("400", 2.5, (400, 2.5)),
        ("4000", 10, (1000, 10.0)),
    ],
)
def test_a_host_is_asked_as_often_as_its_policy_and_the_limits_both_allow(
    bandwidth: str | None, rate: float | str | None, allowed: tuple[int | None, float | None]
) -> None:
    place = PolicySpec.model_validate({"bandwidth": 1000})
    limits = LimitsSpec.model_validate(
        {"max_bandwidth": bandwidth, "max_requests_per_second": rate}
    )
    found = policy_of(place, PolicySpec(), limits)

    assert (found.bandwidth, found.requests_per_second) == allowed
