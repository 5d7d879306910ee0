"""One chunk file: read whole within a limit, published whole or not at all."""

import os
import stat
from contextlib import suppress
from typing import Final

from desync_jobs.core.chunk import BytesLike
from desync_jobs.errors import InvalidDataError
from desync_jobs.stores.layout import temporary_path
from desync_jobs.stores.syscalls import rename_new

# A FIFO called like a chunk must not stop the reader.
_READ: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
_CREATE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
_FILE_MODE: Final = 0o444
_DIRECTORY_ATTEMPTS: Final = 5


def read_chunk_file(path: str, limit: int) -> bytes:
    """Return the content of a file with four system calls.

    `InvalidDataError` where it is longer than `limit` or no regular file, before anything is
    read; `OSError` as it comes.
    """
    descriptor = os.open(path, _READ)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise InvalidDataError("it is not a regular file")
        size = status.st_size
        if size > limit:
            raise InvalidDataError(f"it has {size} bytes, more than the limit of {limit}")
        data = os.read(descriptor, size)
        while len(data) < size and (more := os.read(descriptor, size - len(data))):
            data += more
        return data
    finally:
        os.close(descriptor)


def publish_chunk_file(path: str, data: BytesLike) -> bool:
    """Create the file `path` unless it exists with content; tell whether it was created.

    An empty file is what a power cut may leave of an unsynced one; it is replaced, and so is
    a link to nothing.
    """
    temporary = _write_temporary(path, data)
    try:
        try:
            rename_new(temporary, path)
        except FileExistsError:
            if _has_content(path):
                os.unlink(temporary)
                return False
            os.replace(temporary, path)
    except BaseException:
        _discard(temporary)
        raise
    return True


def replace_chunk_file(path: str, data: BytesLike) -> None:
    """Put the file `path` in place of whatever was there."""
    temporary = _write_temporary(path, data)
    try:
        os.replace(temporary, path)
    except BaseException:
        _discard(temporary)
        raise


def _write_temporary(path: str, data: BytesLike) -> str:
    temporary = temporary_path(path)
    try:
        descriptor = _create(temporary)
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
        finally:
            os.close(descriptor)  # may be where a full disk is told
    except BaseException:
        _discard(temporary)
        raise
    return temporary


def _create(path: str) -> int:
    """Open a new file, and make its directory where there is none.

    Somebody who cleans up may remove the directory again before the file is in it.
    """
    for _ in range(_DIRECTORY_ATTEMPTS):
        try:
            return os.open(path, _CREATE, _FILE_MODE)
        except FileNotFoundError:
            with suppress(FileExistsError):
                os.mkdir(os.path.dirname(path))
    return os.open(path, _CREATE, _FILE_MODE)


def _discard(temporary: str) -> None:
    """Leave nothing behind: neither the file nor, if it was the first, its directory."""
    with suppress(OSError):
        os.unlink(temporary)
    with suppress(OSError):
        os.rmdir(os.path.dirname(temporary))


def _has_content(path: str) -> bool:
    try:
        return os.stat(path).st_size > 0
    except FileNotFoundError:
        return False
