import pytest

from desync_jobs.core.kernel import best
from desync_jobs.stores.reader import Reader


@pytest.fixture
def reader() -> Reader:
    """Both digests, any size."""
    return Reader(best())
