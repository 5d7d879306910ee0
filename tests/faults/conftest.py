from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.faults.measuring import Measure


@pytest.fixture
def measure(tmp_path: Path, environment: Mapping[str, str]) -> Measure:
    """Run the program in an empty directory, and see what it takes."""
    return Measure(tmp_path, environment)
