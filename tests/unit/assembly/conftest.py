from collections.abc import Iterator
from pathlib import Path

import pytest

from desync_jobs.assembly.cancel import Cancel
from desync_jobs.assembly.workers import Workers
from tests.unit.assembly.journaling import POSITIONS, Extraction


@pytest.fixture
def workers() -> Iterator[Workers]:
    with Workers(3, Cancel()) as made:
        yield made


@pytest.fixture
def extraction(tmp_path: Path) -> Iterator[Extraction]:
    made = Extraction(tmp_path, POSITIONS)
    yield made
    made.close()
