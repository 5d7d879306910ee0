import gzip
import lzma
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from desync_jobs.codecs.decode import Decoder
from desync_jobs.codecs.form import Form
from desync_jobs.errors import CodecError

PLAIN = b"".join(str(number).encode() for number in range(20000))


def casync_zstd(plain: bytes, *, checksum: bool = False) -> bytes:
    """Compress as casync does: as a stream, so that the frame does not say its length."""
    stream = zstandard.ZstdCompressor(level=3, write_checksum=checksum).compressobj()
    return stream.compress(plain) + stream.flush()


def casync_zstd_with_checksum(plain: bytes) -> bytes:
    return casync_zstd(plain, checksum=True)


def as_it_is(plain: bytes) -> bytes:
    return plain


Encode = Callable[[bytes], bytes]
COMPRESSED = [
    pytest.param(Form.ZSTD, casync_zstd, id="zstd-of-casync"),
    pytest.param(Form.ZSTD, casync_zstd_with_checksum, id="zstd-with-checksum"),
    pytest.param(Form.ZSTD, zstandard.compress, id="zstd-with-length"),
    pytest.param(Form.XZ, lzma.compress, id="xz"),
    pytest.param(Form.GZIP, gzip.compress, id="gzip"),
]
EVERY = [*COMPRESSED, pytest.param(Form.PLAIN, as_it_is, id="plain")]


@pytest.mark.parametrize(("form", "encode"), EVERY)
@pytest.mark.parametrize("plain", [b"x", PLAIN, bytes(300000), random.Random(1).randbytes(200000)])
def test_a_chunk_of_exactly_the_limit_is_decoded(form: Form, encode: Encode, plain: bytes) -> None:
    assert Decoder().decode(form, encode(plain), len(plain)) == plain
    assert Decoder().decode(form, memoryview(encode(plain)), 128 << 20) == plain


@pytest.mark.parametrize(("form", "encode"), EVERY)
@pytest.mark.parametrize("plain", [b"xy", PLAIN, bytes(300000)])
def test_one_byte_more_than_the_limit_is_refused(form: Form, encode: Encode, plain: bytes) -> None:
    with pytest.raises(CodecError, match=f"^it decodes to more than {len(plain) - 1} bytes$"):
        Decoder().decode(form, encode(plain), len(plain) - 1)


@pytest.mark.parametrize(("form", "encode"), EVERY)
def test_a_chunk_without_bytes_is_refused(form: Form, encode: Encode) -> None:
    with pytest.raises(CodecError, match=r"^it holds no data$"):
        Decoder().decode(form, encode(b""), 100)


@pytest.mark.parametrize(("form", "encode"), COMPRESSED)
def test_no_data_at_all_is_refused(form: Form, encode: Encode) -> None:
    del encode
    with pytest.raises(CodecError):
        Decoder().decode(form, b"", 100)


@pytest.mark.parametrize(("form", "encode"), COMPRESSED)
@pytest.mark.parametrize("extra", [b"!", bytes(4), bytes(40)])
def test_bytes_after_the_frame_are_refused(form: Form, encode: Encode, extra: bytes) -> None:
    with pytest.raises(CodecError, match=f"{len(extra)} bytes"):
        Decoder().decode(form, encode(PLAIN) + extra, 1 << 20)


@pytest.mark.parametrize(("form", "encode"), COMPRESSED)
def test_a_second_frame_is_refused(form: Form, encode: Encode) -> None:
    frame = encode(PLAIN)

    with pytest.raises(CodecError, match=f"{len(frame)} bytes"):
        Decoder().decode(form, frame + frame, 1 << 20)


@pytest.mark.parametrize(("form", "encode"), COMPRESSED)
def test_a_frame_cut_short_anywhere_is_refused(form: Form, encode: Encode) -> None:
    frame = encode(PLAIN[:500])
    decoder = Decoder()
    for length in range(len(frame)):
        with pytest.raises(CodecError):
            decoder.decode(form, frame[:length], 1 << 20)

    assert decoder.decode(form, frame, 1 << 20) == PLAIN[:500]


