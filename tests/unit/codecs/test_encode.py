from concurrent.futures import ThreadPoolExecutor

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from desync_jobs.codecs.decode import Decoder
from desync_jobs.codecs.encode import ZstdEncoder
from desync_jobs.codecs.form import Form


@given(st.binary(min_size=1, max_size=5000), st.integers(1, 19))
def test_what_is_encoded_decodes_to_itself(plain: bytes, level: int) -> None:
    frame = ZstdEncoder(level).encode(plain)

    assert Decoder().decode(Form.ZSTD, frame, len(plain)) == plain


def test_a_frame_says_how_long_its_content_is_and_has_no_checksum() -> None:
    frame = zstandard.get_frame_parameters(ZstdEncoder(3).encode(bytes(70000)))

    assert frame.content_size == 70000
    assert not frame.has_checksum


def test_a_higher_level_compresses_more() -> None:
    plain = b"".join(str(number * number).encode() for number in range(20000))

    assert len(ZstdEncoder(19).encode(plain)) < len(ZstdEncoder(1).encode(plain))


def test_a_chunk_without_bytes_is_refused() -> None:
    with pytest.raises(ValueError, match="a chunk has at least one byte"):
        ZstdEncoder(3).encode(b"")


def test_threads_share_an_encoder() -> None:
    encoder, decoder = ZstdEncoder(3), Decoder()
    plains = [bytes([number]) * (20000 + number) for number in range(200)]
    with ThreadPoolExecutor(8) as threads:
        frames = list(threads.map(encoder.encode, plains))
        decoded = list(threads.map(lambda frame: decoder.decode(Form.ZSTD, frame, 1 << 20), frames))

    assert decoded == plains
