from collections.abc import Callable
from typing import Any

import pytest

from desync_jobs.errors import ManifestError, UsageError
from desync_jobs.manifest.job import Job
from desync_jobs.planner.selection import select

JobOf = Callable[..., Job]

OPERATIONS: dict[str, dict[str, Any]] = {
    "put": {"kind": "make", "blob": "img", "index": "img.caibx", "store": "a"},
    "get": {"kind": "extract", "index": "img.caibx", "target": "out", "stores": ["a"]},
    "check": {"kind": "verify-index", "index": "img.caibx", "blob": "out"},
    "other": {"kind": "digest", "blob": "elsewhere"},
    "last": {"kind": "digest", "blob": "third", "after": ["other"]},
}


def selected(job: Job, *names: str) -> list[str]:
    return list(select(job, names).spec.operations)


def test_an_operation_is_selected_with_all_that_it_needs(job_of: JobOf) -> None:
    job = job_of(OPERATIONS)

    assert selected(job, "put") == ["put"]
    assert selected(job, "check") == ["put", "get", "check"]
    assert selected(job, "last") == ["other", "last"]


def test_several_operations_can_be_selected(job_of: JobOf) -> None:
    assert selected(job_of(OPERATIONS), "last", "put") == ["put", "other", "last"]


def test_an_operation_that_is_none_is_refused_with_a_guess(job_of: JobOf) -> None:
    with pytest.raises(UsageError, match="no operation is called 'chekc'; did you mean 'check'"):
        select(job_of(OPERATIONS), ["chekc"])


def test_a_job_without_an_order_is_refused_as_a_whole(job_of: JobOf) -> None:
    circle = {"after": ["last"], **OPERATIONS["other"]}

    with pytest.raises(ManifestError, match="wait for each other"):
        select(job_of(OPERATIONS | {"other": circle}), ["put"])
