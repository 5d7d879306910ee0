import os
from typing import Any

import pytest

from desync_jobs.cli.jobs import adjusted, data_on_stdout
from desync_jobs.manifest.job import Job
from desync_jobs.manifest.load import job_from_document


def job_with(operation: dict[str, Any], **more: Any) -> Job:
    document = {"version": 1, "operations": {"one": operation}, **more}
    return job_from_document(document, os.getcwd(), "job.toml")


@pytest.mark.parametrize(
    ("operation", "taken"),
    [
        ({"kind": "make", "blob": "b", "index": "-"}, True),
        ({"kind": "make", "blob": "-", "index": "i"}, False),
        ({"kind": "digest", "blob": "b"}, True),
        ({"kind": "digest", "blob": "b", "output": "sum"}, False),
        ({"kind": "list-chunks", "index": "-"}, True),
        ({"kind": "verify-index", "index": "-", "blob": "b"}, False),
        ({"kind": "verify", "store": "s", "report": "-"}, True),
        ({"kind": "verify-chunks", "stores": ["s"], "indexes": ["i"], "report": "-"}, True),
        ({"kind": "get", "stores": ["s"], "index": "i", "archive": "-"}, True),
        ({"kind": "untar", "archive": "a", "tar_stream": "-"}, True),
    ],
)
def test_an_operation_that_writes_to_standard_output_is_seen(
    operation: dict[str, Any], taken: bool
) -> None:
    job = job_with(operation, stores={"s": {"url": "store"}})
    assert data_on_stdout(job) is taken


def test_the_command_line_overrides_workers_and_what_a_failure_stops() -> None:
    job = job_with({"kind": "digest", "blob": "b"}, engine={"kind": "local", "workers": 2})
    changed = adjusted(job, concurrency=7, keep_going=True)

    assert (changed.spec.engine.workers, changed.spec.keep_going) == (7, True)
    assert (job.spec.engine.workers, job.spec.keep_going) == (2, False)


def test_what_the_command_line_leaves_out_is_the_jobs_own() -> None:
    job = job_with({"kind": "digest", "blob": "b"}, keep_going=True)

    assert adjusted(job) == job
