"""Objects as the files of a local directory: written beside their place and renamed into it."""

import errno
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from secrets import token_hex
from typing import Final, NoReturn

from desync_jobs.errors import StoreError
from desync_jobs.manifest.capability import Capability
from desync_jobs.stores.objects.base import NOWHERE, ObjectEntry, TooLarge, Traffic
from desync_jobs.stores.objects.links import Way

_TEMPORARY: Final = ".tmp-desync-run-"
_READ: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
_NO_LINKS: Final = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})
_GONE: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


class DirectoryPlace:
    """An `ObjectPlace` below the directory `root`, an absolute path."""

    capabilities = frozenset(Capability)

    def __init__(self, name: str, root: str) -> None:
        self.name = name
        self._root = root.rstrip("/")

    def get(self, names: Sequence[str], limit: int) -> list[bytes | TooLarge | None]:
        return [self._get(name, limit) for name in names]

    def _get(self, name: str, limit: int) -> bytes | TooLarge | None:
        path = self._path(name)
        try:
            fd = os.open(path, _READ)
        except FileNotFoundError:
            self._check_root()
            return None
        except OSError as error:
            self._fail("read", path, error)
        about = os.fstat(fd)
        if not stat.S_ISREG(about.st_mode):
            os.close(fd)
            raise StoreError(f"store {self.name}: {path} is no regular file")
        with open(fd, "rb") as file:
            if about.st_size > limit:
                return TooLarge(about.st_size)
            try:
                data = file.read(limit + 1)
            except OSError as error:
                self._fail("read", path, error)
        return data if len(data) <= limit else TooLarge()

    def sizes(self, names: Sequence[str]) -> list[int | None]:
        return [self._size(name) for name in names]

    def _size(self, name: str) -> int | None:
        path = self._path(name)
        try:
            about = os.stat(path)
        except FileNotFoundError:
            self._check_root()
            return None
        except OSError as error:
            self._fail("look for", path, error)
        return about.st_size if stat.S_ISREG(about.st_mode) else None

    def put(self, objects: Sequence[tuple[str, bytes]], content_type: str) -> None:
        del content_type
        for name, data in objects:
            self._write(name, data, os.replace)

    def create(self, name: str, data: bytes, content_type: str) -> bool:
        """Write a file where none of its name is; tells whether it was written."""
        del content_type
        try:
            self._write(name, data, _link)
        except FileExistsError:
            return False
        return True

    def _write(self, name: str, data: bytes, publish: Callable[[str, str], None]) -> None:
        path = self._path(name)
        self._check_root()
        temporary = f"{os.path.dirname(path)}/{_TEMPORARY}{token_hex(8)}"
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(os.open(temporary, _NEW, 0o666), "wb", buffering=0) as file:
                try:
                    view = memoryview(data)
                    while view:
                        view = view[file.write(view) :]
                    os.fsync(file.fileno())
                    publish(temporary, path)
                except BaseException:
                    os.unlink(temporary)
                    raise
        except FileExistsError:
            raise
        except OSError as error:
            self._fail("write", path, error)

    def rename(self, old: str, new: str) -> None:
        """Give an object another name, in place of what has that; nothing happens without it."""
        path = self._path(new)
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            os.replace(self._path(old), path)
        except FileNotFoundError:
            self._check_root()
        except OSError as error:
            self._fail("move", self._path(old), error)

    def rename_to_new(self, old: str, new: str) -> bool:
        """Give an object a name that nothing has; False where something has, or it is gone."""
        path = self._path(new)
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            _link(self._path(old), path)
        except FileExistsError:
            return False
        except FileNotFoundError:
            self._check_root()
            return False
        except OSError as error:
            if error.errno not in _NO_LINKS:
                self._fail("move", self._path(old), error)
            self.rename(old, new)
        return True

    def delete(self, names: Sequence[str]) -> None:
        for name in names:
            path = self._path(name)
            try:
                os.unlink(path)
            except FileNotFoundError:
                self._check_root()
            except OSError as error:
                self._fail("remove", path, error)

    def entries(self, prefix: str) -> Iterator[ObjectEntry]:
        """List every file whose name begins with `prefix`, also those that links lead to."""
        self._check_root()
        folder = prefix.rpartition("/")[0]
        root = os.path.realpath(self._path(""))
        for entry in self._below(folder, Way(root).through(folder)):
            if entry.name.startswith(prefix):
                yield entry

    def _below(self, folder: str, way: Way) -> Iterator[ObjectEntry]:
        try:
            with os.scandir(self._path(folder)) as listing:
                found = list(listing)
        except FileNotFoundError:
            return
        except OSError as error:
            self._fail("list", self._path(folder), error)
        for one in found:
            name = f"{folder}/{one.name}" if folder else one.name
            try:
                yield from self._found(one, name, way)
            except FileNotFoundError:
                continue
            except OSError as error:
                self._fail("look at", self._path(name), error)

    def _found(self, one: os.DirEntry[str], name: str, way: Way) -> Iterator[ObjectEntry]:
        if one.is_symlink():
            yield from self._linked(name, way)
        elif one.is_dir():
            there = way.into(one.name)
            if there.is_new:
                yield from self._below(name, there)
        elif one.is_file() and not one.name.startswith(_TEMPORARY):
            about = one.stat()
            yield ObjectEntry(name, about.st_size, about.st_mtime, way.name_of(one.name))

    def _linked(self, name: str, way: Way) -> Iterator[ObjectEntry]:
        """List what a link leads to; a link to nothing is an object that cannot be read."""
        path = self._path(name)
        try:
            about = os.stat(path)
        except OSError as error:
            if error.errno not in _GONE:
                raise
            yield ObjectEntry(name, 0, leads_to=NOWHERE)
            return
        there = way.jump(os.path.realpath(path))
        if stat.S_ISREG(about.st_mode):
            yield ObjectEntry(name, about.st_size, about.st_mtime, there.name)
        elif stat.S_ISDIR(about.st_mode) and there.is_new:
            yield from self._below(name, there)

    def traffic(self) -> Traffic:
        return Traffic()

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}" if name else self._root or "/"

    def _check_root(self) -> None:
        if not os.path.isdir(self._path("")):
            where = self._path("").rstrip("/")
            called = "" if self.name.rstrip("/") == where else f"store {self.name}: "
            raise StoreError(f"{called}{where} is not a directory; correct it or create it")

    def _fail(self, verb: str, path: str, error: OSError) -> NoReturn:
        raise StoreError(f"store {self.name}: cannot {verb} {path}: {error.strerror}") from error


def _link(temporary: str, path: str) -> None:
    os.link(temporary, path)
    os.unlink(temporary)
