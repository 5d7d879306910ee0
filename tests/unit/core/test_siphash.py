"""SipHash-2-4, compiled and in Python."""

import random
import subprocess
import sys

import pytest

from desync_jobs.core import siphash
from desync_jobs.core.siphash import SipHash
from tests.vectors.kernels import NAMES, require_kernel

KEY = 0x0706050403020100, 0x0F0E0D0C0B0A0908
"""The key of the vectors of its authors, who hash the bytes 0, 1, 2 and so on."""
VECTORS = {
    0: 0x726FDB47DD0E0E31,
    1: 0x74F839C593DC67FD,
    7: 0xAB0200F58B01D137,
    8: 0x93F5F5799A932462,
    15: 0xA129CA6149BE45E5,
    63: 0x958A324CEB064572,
}


def _hash_of(name: str) -> SipHash:
    require_kernel(name)
    return siphash.portable if name == "portable" else siphash.siphash


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", VECTORS)
def test_hashes_are_those_of_the_vectors(name: str, size: int) -> None:
    assert _hash_of(name)(bytes(range(size)), *KEY) == VECTORS[size]


def test_compiled_and_in_python_it_is_the_same() -> None:
    require_kernel("native")
    order = random.Random(1)
    for size in (*range(65), 255, 256, 4096):
        data, key = order.randbytes(size), (order.getrandbits(64), order.getrandbits(64))

        assert siphash.siphash(data, *key) == siphash.portable(data, *key)
        assert siphash.siphash(memoryview(data), *key) == siphash.portable(data, *key)


def test_without_a_kernel_it_is_the_one_in_python() -> None:
    code = (
        "import sys; sys.modules['desync_jobs.core._kernel'] = None;"
        "from desync_jobs.core.siphash import portable, siphash; sys.exit(siphash is not portable)"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
