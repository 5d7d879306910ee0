import asyncio
import os
from collections.abc import Mapping, Sequence
from tempfile import TemporaryFile
from unittest.mock import Mock

import pytest
from aiohttp import ClientPayloadError
from aiohttp.streams import StreamReader
from aiohttp.test_utils import make_mocked_request
from aiohttp.web_request import BaseRequest

from desync_jobs.server.answers import RefusedError
from desync_jobs.server.bodies import BodyReader


def request(
    pieces: Sequence[bytes | Exception], headers: Mapping[str, str], *, ends: bool = True
) -> BaseRequest:
    payload = StreamReader(Mock(_reading_paused=False), 1 << 16, loop=asyncio.get_running_loop())
    for piece in pieces:
        if isinstance(piece, Exception):
            payload.set_exception(piece)
        else:
            payload.feed_data(piece)
    if ends:
        payload.feed_eof()
    return make_mocked_request("PUT", "/x", headers=headers, payload=payload)


def read(
    *pieces: bytes | Exception,
    limit: int = 10,
    timeout: float = 20,
    ends: bool = True,
    **headers: str,
) -> bytes | tuple[int, str]:
    """Return the body, or why it is refused; read and spooled it is the same."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    async def run(*, spooled: bool) -> bytes:
        reader, asked = BodyReader(limit, timeout), request(pieces, named, ends=ends)
        if not spooled:
            return await reader.read(asked)
        with TemporaryFile() as file:
            await reader.spool(asked, file)
            return os.pread(file.fileno(), 1000, 0)

    def outcome(*, spooled: bool) -> bytes | tuple[int, str]:
        try:
            return asyncio.run(run(spooled=spooled))
        except RefusedError as error:
            return error.status, str(error)

    found = outcome(spooled=False)
    assert outcome(spooled=True) == found
    return found


def test_a_body_arrives_in_pieces() -> None:
    assert read(b"some", b" ", b"data") == b"some data"
    assert read() == b""
    assert read(b"0123456789") == b"0123456789"


def test_a_body_that_is_too_large_is_refused_by_its_length_or_when_it_comes() -> None:
    expected = (413, "the body is larger than the limit of 10 bytes")

    assert read(Content_Length="11", ends=False) == expected
    assert read(b"0123456789", b"0", ends=False) == expected


def test_a_body_that_does_not_end_is_refused_after_its_time() -> None:
    assert read(b"x", timeout=0.01, ends=False) == (408, "the body did not arrive in 0 s")


def test_a_broken_body_is_refused() -> None:
    assert read(b"x", ClientPayloadError("cut short")) == (400, "the body is broken")


@pytest.mark.parametrize("encoding", ["gzip", "identity", ""])
def test_an_encoded_body_is_refused(encoding: str) -> None:
    status, text = read(b"x", Content_Encoding=encoding)

    assert (status, text) == (415, "a body is sent as it is, without Content-Encoding")
