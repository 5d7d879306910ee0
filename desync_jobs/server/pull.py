"""The server of casync's protocol on a pair of pipes: `casync pull`, for any source.

Every ID of a request is answered, in batches. A chunk that no store has, or none has whole, is
missing; a store that fails ends the session with an ABORT that says why. Chunks are sent
compressed with zstd, which every client reads, as they are stored where they are stored so.
"""

import errno
import os
import select
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from desync_jobs.codecs.encode import ZstdEncoder
from desync_jobs.codecs.form import Form
from desync_jobs.core.chunk import ChunkID
from desync_jobs.errors import (
    ChunkInvalidError,
    DesyncRunError,
    InterruptedRunError,
    InvalidDataError,
)
from desync_jobs.formats import wire
from desync_jobs.formats.wire import (
    Abort,
    Feature,
    Goodbye,
    Hello,
    Message,
    MessageType,
    Request,
    WireFormatError,
)
from desync_jobs.stores.base import BATCH_CHUNKS, Chunk, ChunkSource, Fetched
from desync_jobs.stores.policy.values import Stopper

_LOOK_AGAIN: Final = 100
_READ: Final = 1 << 16
_LEVEL: Final = 3
_WANTS: Final = (
    (Feature.PULL_CHUNKS, Feature.READABLE_STORE),
    (Feature.PULL_INDEX, Feature.READABLE_INDEX),
    (Feature.PULL_ARCHIVE, Feature.READABLE_ARCHIVE),
)
_PUSHES: Final = (
    Feature.PUSH_CHUNKS | Feature.PUSH_INDEX | Feature.PUSH_INDEX_CHUNKS | Feature.PUSH_ARCHIVE
)


@dataclass(frozen=True, slots=True)
class Offer:
    """What a session serves."""

    chunks: ChunkSource | None = None
    index: bytes | None = None
    """An index file, sent to clients that want one."""

    @property
    def features(self) -> Feature:
        """What the HELLO tells."""
        store = Feature.READABLE_STORE if self.chunks is not None else Feature(0)
        return store | (Feature.READABLE_INDEX if self.index is not None else Feature(0))


class PullSession:
    """One client on the descriptors `source` and `sink`. `warn` is told of damaged chunks."""

    def __init__(
        self, offer: Offer, source: int, sink: int, stopper: Stopper, warn: Callable[[str], None]
    ) -> None:
        self._offer = offer
        self._source = source
        self._sink = sink
        self._stopper = stopper
        self._warn = warn
        self._encoder = ZstdEncoder(_LEVEL)
        self._received = bytearray()
        self.chunks = 0
        """Chunks sent so far."""

    def serve(self) -> None:
        """Answer until the client has gone.

        Raises what a store raises, `WireFormatError` for a client that breaks the protocol, and
        `InterruptedRunError`; the client is told before.
        """
        try:
            self._send(wire.hello(self._offer.features))
            self._greet()
            for message in iter(self._next, None):
                if isinstance(message, Goodbye):
                    return
                if isinstance(message, Abort):
                    raise WireFormatError(f"the client gave up: {message.reason}")
                if not isinstance(message, Request):
                    raise WireFormatError(f"the client sent a {type(message).__name__}")
                self._answer(message)
        except InterruptedRunError:
            raise
        except DesyncRunError as error:
            self._abort(error)
            raise

    def _greet(self) -> None:
        message = self._next()
        if not isinstance(message, Hello):
            raise WireFormatError("the client did not begin with a HELLO")
        wanted = message.features
        lacking = any(wanted & want and not self._offer.features & has for want, has in _WANTS)
        if lacking or wanted & _PUSHES:
            raise WireFormatError(f"the client wants {wanted!r}, which is not offered")
        if wanted & Feature.PULL_INDEX:
            self._send_index()

    def _send_index(self) -> None:
        data = self._offer.index or b""
        for begin in range(0, len(data), wire.FRAGMENT_SIZE):
            part = data[begin : begin + wire.FRAGMENT_SIZE]
            self._send(wire.fragment(MessageType.INDEX, part))
        self._send(wire.fragment(MessageType.INDEX_EOF, b""))

    def _answer(self, request: Request) -> None:
        if self._offer.chunks is None:
            raise WireFormatError("the client asks for chunks, which are not offered")
        for begin in range(0, len(request.ids), BATCH_CHUNKS):
            asked = request.ids[begin : begin + BATCH_CHUNKS]
            answers = self._offer.chunks.fetch(asked)
            for chunk_id, answer in zip(asked, answers, strict=True):
                self._send(self._frame(chunk_id, answer))

    def _frame(self, chunk_id: ChunkID, answer: Fetched) -> bytes:
        if not isinstance(answer, Chunk):
            if isinstance(answer, ChunkInvalidError):
                self._warn(f"{answer}; the client is told that it is missing")
            return wire.missing(chunk_id)
        data = answer.stored if answer.form is Form.ZSTD else None
        if data is None:
            data = self._encoder.encode(answer.plain)
        if len(data) > wire.CHUNK_LIMIT:
            self._warn(f"chunk {chunk_id.hex()} is too large to be sent; it is called missing")
            return wire.missing(chunk_id)
        self.chunks += 1
        return wire.chunk(chunk_id, data)

    def _next(self) -> Message | None:
        """Return the next message; None at the end of the client's stream."""
        header = self._take(wire.HEADER_SIZE)
        if header is None:
            return None
        kind, size = wire.parse_frame_header(header)
        body = self._take(size)
        if body is None:
            raise WireFormatError("the client's stream ends within a message")
        return wire.parse_body(kind, body)

    def _take(self, size: int) -> bytes | None:
        while len(self._received) < size:
            self._wait(self._source, select.POLLIN)
            data = os.read(self._source, _READ)
            if not data:
                if self._received:
                    raise WireFormatError("the client's stream ends within a message")
                return None if size else b""
            self._received += data
        taken = bytes(memoryview(self._received)[:size])
        del self._received[:size]
        return taken

    def _send(self, frame: bytes) -> None:
        rest = memoryview(frame)
        while rest:
            # So much a pipe takes at once where it takes anything: nobody waits unstoppably.
            self._wait(self._sink, select.POLLOUT)
            rest = rest[os.write(self._sink, rest[: select.PIPE_BUF]) :]

    def _wait(self, descriptor: int, event: int) -> None:
        poll = select.poll()
        poll.register(descriptor, event)
        self._stopper.check()
        while not poll.poll(_LOOK_AGAIN):
            self._stopper.check()

    def _abort(self, error: DesyncRunError) -> None:
        code = errno.EBADMSG if isinstance(error, InvalidDataError) else errno.EIO
        try:
            self._send(wire.abort(code, str(error)))
        except OSError:
            return  # it has gone already
