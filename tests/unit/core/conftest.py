import pytest

from desync_jobs.core.kernel import Kernel
from tests.vectors.kernels import NAMES, require_kernel


@pytest.fixture(params=NAMES)
def kernel(request: pytest.FixtureRequest) -> Kernel:
    """Each kernel in turn."""
    return require_kernel(request.param)
