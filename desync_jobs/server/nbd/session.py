"""The requests of one client, answered by several threads in whatever order they are done."""

import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from threading import Condition
from typing import Final

from desync_jobs.core.chunk import BytesLike
from desync_jobs.errors import DesyncRunError, InterruptedRunError, SourceError
from desync_jobs.formats.nbd import transmission
from desync_jobs.formats.nbd.transmission import Request
from desync_jobs.formats.nbd.values import (
    ALLOCATION_ID,
    PAYLOAD_LIMIT,
    Command,
    CommandFlag,
    Errno,
    NbdFormatError,
    State,
)
from desync_jobs.server.complaints import Complaints
from desync_jobs.server.nbd.channel import Channel
from desync_jobs.server.nbd.export import Export
from desync_jobs.server.nbd.negotiation import Agreed
from desync_jobs.server.nbd.refusals import refused
from desync_jobs.server.nbd.tally import Tally

THREADS: Final = 8
"""Requests of one client that are answered at once."""
_WAITING: Final = 16
"""Requests of one client that are read before the first is answered."""
_BYTES: Final = 8 << 20
"""Bytes of one client's reads that are in memory at once; a larger read is alone there."""
_MOST_EXTENTS: Final = 4096
_CACHED_AT_ONCE: Final = 8 << 20


class Session:
    """Answers the client at `channel`, with which `agreed` was negotiated, about `export`."""

    def __init__(
        self, channel: Channel, export: Export, agreed: Agreed, tally: Tally, complaints: Complaints
    ) -> None:
        self._channel = channel
        self._export = export
        self._agreed = agreed
        self._tally = tally
        self._complaints = complaints
        self._room = _Room(_WAITING, _BYTES)

    def serve(self) -> None:
        """Answer until the client has enough, or breaks the protocol (`NbdFormatError`, `OSError`).

        What was asked before is answered even then, where the client still takes it.
        """
        with ThreadPoolExecutor(THREADS, "nbd") as pool:
            for request in self._requests():
                size = _memory_of(request)
                self._room.enter(size)
                pool.submit(self._answered, request, size)

    def _requests(self) -> Iterator[Request]:
        """Yield what can be answered; refuse the rest."""
        while not self._channel.ending:
            data = self._channel.take_or_end(transmission.REQUEST_SIZE)
            if data is None:
                return
            request = transmission.parse_request(data)
            if request.command == Command.DISC:
                return
            if request.command == Command.WRITE and request.length > PAYLOAD_LIMIT:
                raise NbdFormatError(f"a write of {request.length} bytes")
            if request.command == Command.WRITE:
                self._channel.drop(request.length)
            refusal = refused(request, self._export.size, self._agreed)
            if refusal is None:
                yield request
            else:
                self._fail(request, *refusal)

    def _answered(self, request: Request, size: int) -> None:
        try:
            self._answer(request)
        except OSError:
            self._channel.abort()
        finally:
            self._room.leave(size)

    def _answer(self, request: Request) -> None:
        try:
            parts = self._parts(request)
        except InterruptedRunError:
            self._fail(request, Errno.ESHUTDOWN, "the server ends")
        except DesyncRunError as error:
            self._complaints.make(_described(request), str(error))
            self._fail(request, Errno.EIO, "the data cannot be had; the server's messages say why")
        except Exception as error:  # noqa: BLE001 - one request must not end the server
            lines = "".join(traceback.format_exception(error))
            self._complaints.make("a defect, please report it", f"{_described(request)}: {lines}")
            self._fail(request, Errno.EIO, "a defect of the server")
        else:
            # Before it is sent: who has an answer finds it counted.
            self._tally.answered(request.length if request.command == Command.READ else 0)
            self._channel.send(*parts)

    def _fail(self, request: Request, error: Errno, message: str) -> None:
        self._tally.answered(0)
        cookie = request.cookie
        if self._agreed.structured:
            self._channel.send(transmission.error_chunk(cookie, error, message))
        else:
            self._channel.send(transmission.simple_reply(cookie, error))

    def _parts(self, request: Request) -> list[BytesLike]:
        """Return the whole answer."""
        match request.command:
            case Command.READ:
                return self._read(request)
            case Command.BLOCK_STATUS:
                return [self._status(request)]
            case _:
                self._cache(request)
                return [self._end(request)]

    def _end(self, request: Request) -> bytes:
        if self._agreed.structured:
            return transmission.done_chunk(request.cookie)
        return transmission.simple_reply(request.cookie)

    def _read(self, request: Request) -> list[BytesLike]:
        if not self._agreed.structured:
            return [self._end(request), self._data(request.offset, request.length)]
        if not request.length:
            return [self._end(request)]
        if request.flags & CommandFlag.DF:
            stretches = [(request.length, False)]
        else:
            stretches = [*self._export.blob.extents(request.offset, request.length)]
        # All at once, so that what has to be fetched is fetched together.
        wanted = not all(hole for _, hole in stretches)
        data = memoryview(self._data(request.offset, request.length) if wanted else b"")
        parts: list[BytesLike] = []
        offset, end = request.offset, request.offset + request.length
        for length, hole in stretches:
            done = offset + length == end
            if hole:
                chunk = transmission.hole_chunk(request.cookie, offset, length, done=done)
                parts.append(chunk)
            else:
                begin = offset - request.offset
                parts += [
                    transmission.data_chunk(request.cookie, offset, length, done=done),
                    data[begin : begin + length],
                ]
            offset += length
        return parts

    def _status(self, request: Request) -> bytes:
        most = 1 if request.flags & CommandFlag.REQ_ONE else _MOST_EXTENTS
        extents = islice(self._export.blob.extents(request.offset, request.length), most)
        states = [
            (length, State.HOLE | State.ZERO if hole else State(0)) for length, hole in extents
        ]
        return transmission.status_chunk(request.cookie, ALLOCATION_ID, states)

    def _cache(self, request: Request) -> None:
        end = request.offset + request.length
        for offset in range(request.offset, end, _CACHED_AT_ONCE):
            if self._channel.ending:
                return
            self._data(offset, min(_CACHED_AT_ONCE, end - offset))

    def _data(self, offset: int, length: int) -> BytesLike:
        data = self._export.blob.read(offset, length)
        if len(data) != length:
            raise SourceError(f"{len(data)} of {length} bytes at {offset}")
        return data


def _memory_of(request: Request) -> int:
    """Return the bytes that are in memory while `request` is answered."""
    most = _CACHED_AT_ONCE if request.command == Command.CACHE else PAYLOAD_LIMIT
    return 0 if request.command == Command.BLOCK_STATUS else min(request.length, most)


def _described(request: Request) -> str:
    return f"{request.length} bytes at {request.offset}"


class _Room:
    """Holds who would be one too many, or too large, until others have left."""

    def __init__(self, most: int, size: int) -> None:
        self._most = most
        self._size = size
        self._inside = 0
        self._bytes = 0
        self._changed = Condition()

    def enter(self, size: int) -> None:
        """Return when there is room; one that is alone always has it."""
        with self._changed:
            while self._inside and (self._inside == self._most or self._bytes + size > self._size):
                self._changed.wait()
            self._inside += 1
            self._bytes += size

    def leave(self, size: int) -> None:
        """Make room for others."""
        with self._changed:
            self._inside -= 1
            self._bytes -= size
            self._changed.notify()
