from math import inf

import pytest

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
