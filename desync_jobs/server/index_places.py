"""Where a server keeps indexes: a directory, or a place of objects."""

import os
import stat
from tempfile import TemporaryFile
from threading import Semaphore
from typing import BinaryIO, Final, Protocol

from desync_jobs.assembly.pending import PendingFile
from desync_jobs.errors import InvalidDataError, StoreError
from desync_jobs.manifest.capability import Capability
from desync_jobs.stores.objects.base import ObjectPlace
from desync_jobs.stores.objects.indexes import read_index_object, write_index_object

_SUFFIXES: Final = (".caibx", ".caidx")
# A FIFO called like an index must not stop the server.
_READ: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
_PIECE: Final = 1 << 20
_WHOLE: Final = 2
"""Index files of a place of objects that are in memory at the same time."""


class IndexPlace(Protocol):
    """Index files by name. The names given are safe; raises `StoreError` where it fails."""

    @property
    def spool(self) -> str | None:
        """Where files without names may be kept meanwhile; None where the system has them."""
        ...

    def open(self, name: str, limit: int) -> BinaryIO | None:
        """Open a file for reading, None where there is none; its content does not change.

        `InvalidDataError` where it has more than `limit` bytes.
        """
        ...

    def has(self, name: str) -> bool:
        """Tell whether there is such a file."""
        ...

    def write(self, name: str, content: BinaryIO) -> None:
        """Put a file in place of what was there; it appears whole or not at all."""
        ...

    def names(self) -> list[str]:
        """Return the names of all indexes, sorted."""
        ...


class IndexDirectory:
    """The index files of a directory."""

    def __init__(self, path: str) -> None:
        self._path = path

    @property
    def spool(self) -> str | None:
        return self._path

    def open(self, name: str, limit: int) -> BinaryIO | None:
        path = f"{self._path}/{name}"
        try:
            descriptor = os.open(path, _READ)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"cannot read {path}: {error.strerror}") from error
        try:
            _check(descriptor, path, limit)
            return open(descriptor, "rb", buffering=0)
        except BaseException:
            os.close(descriptor)
            raise

    def has(self, name: str) -> bool:
        return os.path.isfile(f"{self._path}/{name}")

    def write(self, name: str, content: BinaryIO) -> None:
        with PendingFile(f"{self._path}/{name}") as pending:
            content.seek(0)
            while data := content.read(_PIECE):
                pending.write(data)
            pending.commit()

    def names(self) -> list[str]:
        try:
            with os.scandir(self._path) as entries:
                return sorted(
                    entry.name
                    for entry in entries
                    if entry.name.endswith(_SUFFIXES)
                    and not entry.name.startswith(".")
                    and entry.is_file()
                )
        except OSError as error:
            raise StoreError(f"cannot list {self._path}: {error.strerror}") from error


class IndexObjects:
    """The index files of a place of objects.

    What travels between here and there is in memory whole, so few files do so at once.
    """

    def __init__(self, place: ObjectPlace) -> None:
        self._place = place
        self._turns = Semaphore(_WHOLE)

    @property
    def spool(self) -> str | None:
        return None

    def open(self, name: str, limit: int) -> BinaryIO | None:
        with self._turns:
            content = read_index_object(self._place, name, limit)
            if content is None:
                return None
            file = TemporaryFile()  # noqa: SIM115 - whoever asked closes it
            file.write(content)
            file.flush()
            return file

    def has(self, name: str) -> bool:
        return self._place.sizes([name]) != [None]

    def write(self, name: str, content: BinaryIO) -> None:
        with self._turns:
            content.seek(0)
            write_index_object(self._place, name, content.read())

    def names(self) -> list[str]:
        if Capability.LIST not in self._place.capabilities:
            raise StoreError(f"store {self._place.name} cannot be listed")
        found = (entry.name for entry in self._place.entries(""))
        return sorted(name for name in found if name.endswith(_SUFFIXES) and "/" not in name)


def _check(descriptor: int, path: str, limit: int) -> None:
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        raise InvalidDataError(f"{path} is not a regular file")
    if found.st_size > limit:
        raise InvalidDataError(f"{path} has more than {limit} bytes")
