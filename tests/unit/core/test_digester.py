import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desync_jobs.core.chunk import DigestAlgorithm
from desync_jobs.core.digest import digest_many
from desync_jobs.core.digester import Digester, is_zero
from desync_jobs.core.kernel import best, portable

MAXIMUM = 1000
PIECE = st.one_of(
    st.just(bytes(MAXIMUM)), st.just(bytes(MAXIMUM - 1)), st.just(bytes(999) + b"\1"), st.binary()
)


@given(st.lists(PIECE, max_size=20), st.sampled_from(DigestAlgorithm))
def test_ids_are_those_of_digesting_everything(
    contents: list[bytes], algorithm: DigestAlgorithm
) -> None:
    pieces = [memoryview(content) for content in contents]
    digester = Digester(best(), algorithm, MAXIMUM)

    assert digester(pieces) == digest_many(portable(), algorithm, pieces)
    assert digester(pieces) == digest_many(portable(), algorithm, pieces)


def test_the_zero_chunk_of_the_default_sizes_has_its_published_id() -> None:
    digester = Digester(best(), DigestAlgorithm.SHA512_256, 262144)

    (found,) = digester([memoryview(bytes(262144))])

    assert found.hex() == "1c8109946feed9f9e9fe4b5144d90f05a50fb3275e848cb72f4b9546d8c533f2"
    assert hashlib.new("sha512_256", bytes(262144)).digest() == found


@pytest.mark.parametrize("length", [0, 1, 7, 8, 9, 4096, 65537])
def test_one_bit_makes_a_piece_not_zero(length: int) -> None:
    assert is_zero(memoryview(bytes(length)))
    for place in {0, length // 2, length - 1} if length else set():
        piece = bytearray(length)
        piece[place] = 128
        assert not is_zero(memoryview(piece))
