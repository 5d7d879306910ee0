import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desync_jobs.formats import wire
from desync_jobs.formats.wire import (
    Abort,
    ChunkAbsent,
    ChunkData,
    Feature,
    Fragment,
    Goodbye,
    Hello,
    Message,
    MessageType,
    Request,
    WireFormatError,
)

A, B = bytes(range(32)), bytes(range(32, 64))


def parse(frame: bytes) -> Message:
    kind, size = wire.parse_frame_header(frame[: wire.HEADER_SIZE])
    assert size == len(frame) - wire.HEADER_SIZE
    return wire.parse_body(kind, frame[wire.HEADER_SIZE :])


def test_messages_are_as_seen_between_casync_and_desync() -> None:
    assert wire.hello(Feature.PULL_CHUNKS).hex() == (
        "1800000000000000eefba58c94d0713c4000000000000000"
    )
    assert wire.request([A]).hex() == ("380000000000000010929df8e027b48a0100000000000000" + A.hex())
    assert wire.chunk(A, b"\x28\xb5\x2f\xfd!").hex() == (
        "3d000000000000008cbc840a18dd13520100000000000000" + A.hex() + "28b52ffd21"
    )


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (wire.hello(Feature(0xC0)), Hello(Feature.PULL_CHUNKS | Feature.PULL_INDEX)),
        (wire.request([A, B]), Request((A, B), urgent=True)),
        (wire.chunk(A, b"data"), ChunkData(A, b"data", compressed=True)),
        (wire.missing(B), ChunkAbsent(B)),
        (wire.goodbye(), Goodbye()),
        (wire.abort(5, "no\nstore"), Abort(5, "no store")),
        (wire.fragment(MessageType.INDEX, b"x"), Fragment(MessageType.INDEX, b"x")),
        (wire.fragment(MessageType.INDEX_EOF, b""), Fragment(MessageType.INDEX_EOF, b"")),
    ],
)
def test_what_is_written_is_read(frame: bytes, message: Message) -> None:
    assert parse(frame) == message


def test_a_plain_chunk_is_told_from_a_compressed_one() -> None:
    body = struct.pack("<Q", 0) + A + b"plain"

    assert wire.parse_body(MessageType.CHUNK, body) == ChunkData(A, b"plain", compressed=False)


@pytest.mark.parametrize("size", [0, 15, wire.FRAME_LIMIT + 1, 1 << 62, (1 << 64) - 1])
def test_a_frame_that_cannot_be_is_refused_before_it_is_read(size: int) -> None:
    with pytest.raises(WireFormatError, match=f"a message of {size} bytes"):
        wire.parse_frame_header(struct.pack("<QQ", size, MessageType.CHUNK))


def test_an_unknown_type_is_refused() -> None:
    with pytest.raises(WireFormatError, match="unknown type 0x2a"):
        wire.parse_frame_header(struct.pack("<QQ", 16, 42))


@pytest.mark.parametrize(
    ("kind", "size"),
    [
        (MessageType.HELLO, 7),
        (MessageType.HELLO, 9),
        (MessageType.REQUEST, 8),
        (MessageType.REQUEST, 41),
        (MessageType.CHUNK, 40),
        (MessageType.MISSING, 31),
        (MessageType.MISSING, 33),
        (MessageType.GOODBYE, 1),
        (MessageType.ABORT, 8),
        (MessageType.INDEX, 0),
        (MessageType.ARCHIVE, 0),
        (MessageType.INDEX_EOF, 1),
        (MessageType.ARCHIVE_EOF, 1),
    ],
)
def test_a_body_of_the_wrong_length_is_refused(kind: MessageType, size: int) -> None:
    with pytest.raises(WireFormatError, match=f"a {kind.name} message with a body of {size}"):
        wire.parse_body(kind, bytes(size))


@pytest.mark.parametrize("flags", [0, 0x2000, 1 << 63])
def test_a_hello_without_known_features_is_refused(flags: int) -> None:
    with pytest.raises(WireFormatError, match="a HELLO with the features"):
        wire.parse_body(MessageType.HELLO, struct.pack("<Q", flags))


def test_an_abort_is_printable_and_ends_with_nul() -> None:
    body = struct.pack("<Q", 1) + b"a\x1bb"

    with pytest.raises(WireFormatError, match="ABORT"):
        wire.parse_body(MessageType.ABORT, body)
    assert wire.parse_body(MessageType.ABORT, body + b"\0") == Abort(1, "a?b")


@pytest.mark.parametrize("count", [0, wire.REQUEST_CHUNKS + 1])
def test_a_request_is_never_empty_and_never_too_long(count: int) -> None:
    with pytest.raises(ValueError, match=f"{count} chunks"):
        wire.request([A] * count)
    assert len(wire.request([A] * wire.REQUEST_CHUNKS)) <= 65536


@pytest.mark.parametrize("size", [0, wire.CHUNK_LIMIT + 1])
def test_a_chunk_that_fits_no_frame_is_not_sent(size: int) -> None:
    with pytest.raises(ValueError, match=f"{size} bytes"):
        wire.chunk(A, bytes(size))
    assert len(wire.chunk(A, bytes(wire.CHUNK_LIMIT))) == wire.FRAME_LIMIT


@given(st.sampled_from(MessageType), st.binary(max_size=200))
def test_any_body_is_a_message_or_refused(kind: MessageType, body: bytes) -> None:
    try:
        message = wire.parse_body(kind, body)
    except WireFormatError:
        return
    assert isinstance(message, Message)
