"""A tar stream from wherever it comes, as a file that can be read at any place.

A file is read where it is. A pipe goes through a temporary file that has no name, and so does what
is compressed: its beginning says how, and gzip, bzip2, xz and Zstandard are known.
"""

import io
import os
import stat
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from desync_jobs.archive.tar_walk import Stream
from desync_jobs.assembly.cancel import Cancel
from desync_jobs.errors import SourceError, TarFormatError, TargetError

if TYPE_CHECKING:
    from lzma import LZMADecompressor

    from _typeshed import WriteableBuffer

_PIECE: Final = 1 << 20
_LONGEST_MARK: Final = 6
_XZ_MEMORY: Final = 256 << 20
"""Bytes that decompressing xz may take; its strongest preset needs a quarter of that."""


@dataclass(frozen=True, slots=True)
class Spooling:
    """How what cannot be read at any place is kept."""

    folder: str | None
    """Where the temporary file is; None for the system's place."""
    expansion: int
    """How many bytes more than went in may come out of what is compressed."""
    proceed: Callable[[int], None]
    """Told the bytes that were read."""


@contextmanager
def open_stream(fd: int, name: str, spooling: Spooling, cancel: Cancel) -> Iterator[Stream]:
    """Lend the tar stream that `fd` has from its present position on.

    Raises `TarFormatError` for compressed data that are damaged, `SourceError` for what cannot be
    read, and `TargetError` where there is no room for the temporary file.
    """
    origin = os.lseek(fd, 0, os.SEEK_CUR) if stat.S_ISREG(os.fstat(fd).st_mode) else None
    source = _Source(fd, name, cancel)
    expand = _compression(source.beginning())
    if expand is None and origin is not None:
        yield Stream(name, fd, origin)
        return
    from tempfile import TemporaryFile

    with ExitStack() as opened:
        with _spool_failures(spooling):
            spool = opened.enter_context(TemporaryFile(dir=spooling.folder))
        _Copying(source, spooling).copy(expand, spool)
        yield Stream(name, spool.fileno())


@contextmanager
def _spool_failures(spooling: Spooling) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        where = spooling.folder or "the system's temporary folder"
        raise TargetError.of_writing(f"a temporary file in {where}", error) from error


class _Source(io.RawIOBase):
    """What comes, as a file; one may look at its beginning."""

    def __init__(self, fd: int, name: str, cancel: Cancel) -> None:
        self._fd = fd
        self.label = name
        self._cancel = cancel
        self._first = bytearray()
        self.done = 0
        """Bytes that were taken."""

    def readable(self) -> bool:
        return True

    def beginning(self) -> bytes:
        """Return the first bytes, without taking them."""
        while len(self._first) < _LONGEST_MARK and (more := self._read(_LONGEST_MARK)):
            self._first += more
        return bytes(self._first)

    def readinto(self, buffer: "WriteableBuffer") -> int:
        with memoryview(buffer) as view:
            data = bytes(self._first[: len(view)]) or self._read(len(view))
            del self._first[: len(data)]
            view[: len(data)] = data
        self.done += len(data)
        return len(data)

    def _read(self, size: int) -> bytes:
        self._cancel.wait_for(self._fd)
        self._cancel.check()
        try:
            return os.read(self._fd, size)
        except OSError as error:
            raise SourceError(f"{self.label}: cannot be read: {error.strerror}") from error


class _Copying:
    """One stream on its way into a file."""

    def __init__(self, source: _Source, spooling: Spooling) -> None:
        self._source = source
        self._spooling = spooling

    def copy(self, expand: "_Expand | None", spool: BinaryIO) -> None:
        source, written, told = self._source, 0, 0
        whole: Any = source if expand is None else expand(io.BufferedReader(source, _PIECE))
        while piece := self._piece(whole):
            written += len(piece)
            if written - source.done > self._spooling.expansion:
                raise TarFormatError(
                    f"{source.label}: becomes more than {written - 1:,} bytes where it is "
                    "decompressed; raise max_expansion (--max-expansion) if they are wanted"
                )
            with _spool_failures(self._spooling):
                spool.write(piece)
                spool.flush()
            self._spooling.proceed(source.done - told)
            told = source.done

    def _piece(self, whole: Any) -> bytes:
        try:
            return bytes(whole.read(_PIECE))
        except SourceError:
            raise
        except _damage() as error:
            raise TarFormatError(
                f"{self._source.label}: cannot be decompressed: {str(error) or 'it is damaged'}"
            ) from error


_Expand = Callable[[BinaryIO], Any]


def _gzip(source: BinaryIO) -> Any:
    import gzip

    return gzip.GzipFile(fileobj=source)


def _bzip2(source: BinaryIO) -> Any:
    import bz2

    return bz2.BZ2File(source)


class _Xz:
    """Like `lzma.LZMAFile`, which takes as much memory as the data ask for."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self._stream: LZMADecompressor | None = None

    def read(self, size: int) -> bytes:
        """Return at most so many bytes; nothing at the end."""
        data = b""
        while not data:
            given = b""
            if self._stream is None or self._stream.eof:
                given = self._next_stream()
                if not given:
                    break
            elif self._stream.needs_input:
                given = self._source.read(_PIECE)
                if not given:
                    raise EOFError("it ends before it is complete")
            if self._stream is not None:
                data = self._stream.decompress(given, size)
        return data

    def _next_stream(self) -> bytes:
        """Begin the next of several streams, and return what there is of it."""
        import lzma

        given = b"" if self._stream is None else self._stream.unused_data.lstrip(b"\0")
        while not given and (more := self._source.read(_PIECE)):
            given = more.lstrip(b"\0")
        self._stream = lzma.LZMADecompressor(lzma.FORMAT_XZ, _XZ_MEMORY)
        return given


def _zstandard(source: BinaryIO) -> Any:
    import zstandard

    return zstandard.ZstdDecompressor().stream_reader(source, read_across_frames=True)


_MARKS: Final[tuple[tuple[bytes, _Expand], ...]] = (
    (b"\x1f\x8b", _gzip),
    (b"BZh", _bzip2),
    (b"\xfd7zXZ\0", _Xz),
    (b"\x28\xb5\x2f\xfd", _zstandard),
)


def _compression(beginning: bytes) -> _Expand | None:
    return next((expand for mark, expand in _MARKS if beginning.startswith(mark)), None)


def _damage() -> tuple[type[Exception], ...]:
    """Return what the decompressors raise for damaged data."""
    import lzma

    import zstandard

    return EOFError, OSError, zlib.error, lzma.LZMAError, zstandard.ZstdError
