"""SHA-512/256 of many messages is that of each."""

import hashlib

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.vectors.kernels import require_kernel

pieces = st.one_of(
    st.binary(max_size=600),
    st.builds(lambda byte, size: bytes([byte]) * size, st.integers(0, 255), st.integers(0, 40000)),
)


@settings(max_examples=300)
@given(batch=st.lists(pieces, max_size=80))
def test_the_native_digests_are_those_of_hashlib(batch: list[bytes]) -> None:
    expected = b"".join(hashlib.new("sha512_256", piece).digest() for piece in batch)

    assert require_kernel("native").sha512_256(batch) == expected
