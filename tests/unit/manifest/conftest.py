"""Jobs from inline TOML, without a file."""

from collections.abc import Callable, Mapping

import pytest

from desync_jobs.errors import ManifestError
from desync_jobs.manifest.job import Job
from desync_jobs.manifest.load import job_from_document
from desync_jobs.manifest.read import parse_document

DIRECTORY = "/jobs"


def _job(
    text: str,
    variables: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Job:
    document = parse_document(text, "job.toml")
    return job_from_document(document, DIRECTORY, "job.toml", variables or {}, environment or {})


@pytest.fixture
def job() -> Callable[..., Job]:
    """Return the job that a TOML text declares, in the directory `/jobs`."""
    return _job


@pytest.fixture
def problems() -> Callable[..., list[str]]:
    """Return every problem of a TOML text, as the lines that a user sees."""

    def found(
        text: str,
        variables: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> list[str]:
        with pytest.raises(ManifestError) as caught:
            _job(text, variables, environment)
        assert caught.value.exit_code == 64
        return [str(problem) for problem in caught.value.problems]

    return found
