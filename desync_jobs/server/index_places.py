"""Where a server keeps indexes: a directory, or a place of objects."""

import os
import stat
from typing import Final, Protocol

from desync_jobs.assembly.pending import PendingFile
from desync_jobs.errors import InvalidDataError, StoreError
from desync_jobs.manifest.capability import Capability
from desync_jobs.stores.objects.base import ObjectPlace
from desync_jobs.stores.objects.indexes import read_index_object, write_index_object

_SUFFIXES: Final = (".caibx", ".caidx")
# A FIFO called like an index must not stop the server.
_READ: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK


class IndexPlace(Protocol):
    """Index files by name. The names given are safe; raises `StoreError` where it fails."""

    def read(self, name: str, limit: int) -> bytes | None:
        """Return the content of a file, None where there is none.

        `InvalidDataError` where it has more than `limit` bytes.
        """
        ...

    def has(self, name: str) -> bool:
        """Tell whether there is such a file."""
        ...

    def write(self, name: str, data: bytes) -> None:
        """Put a file in place of what was there; it appears whole or not at all."""
        ...

    def names(self) -> list[str]:
        """Return the names of all indexes, sorted."""
        ...


class IndexDirectory:
    """The index files of a directory."""

    def __init__(self, path: str) -> None:
        self._path = path

    def read(self, name: str, limit: int) -> bytes | None:
        path = f"{self._path}/{name}"
        try:
            descriptor = os.open(path, _READ)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"cannot read {path}: {error.strerror}") from error
        try:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise InvalidDataError(f"{path} is not a regular file")
            if found.st_size > limit:
                raise InvalidDataError(f"{path} has more than {limit} bytes")
            with open(descriptor, "rb", closefd=False) as file:
                return file.read(limit + 1)[:limit]
        finally:
            os.close(descriptor)

    def has(self, name: str) -> bool:
        return os.path.isfile(f"{self._path}/{name}")

    def write(self, name: str, data: bytes) -> None:
        with PendingFile(f"{self._path}/{name}") as pending:
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
    """The index files of a place of objects."""

    def __init__(self, place: ObjectPlace) -> None:
        self._place = place

    def read(self, name: str, limit: int) -> bytes | None:
        return read_index_object(self._place, name, limit)

    def has(self, name: str) -> bool:
        return self._place.sizes([name]) != [None]

    def write(self, name: str, data: bytes) -> None:
        write_index_object(self._place, name, data)

    def names(self) -> list[str]:
        if Capability.LIST not in self._place.capabilities:
            raise StoreError(f"store {self._place.name} cannot be listed")
        found = (entry.name for entry in self._place.entries(""))
        return sorted(name for name in found if name.endswith(_SUFFIXES) and "/" not in name)
