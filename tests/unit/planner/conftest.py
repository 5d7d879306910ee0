from collections.abc import Callable, Mapping
from typing import Any

import pytest

from desync_jobs.manifest.job import Job
from desync_jobs.manifest.load import job_from_document


@pytest.fixture
def job_of() -> Callable[..., Job]:
    """A job in /jobs with the stores `a`, `b` and the cache `c`, and the operations given.

    Keywords are further tables.
    """

    def build(operations: Mapping[str, Any], **tables: Any) -> Job:
        document = {
            "version": 1,
            "stores": {"a": {"url": "a.castr"}, "b": {"url": "b.castr"}},
            "caches": {"c": {"url": "c.castr"}},
            "operations": operations,
            **tables,
        }
        return job_from_document(document, "/jobs", "job.toml")

    return build
