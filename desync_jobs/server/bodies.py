"""Bodies of requests: within a limit, within a time, and not too many at once."""

import asyncio
from collections.abc import Callable
from typing import BinaryIO, Final

from aiohttp import ClientPayloadError, web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_request import BaseRequest

from desync_jobs.server.answers import RefusedError

AT_ONCE: Final = 32
"""Bodies that are received at the same time; others wait for their turn."""
BODY_TIMEOUT: Final = 60.0
"""Seconds in which a body has to arrive."""


class BodyReader:
    """Receives bodies of at most `limit` bytes."""

    def __init__(self, limit: int, timeout: float = BODY_TIMEOUT) -> None:
        self._limit = limit
        self._timeout = timeout
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def read(self, request: BaseRequest) -> bytes:
        """Return the body of a request.

        `RefusedError` where it is too large, too slow or broken.
        """
        received = bytearray()
        await self._receive(request, received.extend)
        return bytes(received)

    async def spool(self, request: BaseRequest, file: BinaryIO) -> None:
        """Write the body of a request to `file`, without having it in memory.

        `RefusedError` as above, `OSError` where the file cannot be written.
        """
        await self._receive(request, file.write)
        file.flush()

    async def _receive(self, request: BaseRequest, keep: Callable[[bytes], object]) -> None:
        if request.content_length is not None and request.content_length > self._limit:
            raise self._too_large()
        if "Content-Encoding" in request.headers:
            raise RefusedError(415, "a body is sent as it is, without Content-Encoding")
        try:
            async with self._turns, asyncio.timeout(self._timeout):
                await self._take(request, keep)
        except TimeoutError:
            raise RefusedError(408, f"the body did not arrive in {self._timeout:.0f} s") from None
        except (HttpProcessingError, ClientPayloadError, web.RequestPayloadError) as error:
            raise RefusedError(400, "the body is broken") from error

    async def _take(self, request: BaseRequest, keep: Callable[[bytes], object]) -> None:
        size = 0
        async for piece in request.content.iter_any():
            size += len(piece)
            if size > self._limit:
                raise self._too_large()
            keep(piece)

    def _too_large(self) -> RefusedError:
        return RefusedError(413, f"the body is larger than the limit of {self._limit} bytes")
