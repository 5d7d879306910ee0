from collections.abc import Iterator

import pytest

from desync_jobs.assembly.cancel import Cancel
from desync_jobs.assembly.workers import Workers


@pytest.fixture
def workers() -> Iterator[Workers]:
    with Workers(3, Cancel()) as made:
        yield made
