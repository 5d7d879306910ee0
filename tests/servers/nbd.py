"""A client of NBD that sends whatever it is told, byte by byte, and reads answers apart."""

import socket
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

GREETING = b"NBDMAGICIHAVEOPT\0\3"
LIST, ABORT, STARTTLS, INFO, GO, STRUCTURED, LIST_CONTEXTS, SET_CONTEXTS = 3, 2, 5, 6, 7, 8, 9, 10
READ, WRITE, DISC, FLUSH, TRIM, CACHE, ZEROES, STATUS = range(8)
DF, ONE = 4, 8
ACK = 1
UNSUPPORTED, INVALID, UNKNOWN, TOO_BIG = 0x80000001, 0x80000003, 0x80000006, 0x80000009
EPERM, EIO, EINVAL = 1, 5, 22


@dataclass(frozen=True)
class Reply:
    """An answer to a request."""

    cookie: int
    error: int = 0
    data: bytes = b""
    """What was read, holes filled with zeros."""
    extents: tuple[tuple[int, int], ...] = ()
    """Length and state of each."""
    chunks: tuple[int, ...] = ()
    """The types of what a structured reply was made of."""


@dataclass
class Client:
    """A connection; `structured` is set when that was negotiated."""

    sock: socket.socket
    structured: bool = False
    lengths: dict[int, tuple[int, int]] = field(default_factory=dict)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def take(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            part = self.sock.recv(size - len(data))
            if not part:
                raise EOFError(f"{len(data)} of {size} bytes came")
            data += part
        return data

    def ended(self) -> bool:
        """Whether the server has closed the connection, after whatever came before."""
        try:
            while self.sock.recv(1 << 16):
                pass
        except ConnectionResetError:
            pass
        return True

    def greet(self, flags: int = 3) -> None:
        assert self.take(18) == GREETING
        self.send(struct.pack(">I", flags))

    def option(self, number: int, data: bytes = b"") -> list[tuple[int, bytes]]:
        """Send an option; return type and data of every answer, the last of which ends it."""
        self.send(b"IHAVEOPT" + struct.pack(">II", number, len(data)) + data)
        answers: list[tuple[int, bytes]] = []
        while True:
            magic, echoed, kind, size = struct.unpack(">QIII", self.take(20))
            assert (magic, echoed) == (0x3E889045565A9, number)
            answers.append((kind, self.take(size)))
            if kind == ACK or kind & 0x80000000:
                self.structured |= number == STRUCTURED and kind == ACK
                return answers

    def begin(self, *, structured: bool = True, contexts: bool = True) -> int:
        """Negotiate everything up to the first request; return the size of the device."""
        self.greet()
        if structured:
            assert self.option(STRUCTURED) == [(ACK, b"")]
            if contexts:
                assert self.option(SET_CONTEXTS, wanted_contexts("base:allocation"))[-1][0] == ACK
        (kind, info), *_, last = self.option(GO, wanted_export())
        assert (kind, last[0]) == (3, ACK)
        return int(struct.unpack(">HQH", info)[1])

    def ask(
        self, command: int, offset: int = 0, length: int = 0, *, flags: int = 0, cookie: int = 7
    ) -> None:
        self.lengths[cookie] = (offset, length if command == READ else 0)
        self.send(struct.pack(">IHHQQI", 0x25609513, flags, command, cookie, offset, length))

    def answer(self) -> Reply:
        if self.structured:
            return self._structured()
        magic, error, cookie = struct.unpack(">IIQ", self.take(16))
        assert magic == 0x67446698
        return Reply(cookie, error, b"" if error else self.take(self.lengths.pop(cookie)[1]))

    def asked(self, command: int, offset: int = 0, length: int = 0, *, flags: int = 0) -> Reply:
        self.ask(command, offset, length, flags=flags)
        return self.answer()

    def _structured(self) -> Reply:
        data, extents, chunks = bytearray(), [], []
        seen = error = 0
        while True:
            magic, flags, kind, cookie, size = struct.unpack(">IHHQI", self.take(20))
            assert magic == 0x668E33EF
            body = self.take(size)
            begin, length = self.lengths[cookie]
            data = data or bytearray(0 if kind & 0x8000 else length)
            chunks.append(kind)
            if kind == 1:
                (at,) = struct.unpack(">Q", body[:8])
                data[at - begin : at - begin + size - 8] = body[8:]
                seen += size - 8
            elif kind == 2:
                seen += struct.unpack(">QI", body)[1]
            elif kind == 5:
                assert body[:4] == struct.pack(">I", 1)
                extents = list(struct.iter_unpack(">II", body[4:]))
            elif kind & 0x8000:
                error, text = struct.unpack(">IH", body[:6])
                assert text == size - 6
            if flags & 1:
                assert error or seen == len(data) == length
                del self.lengths[cookie]
                read = b"" if error else bytes(data)
                return Reply(cookie, error, read, tuple(extents), tuple(chunks))


def wanted_export(name: bytes = b"", *infos: int) -> bytes:
    return struct.pack(">I", len(name)) + name + struct.pack(f">H{len(infos)}H", len(infos), *infos)


def wanted_contexts(*queries: str, name: bytes = b"") -> bytes:
    asked = b"".join(struct.pack(">I", len(one)) + one.encode() for one in queries)
    return struct.pack(">I", len(name)) + name + struct.pack(">I", len(queries)) + asked


def connected(path: Path | str) -> Client:
    """Return a client of the server at a Unix socket."""
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(20)
    try:
        sock.connect(str(path))
    except OSError:
        sock.close()
        raise
    return Client(sock)
