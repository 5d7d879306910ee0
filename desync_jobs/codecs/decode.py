"""Stored chunk to plain bytes: never more than a limit, never with anything left over.

Frames of casync's zstd do not say how long their content is, so the room to decode into comes
from the frame's own blocks, and from the limit where that is less.
"""

import lzma
import zlib
from typing import Final, Protocol

import zstandard

from desync_jobs.codecs.form import Form
from desync_jobs.codecs.pool import Pool
from desync_jobs.core.chunk import BytesLike
from desync_jobs.errors import CodecError

_XZ_MEMORY_LIMIT: Final = 136 << 20
"""Bytes that decoding xz may take: a dictionary of the largest chunk, and what goes with it."""
_GZIP_WINDOW_BITS: Final = 31
"""The largest window (15), with gzip's header and trailer (16)."""

# The zstd frame format, RFC 8878 section 3.1.1.
_CHECKSUM_FLAG: Final = 0x04
_CHECKSUM_SIZE: Final = 4
_BLOCK_HEADER_SIZE: Final = 3
_BLOCK_REPEATED_BYTE: Final = 1
_BLOCK_LIMIT: Final = 128 << 10
_SMALLEST_WINDOW: Final = 1 << 10
_SPARE_BLOCKS: Final = 64


class Decoder:
    """Decodes every form. Safe to call from many threads."""

    def __init__(self) -> None:
        self._contexts = Pool(zstandard.ZstdDecompressor)

    def decode(self, form: Form, data: BytesLike, limit: int) -> bytes:
        """Return the plain bytes of `data`, at least one and at most `limit`.

        Raises `CodecError` for anything else, for damage, and for bytes after the end.
        """
        plain = self._decode(form, data, limit)
        if len(plain) > limit:
            raise _too_long(limit)
        if not plain:
            raise CodecError("it holds no data")
        return plain

    def _decode(self, form: Form, data: BytesLike, limit: int) -> bytes:
        match form:
            case Form.ZSTD:
                return self._decode_zstd(data, limit)
            case Form.XZ:
                return _decode_xz(data, limit)
            case Form.GZIP:
                return _decode_gzip(data, limit)
            case Form.PLAIN:
                return data if isinstance(data, bytes) else bytes(data[: limit + 1])

    def _decode_zstd(self, data: BytesLike, limit: int) -> bytes:
        context = self._contexts.take()
        try:
            declared = zstandard.frame_content_size(data)
            if declared > limit:
                raise _too_long(limit)
            if declared >= 0:
                # The library refuses content of another length, and bytes after the frame.
                return context.decompress(data, allow_extra_data=False)
            return _decode_undeclared(context, data, limit)
        except zstandard.ZstdError as error:
            raise _damaged(Form.ZSTD, error) from error
        finally:
            self._contexts.give(context)


def _decode_undeclared(context: zstandard.ZstdDecompressor, data: BytesLike, limit: int) -> bytes:
    """Decode a frame that does not say how long its content is."""
    room = min(limit, _room(data, limit))
    try:
        return context.decompress(data, max_output_size=room)
    except zstandard.ZstdError:
        # The library's words are the same for damage and for a lack of room.
        with context.stream_reader(data) as reader:
            if len(reader.read(limit + 1)) > limit:
                raise _too_long(limit) from None
        raise


def _room(data: BytesLike, limit: int) -> int:
    """Return how many bytes a zstd frame can decode to at most, going by its blocks.

    Also checks that `data` ends where the frame does, which the library does not where the
    content's length is unknown. A frame of nothing but tiny blocks would keep this loop
    busy, so there may be no more blocks than the smallest window needs, and some empty ones.
    """
    at = zstandard.frame_header_size(data)
    blocks_left = limit // _SMALLEST_WINDOW + _SPARE_BLOCKS
    room = 0
    last = False
    while not last:
        header = int.from_bytes(data[at : at + _BLOCK_HEADER_SIZE], "little")
        last = bool(header & 1)
        repeated = header >> 1 & 3 == _BLOCK_REPEATED_BYTE
        at += _BLOCK_HEADER_SIZE + (1 if repeated else header >> 3)
        room += _BLOCK_LIMIT
        blocks_left -= 1
        if at > len(data):
            raise CodecError("the zstd frame is truncated")
        if blocks_left < 0:
            raise CodecError(f"the zstd frame has too many blocks for {limit} bytes")
    if data[4] & _CHECKSUM_FLAG:
        at += _CHECKSUM_SIZE
    _check_end(Form.ZSTD, len(data) - at)
    return room


class _Stream(Protocol):
    """What the decompressors of lzma and zlib have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...


def _decode_xz(data: BytesLike, limit: int) -> bytes:
    stream = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY_LIMIT)
    try:
        plain = stream.decompress(data, max_length=limit + 1)
    except lzma.LZMAError as error:
        raise _damaged(Form.XZ, error) from error
    _check_stream(Form.XZ, stream, plain, limit)
    return plain


def _decode_gzip(data: BytesLike, limit: int) -> bytes:
    stream = zlib.decompressobj(_GZIP_WINDOW_BITS)
    try:
        plain = stream.decompress(data, limit + 1)
    except zlib.error as error:
        raise _damaged(Form.GZIP, error) from error
    _check_stream(Form.GZIP, stream, plain, limit)
    return plain


def _check_stream(form: Form, stream: _Stream, plain: bytes, limit: int) -> None:
    if len(plain) <= limit:
        _check_end(form, len(stream.unused_data) if stream.eof else -1)


def _check_end(form: Form, left_over: int) -> None:
    """Refuse data that ends before (`left_over` < 0) or after what was decoded."""
    if left_over < 0:
        raise CodecError(f"the {form.value} frame is truncated")
    if left_over:
        raise CodecError(f"{left_over} bytes follow the {form.value} frame")


def _too_long(limit: int) -> CodecError:
    return CodecError(f"it decodes to more than {limit} bytes")


def _damaged(form: Form, error: Exception) -> CodecError:
    return CodecError(f"the {form.value} frame is damaged: {error}")
