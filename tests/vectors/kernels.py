"""The kernels that tests compare: each gives the same answers, or one of them is wrong."""

import os
from typing import Final

import pytest

from desync_jobs.core.kernel import Kernel, native, portable

NAMES: Final = ("native", "portable")


def require_kernel(name: str) -> Kernel:
    """Return a kernel; where the native one was not built, skip, or fail where CI=true."""
    kernel = portable() if name == "portable" else native()
    if kernel is not None:
        return kernel
    reason = "the kernel is not built (pip install --editable . with a C compiler)"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
