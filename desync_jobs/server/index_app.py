"""The index server's answers: index files by name, checked on their way out and in.

Texts and codes are those of desync's server. An index may be replaced, so who has one asks
whether it is still the same: the ETag is a digest of the file.
"""

import asyncio
import hashlib
import os
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import BinaryIO, Final

from aiohttp import web
from aiohttp.web_request import BaseRequest

from desync_jobs.errors import InvalidDataError
from desync_jobs.formats.index_reading import check_index_blocks
from desync_jobs.server.answers import INLINE, RefusedError, content, file_content, text
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
                return await self._get(request, name)
            case "HEAD":
                if not await loop.run_in_executor(self._executor, self._served.place.has, name):
                    raise RefusedError(404, "index not found")
                return web.Response(headers=_HEADERS)
            case "PUT":
                return await self._put(request, name)
            case _:
                message = "only GET, PUT and HEAD are supported"
                raise RefusedError(405, message, Allow=_METHODS)

    async def _get(self, request: BaseRequest, name: str) -> web.StreamResponse:
        loop = asyncio.get_running_loop()
        file, size, etag = await loop.run_in_executor(self._executor, self._opened, name)
        with file:
            headers = {**_HEADERS, "ETag": etag}
            if size > INLINE:
                return await file_content(request, file.fileno(), size, headers, etag)
            return content(request, os.pread(file.fileno(), size, 0), headers, etag)

    async def _put(self, request: BaseRequest, name: str) -> web.Response:
        if not self._served.writable:
            raise RefusedError(400, READ_ONLY)
        with TemporaryFile(dir=self._served.place.spool) as body:
            await self._bodies.spool(request, body)
            self._metrics.add("received_bytes", os.fstat(body.fileno()).st_size)
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._executor, self._write, name, body)
        self._metrics.add("stored")
        return web.Response()

    def _opened(self, name: str) -> tuple[BinaryIO, int, str]:
        """Return a valid index, its size and its ETag."""
        digest = hashlib.sha256()
        try:
            file = self._served.place.open(name, self._served.limit)
            if file is None:
                raise RefusedError(404, "index not found")
            try:
                size = self._checked(name, file, digest.update)
            except BaseException:
                file.close()
                raise
        except InvalidDataError as error:
            raise RefusedError(400, "failed to retrieve index") from error
        return file, size, f'"{digest.hexdigest()}"'

    def _write(self, name: str, body: BinaryIO) -> None:
        try:
            self._checked(name, body)
        except InvalidDataError as error:
            raise RefusedError(415, f"invalid index: {error}") from error
        self._served.place.write(name, body)

    def _checked(
        self, name: str, file: BinaryIO, note: Callable[[memoryview], None] | None = None
    ) -> int:
        """Return the size of `file`, read block by block, so that none is in memory whole.

        Raises `InvalidDataError` where it is no index.
        """
        at = 0

        def fill(view: memoryview) -> int:
            nonlocal at
            filled = 0
            while filled < len(view):
                with view[filled:] as rest:
                    count = os.preadv(file.fileno(), [rest], at)
                if not count:
                    break
                filled, at = filled + count, at + count
            if note is not None:
                note(view[:filled])
            return filled

        check_index_blocks(fill, name, self._served.limit)
        return at
