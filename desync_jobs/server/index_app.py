"""The index server's answers: index files by name, checked on their way out and in.

Texts and codes are those of desync's server. An index may be replaced, so who has one asks
whether it is still the same: the ETag is a digest of the file.
"""

import asyncio
import hashlib
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Final

from aiohttp import web
from aiohttp.web_request import BaseRequest

from desync_jobs.errors import InvalidDataError
from desync_jobs.formats.index import parse_index
from desync_jobs.server.answers import RefusedError, content, text
from desync_jobs.server.bodies import BodyReader
from desync_jobs.server.index_places import IndexPlace
from desync_jobs.server.metrics import Metrics
from desync_jobs.server.paths import index_of_path

READ_ONLY: Final = "writing to upstream index store is not enabled"
_METHODS: Final = "GET, HEAD, PUT"
_HEADERS: Final = {
    "Content-Type": "application/octet-stream",
    "Cache-Control": "no-cache",
    "Accept-Ranges": "bytes",
}


@dataclass(frozen=True, slots=True)
class Indexes:
    """What is served."""

    place: IndexPlace
    limit: int
    """Bytes of the largest index file."""
    writable: bool = False
    listing: bool = False
    """Whether all names are told."""


class IndexApp:
    """Answers requests for indexes. To be used from one event loop; places work in `executor`."""

    def __init__(self, served: Indexes, executor: Executor, metrics: Metrics) -> None:
        self._served = served
        self._executor = executor
        self._metrics = metrics
        self._bodies = BodyReader(served.limit)

    async def answer(self, request: BaseRequest) -> web.StreamResponse:
        """Answer one request; raises `PathError`, `RefusedError` or what the place does."""
        loop = asyncio.get_running_loop()
        wants_names = request.raw_path == "/" and request.method in ("GET", "HEAD")
        if wants_names and self._served.listing:
            names = await loop.run_in_executor(self._executor, self._served.place.names)
            return text(200, "\n".join(names))
        name = index_of_path(request.raw_path)
        match request.method:
            case "GET":
                data, etag = await loop.run_in_executor(self._executor, self._read, name)
                return content(request, data, {**_HEADERS, "ETag": etag}, etag)
            case "HEAD":
                if not await loop.run_in_executor(self._executor, self._served.place.has, name):
                    raise RefusedError(404, "index not found")
                return web.Response(headers=_HEADERS)
            case "PUT":
                return await self._put(request, name)
            case _:
                message = "only GET, PUT and HEAD are supported"
                raise RefusedError(405, message, Allow=_METHODS)

    async def _put(self, request: BaseRequest, name: str) -> web.Response:
        if not self._served.writable:
            raise RefusedError(400, READ_ONLY)
        body = await self._bodies.read(request)
        self._metrics.add("received_bytes", len(body))
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._executor, self._write, name, body)
        self._metrics.add("stored")
        return web.Response()

    def _read(self, name: str) -> tuple[bytes, str]:
        """Return a valid index and its ETag."""
        try:
            data = self._served.place.read(name, self._served.limit)
            if data is not None:
                parse_index(data, name)
        except InvalidDataError as error:
            raise RefusedError(400, "failed to retrieve index") from error
        if data is None:
            raise RefusedError(404, "index not found")
        return data, f'"{hashlib.sha256(data).hexdigest()}"'

    def _write(self, name: str, body: bytes) -> None:
        try:
            parse_index(body, name)
        except InvalidDataError as error:
            raise RefusedError(415, f"invalid index: {error}") from error
        self._served.place.write(name, body)
