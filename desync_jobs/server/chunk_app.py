"""The chunk server's answers: chunks of a source in the form of the wire, and back.

Texts and codes are those of desync's server. Chunks never change, so whoever has one may
keep it for ever: the ETag is the chunk's ID.
"""

import asyncio
import os
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import Final, Protocol

from aiohttp import web
from aiohttp.web_request import BaseRequest

from desync_jobs.core.chunk import ChunkID
from desync_jobs.errors import ChunkInvalidError, ChunkMissingError
from desync_jobs.server.answers import INLINE, RefusedError, content, file_content
from desync_jobs.server.batching import Batcher
from desync_jobs.server.bodies import BodyReader
from desync_jobs.server.chunk_files import ChunkFiles
from desync_jobs.server.counting_on import CountingOn
from desync_jobs.server.metrics import Metrics
from desync_jobs.server.paths import chunk_of_path
from desync_jobs.server.syncing import Syncing
from desync_jobs.server.wire import Wire
from desync_jobs.stores.base import Chunk, ChunkSource, Presence, Stored

READ_ONLY: Final = "writing to upstream chunk store is not enabled"
_METHODS: Final = "GET, HEAD, PUT"
_FOR_EVER: Final = "max-age=31536000, immutable"


class Keeper(Protocol):
    """What keeps chunks: a store, or what stands before one."""

    def put(self, chunks: Sequence[Chunk]) -> Stored:
        """Keep what is not here yet; each chunk appears whole or not at all."""
        ...


@dataclass(frozen=True, slots=True)
class Chunks:
    """What is served."""

    source: ChunkSource
    wire: Wire
    store: Keeper | None = None
    """What clients may write to."""
    sync: Callable[[], None] | None = None
    """What puts chunks that were written on their disk, where that is waited for."""
    files: ChunkFiles | None = None
    """Files that may be sent as they are, without verification."""
    private: bool = False
    """Whether only who is admitted may keep what is sent."""
    clients: CountingOn | None = None
    """What keeps others from deleting what clients were told is there."""


class ChunkApp:
    """Answers requests for chunks. To be used from one event loop; stores work in `executor`."""

    def __init__(self, served: Chunks, executor: Executor, threads: int, metrics: Metrics) -> None:
        self._served = served
        self._executor = executor
        self._metrics = metrics
        self._wire = served.wire
        self._chunks: Batcher[bytes] = Batcher(self._fetch, executor, threads)
        self._found: Batcher[Presence] = Batcher(served.source.presence, executor, threads)
        self._syncing = None if served.sync is None else Syncing(served.sync, executor)
        self._bodies = BodyReader(served.wire.body_limit)
        self._headers = {
            "Content-Type": "application/octet-stream",
            "Cache-Control": f"{'private' if served.private else 'public'}, {_FOR_EVER}",
        }
        if not self._wire.sealed:
            self._headers["Accept-Ranges"] = "bytes"

    async def answer(self, request: BaseRequest) -> web.StreamResponse:
        """Answer one request for a chunk; raises `PathError`, `RefusedError` or what a store does.

        A missing chunk is `RefusedError`, too.
        """
        chunk_id = chunk_of_path(request.raw_path, self._wire.form.suffix)
        match request.method:
            case "GET":
                return await self._get(request, chunk_id)
            case "HEAD":
                async with self._counted_on():
                    return await self._head(chunk_id)
            case "PUT":
                return await self._put(request, chunk_id)
            case _:
                message = "only GET, PUT and HEAD are supported"
                raise RefusedError(405, message, Allow=_METHODS)

    async def _get(self, request: BaseRequest, chunk_id: ChunkID) -> web.StreamResponse:
        etag = f'"{chunk_id.hex()}"'
        opened = None if self._served.files is None else self._served.files.open(chunk_id)
        if opened is None:
            return await self._fetched(request, chunk_id, etag)
        descriptor, size = opened
        try:
            self._metrics.add("from_files")
            headers = {**self._headers, "ETag": etag}
            if size > INLINE:
                return await file_content(request, descriptor, size, headers, etag)
            # The whole of it at once, as chunk files appear whole and never change.
            return content(request, os.read(descriptor, size), headers, etag)
        finally:
            os.close(descriptor)

    async def _fetched(
        self, request: BaseRequest, chunk_id: ChunkID, etag: str
    ) -> web.StreamResponse:
        try:
            data = await self._chunks.get(chunk_id)
        except ChunkMissingError as error:
            raise _missing(chunk_id) from error
        self._metrics.add("from_stores")
        if self._wire.sealed:
            # Every answer is sealed anew: no part of one fits to a part of another.
            return web.Response(body=data, headers={**self._headers, "ETag": f"W/{etag}"})
        return content(request, data, {**self._headers, "ETag": etag}, etag)

    async def _head(self, chunk_id: ChunkID) -> web.StreamResponse:
        headers = dict(self._headers)
        weak = "W/" if self._wire.sealed else ""
        headers["ETag"] = f'{weak}"{chunk_id.hex()}"'
        size = None if self._served.files is None else self._served.files.size(chunk_id)
        if size is not None:
            headers["Content-Length"] = str(size)
            return web.Response(headers=headers)
        match await self._found.get(chunk_id):
            case Presence.YES:
                return web.Response(headers=headers)
            case Presence.NO:
                raise _missing(chunk_id)
            case Presence.UNKNOWN:
                raise RefusedError(500, "internal server error")

    async def _put(self, request: BaseRequest, chunk_id: ChunkID) -> web.StreamResponse:
        store = self._served.store
        if store is None:
            raise RefusedError(400, READ_ONLY)
        body = await self._bodies.read(request)
        self._metrics.add("received_bytes", len(body))
        loop = asyncio.get_running_loop()
        async with self._counted_on():
            await loop.run_in_executor(self._executor, self._keep, store, chunk_id, body)
            if self._syncing is not None:
                # One that was here before, too: it may have come a moment ago.
                await self._syncing.done()
        self._metrics.add("stored")
        return web.Response()

    def _counted_on(self) -> AbstractAsyncContextManager[None]:
        clients = self._served.clients
        return nullcontext() if clients is None else clients.request()

    def _keep(self, store: Keeper, chunk_id: ChunkID, body: bytes) -> None:
        try:
            chunk = self._wire.decode(chunk_id, body)
        except ChunkInvalidError as error:
            raise RefusedError(400, f"chunk {chunk_id.hex()} is invalid: {error.reason}") from error
        store.put([chunk])

    def _fetch(self, ids: Sequence[ChunkID]) -> list[bytes | ChunkMissingError | ChunkInvalidError]:
        answers = self._served.source.fetch(ids)
        return [
            self._wire.encode(answer) if isinstance(answer, Chunk) else answer for answer in answers
        ]


def _missing(chunk_id: ChunkID) -> RefusedError:
    return RefusedError(404, f"chunk {chunk_id.hex()} not found")
