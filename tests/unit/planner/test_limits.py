from collections.abc import Callable
from typing import Any

import pytest

from desync_jobs.core.prices import Source
from desync_jobs.manifest.job import Job
from desync_jobs.planner.cost import Amount, Bounds, Cost
from desync_jobs.planner.limits import passed_limit
from desync_jobs.planner.step import Action, Step

JobOf = Callable[..., Job]

EXTRACT = {"kind": "extract", "index": "img.caibx", "target": "out", "stores": ["a"], "cache": "c"}


def passed(job_of: JobOf, limits: dict[str, Any], *reads: Amount) -> str | None:
    steps = [
        Step(f"step{n}", "extract", Action.RUN, "", cost=Cost((read,)))
        for n, read in enumerate(reads)
    ]
    error = passed_limit(job_of({"get": EXTRACT}, limits=limits), steps)
    assert error is None or error.exit_code == 8
    return None if error is None else str(error)


def of_store(stored: Bounds | None, requests: int = 1) -> Amount:
    return Amount("a", 4096, 1, requests, stored=stored, source=Source.STORE)


def test_a_plan_within_its_limits_passes_none(job_of: JobOf) -> None:
    limits = {"max_download": "2KiB", "max_requests": 2}

    exactly = [of_store(Bounds(1024, 1024)), of_store(Bounds(1000, 1024))]

    assert passed(job_of, limits, *exactly) is None
    assert passed(job_of, {}, *exactly) is None


def test_what_all_steps_fetch_counts_together(job_of: JobOf) -> None:
    amount = of_store(Bounds(1024, 1024))

    assert passed(job_of, {"max_download": "2047B"}, amount, amount) == (
        "2.0 KiB would come from stores, more than max_download = 2.0 KiB; "
        "nothing of that is fetched"
    )


def test_where_sizes_are_not_known_the_most_that_they_can_be_counts(job_of: JobOf) -> None:
    limits = {"max_download": "1KiB"}

    bounds = passed(job_of, limits, of_store(Bounds(10, 2048)))
    unseen = passed(job_of, limits, of_store(None))

    assert bounds is not None
    assert bounds.startswith("up to 2.0 KiB would come from stores")
    assert unseen is not None
    assert unseen.startswith("up to 4.0 KiB would come from stores")


def test_requests_are_limited_too(job_of: JobOf) -> None:
    assert passed(job_of, {"max_requests": 9}, of_store(None, 10)) == (
        "stores would be asked 10 times, more than max_requests = 9; nothing of that is fetched"
    )


@pytest.mark.parametrize(
    "amount",
    [
        Amount("c", 4096, 1, 1, stored=Bounds(4096, 4096), source=Source.CACHE),
        Amount("seed old", 4096, 1, source=Source.SEED),
        Amount("blob", 4096),
    ],
)
def test_what_does_not_come_from_a_store_is_not_limited(job_of: JobOf, amount: Amount) -> None:
    assert passed(job_of, {"max_download": 0, "max_requests": 0}, amount) is None


def test_a_store_that_is_read_whole_counts(job_of: JobOf) -> None:
    told = passed(job_of, {"max_download": "1KiB"}, Amount("a", 4096))

    assert told is not None
    assert told.startswith("up to 4.0 KiB would come from stores")


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"max_download": "1KiB"}, "max_download = 1.0 KiB"),
        ({"max_requests": 1000}, "max_requests = 1,000"),
    ],
)
@pytest.mark.parametrize(
    "operation",
    [
        {"kind": "mount-index", "index": "i.caibx", "mountpoint": "m", "stores": ["a"]},
        {"kind": "serve-chunks", "stores": ["group"], "cache": "c"},
        {"kind": "pull", "stores": ["a"]},
    ],
)
def test_a_limit_that_others_could_pass_is_told_before_anything_begins(
    job_of: JobOf, operation: dict[str, Any], limits: dict[str, Any], words: str
) -> None:
    job = job_of({"it": operation}, failover_groups={"group": {"members": ["a"]}}, limits=limits)

    error = passed_limit(job, [Step("it", "", Action.DEFERRED, "")])

    assert error is not None
    assert error.exit_code == 8
    assert str(error) == (
        f"it: what others ask for decides what {operation['kind']} fetches, so {words} cannot be "
        "kept; leave the limit out, or move it to a job without it; nothing is begun"
    )


def test_a_server_of_indexes_fetches_no_chunks_and_keeps_within_every_limit(job_of: JobOf) -> None:
    serving = {"kind": "serve-indexes", "url": "images", "stores": ["a"]}
    job = job_of({"it": serving}, limits={"max_download": 0, "max_requests": 0})

    assert passed_limit(job, [Step("it", "", Action.RUN, "")]) is None
