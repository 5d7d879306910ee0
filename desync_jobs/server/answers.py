"""Answers as HTTP has them: texts for what goes wrong, and bytes with their headers."""

import os
from collections.abc import Mapping
from typing import Final

from aiohttp import web
from aiohttp.web_request import BaseRequest

from desync_jobs.errors import DesyncRunError
from desync_jobs.server.ranges import asked_part, has_already
from desync_jobs.server.sending import send_file

INLINE: Final = 1 << 20
"""Bytes; larger files are sent in pieces."""
_AGAIN: Final = "5"
"""Seconds, as the header has them."""
_PIECE: Final = 256 << 10


class RefusedError(DesyncRunError):
    """A request that gets another answer than it asked for; the message is for the client."""

    def __init__(self, status: int, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers


def busy() -> RefusedError:
    """Return the answer for who asks while somebody deletes from the store."""
    message = "chunks are being removed from the store, try again later"
    return RefusedError(503, message, **{"Retry-After": _AGAIN})


def text(status: int, message: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return an answer for people, which nobody keeps."""
    kept = {"Cache-Control": "no-store", **(headers or {})}
    return web.Response(status=status, text=f"{message}\n", headers=kept)


def content(
    request: BaseRequest, data: bytes, headers: Mapping[str, str], etag: str
) -> web.Response:
    """Return `data`, or the part of it that is asked for, or that the client has it already."""
    if has_already(request.headers, etag):
        return web.Response(status=304, headers=headers)
    part = asked_part(request.headers, etag, len(data)) if "Range" in request.headers else None
    if part is None:
        return web.Response(body=data, headers=headers)
    if part.begin == part.end:
        return not_satisfiable(len(data))
    return web.Response(
        status=206,
        body=data[part.begin : part.end],
        headers={**headers, "Content-Range": f"bytes {part.begin}-{part.end - 1}/{len(data)}"},
    )


def not_satisfiable(size: int) -> web.Response:
    """Return the answer for a range that begins after the end of `size` bytes."""
    return text(416, "the range begins after the end", {"Content-Range": f"bytes */{size}"})


async def file_content(
    request: BaseRequest, descriptor: int, size: int, headers: Mapping[str, str], etag: str
) -> web.StreamResponse:
    """Send a large file without having it in memory: by sendfile where nothing is encrypted."""
    if has_already(request.headers, etag):
        return web.Response(status=304, headers=headers)
    part = asked_part(request.headers, etag, size)
    begin, end = (0, size) if part is None else (part.begin, part.end)
    if begin == end:
        return not_satisfiable(size)
    response = web.StreamResponse(status=200 if part is None else 206, headers=headers)
    if part is not None:
        response.headers["Content-Range"] = f"bytes {begin}-{end - 1}/{size}"
    response.content_length = end - begin
    await response.prepare(request)
    await _send(request, response, descriptor, (begin, end))
    await response.write_eof()
    return response


async def _send(
    request: BaseRequest, response: web.StreamResponse, descriptor: int, part: tuple[int, int]
) -> None:
    begin, end = part
    transport = request.transport
    if transport is None:
        raise ConnectionResetError("the client has gone")
    # What is sent past the transport must not overtake what it has.
    transport.set_write_buffer_limits(0)
    # Headers are held back until something is written.
    first = os.pread(descriptor, min(_PIECE, end - begin), begin)
    await response.write(first)
    transport.set_write_buffer_limits()
    begin += len(first)
    if begin < end and not transport.get_write_buffer_size():
        begin = await send_file(transport, descriptor, begin, end)
    while begin < end and (data := os.pread(descriptor, min(_PIECE, end - begin), begin)):
        await response.write(data)
        begin += len(data)
    if begin < end:
        raise ConnectionResetError("the file is shorter than it was, and its length was told")