@pytest.mark.parametrize(("form", "encode"), COMPRESSED)
@given(data=st.data())
def test_damage_gives_an_error_or_other_bytes_within_the_limit(
    form: Form, encode: Encode, data: st.DataObject
) -> None:
    frame = bytearray(encode(PLAIN[:2000]))
    frame[data.draw(st.integers(0, len(frame) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        plain = Decoder().decode(form, bytes(frame), 3000)
    except CodecError:
        return

    assert 1 <= len(plain) <= 3000


@pytest.mark.parametrize("form", [Form.ZSTD, Form.XZ, Form.GZIP])
@given(data=st.binary(max_size=100))
def test_garbage_is_refused(form: Form, data: bytes) -> None:
    with pytest.raises(CodecError):
        Decoder().decode(form, data, 1000)


def test_a_zstd_frame_that_only_says_it_is_short_is_refused() -> None:
    lie = bytearray(zstandard.compress(PLAIN))
    length_at = 5
    lie[length_at : length_at + 4] = (100).to_bytes(4, "little")

    with pytest.raises(CodecError, match="the zstd frame is damaged"):
        Decoder().decode(Form.ZSTD, bytes(lie), 1000)


def test_a_skippable_zstd_frame_is_no_chunk() -> None:
    skippable = bytes.fromhex("502a4d18 04000000 61626364")

    with pytest.raises(CodecError):
        Decoder().decode(Form.ZSTD, skippable, 1000)
    with pytest.raises(CodecError):
        Decoder().decode(Form.ZSTD, skippable + casync_zstd(PLAIN), 1 << 20)


def test_a_zstd_frame_of_endless_empty_blocks_is_refused() -> None:
    empty_raw_block = bytes(3)
    frame = casync_zstd(b"x")[:6] + empty_raw_block * 1_000_000

    with pytest.raises(CodecError, match="the zstd frame has too many blocks for 65536 bytes"):
        Decoder().decode(Form.ZSTD, frame, 65536)


def test_xz_that_wants_too_much_memory_is_refused() -> None:
    greedy = lzma.compress(
        PLAIN, filters=[{"id": lzma.FILTER_LZMA2, "preset": 1, "dict_size": 512 << 20}]
    )

    with pytest.raises(CodecError, match="the xz frame is damaged: Memory usage limit"):
        Decoder().decode(Form.XZ, greedy, 1 << 20)


_BOMBS = """
import lzma, resource, sys, zlib
import zstandard
from desync_jobs.codecs.decode import Decoder
from desync_jobs.codecs.form import Form
from desync_jobs.errors import CodecError

form = Form(sys.argv[1])
stream = {
    Form.ZSTD: lambda: zstandard.ZstdCompressor(level=1).compressobj(),
    Form.XZ: lambda: lzma.LZMACompressor(preset=0),
    Form.GZIP: lambda: zlib.compressobj(1, zlib.DEFLATED, 31),
}[form]()
zeros = bytes(1 << 20)
frame = b"".join(stream.compress(zeros) for _ in range(int(sys.argv[2]))) + stream.flush()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    Decoder().decode(form, frame, 65536)
except CodecError as error:
    print(error)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 8 << 10)
"""


@pytest.mark.parametrize(
    ("form", "mebibytes", "message"),
    [
        (Form.ZSTD, 1024, "the zstd frame has too many blocks for 65536 bytes"),
        (Form.ZSTD, 12, "it decodes to more than 65536 bytes"),
        (Form.XZ, 64, "it decodes to more than 65536 bytes"),
        (Form.GZIP, 128, "it decodes to more than 65536 bytes"),
    ],
)
def test_a_bomb_stops_at_the_limit_in_little_memory(
    form: Form, mebibytes: int, message: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _BOMBS, form.value, str(mebibytes)],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == f"{message}\nTrue\n"
