"""Making one entry of a directory: complete under a hidden name, then renamed into its place."""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Final

from desync_jobs.archive.applying import Applier, Place
from desync_jobs.archive.borrowing import Borrowing, same_files
from desync_jobs.archive.content import correct_content, same_content, write_content
from desync_jobs.archive.folders import Folder, temporary_name
from desync_jobs.archive.losses import loss, without
from desync_jobs.archive.wanted import Wanted
from desync_jobs.core.chunk import BytesLike
from desync_jobs.errors import TargetError
from desync_jobs.formats.catar.node import Node
from desync_jobs.formats.catar.records import Device, Symlink

if TYPE_CHECKING:
    from desync_jobs.archive.twins import Twin

_NEW: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_HANDLE: Final = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC


class NewFile:
    """A regular file that is being written; nobody sees it before `publish`."""

    def __init__(
        self, fd: int, folder: Folder, name: bytes, hidden: bytes, borrowing: Borrowing
    ) -> None:
        self.fd = fd
        self.folder = folder
        self.name = name
        self.path = folder.path + b"/" + name
        self.hidden = hidden
        """What it is called until then."""
        self._borrowing = borrowing
        self._borrowed: int | None = None
        self._corrected: list[int] = []

    def borrow(self, twin: "Twin", size: int) -> None:
        """Share the blocks of a twin, before anything is written; the file has `size` bytes."""
        self._borrowed = self._borrowing.clone(twin, self.fd, os.fsdecode(self.path), size)

    def write(self, offset: int, data: BytesLike) -> bool:
        """Write a piece; returns whether it has a hole. May be called from several threads."""
        try:
            if self._borrowed is None:
                return write_content(self.fd, offset, data)
            self._corrected.append(correct_content(self.fd, offset, data))
        except OSError as error:
            raise TargetError.of_writing(os.fsdecode(self.path), error) from error
        return False

    def set_size(self, size: int) -> None:
        """Make the file `size` bytes large; what was not written is zeros."""
        try:
            os.ftruncate(self.fd, size)
        except OSError as error:
            raise TargetError.of_writing(os.fsdecode(self.path), error) from error

    def complete(self) -> None:
        """Count what was borrowed, when everything is written."""
        right = (self._borrowed or 0) - sum(self._corrected)
        if right > 0:
            self._borrowing.cloned(right)

    def discard(self) -> None:
        """Leave nothing of it."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            with suppress(OSError):
                os.close(fd)
                os.unlink(self.hidden, dir_fd=self.folder.fd)


class Entries:
    """Makes entries of one archive; used from many threads.

    `unseen` says that nobody sees the tree before it is complete, so that nothing in it has to
    be hidden.
    """

    def __init__(self, applier: Applier, borrowing: Borrowing, *, unseen: bool) -> None:
        self._applier = applier
        self._borrowing = borrowing
        self._unseen = unseen
        # The first is that of `growing`.
        self._numbers = count(1)

    def begin_file(self, folder: Folder, name: bytes, wanted: Wanted) -> NewFile:
        """Begin a regular file; `publish` or `discard` it."""
        hidden = self.hidden(name)
        path = folder.path + b"/" + name
        mode = 0o666 if wanted.mode is None else 0o600
        try:
            fd = os.open(hidden, _NEW, mode, dir_fd=folder.fd)
        except OSError as error:
            raise TargetError.of_writing(os.fsdecode(path), error) from error
        file = NewFile(fd, folder, name, hidden, self._borrowing)
        if wanted.flags:
            with _discarding(file):
                self._applier.begin(fd, wanted, path)
        return file

    def publish(self, file: NewFile, wanted: Wanted, twin: "Twin | None") -> None:
        """Complete a file and show it under its name, or its twin in its place."""
        try:
            if twin is not None and self._borrowing.links:
                size = os.fstat(file.fd).st_size
                same = partial(same_files, file.fd, size=size)
                hidden = self._linked(file.folder, twin, wanted, size, same)
                if hidden is not None:
                    file.discard()
                    self._show_link(file.folder, hidden, file.name)
                    return
            file.complete()
            self._give(file.fd, file.folder, wanted, file.path)
            self._rename(file.folder, file.hidden, file.name)
            if wanted.flags:
                self._applier.seal(file.fd, wanted, file.path)
        except BaseException:
            file.discard()
            raise
        os.close(file.fd)

    def write_file(
        self, folder: Folder, name: bytes, wanted: Wanted, data: BytesLike, twin: "Twin | None"
    ) -> None:
        """Make a whole regular file of its content, or of its twin."""
        if twin is not None and self._borrowing.links:
            same = partial(same_content, offset=0, data=data)
            hidden = self._linked(folder, twin, wanted, len(data), same)
            if hidden is not None:
                self._show_link(folder, hidden, name)
                return
        file = self.begin_file(folder, name, wanted)
        try:
            if twin is not None:
                file.borrow(twin, len(data))
            if len(data) and file.write(0, data):
                file.set_size(len(data))
        except BaseException:
            file.discard()
            raise
        self.publish(file, wanted, None)

    def _linked(
        self,
        folder: Folder,
        twin: "Twin",
        wanted: Wanted,
        size: int,
        same: Callable[[int], bool],
    ) -> bytes | None:
        """Return the hidden name that a twin has in `folder` now; None where it is not right."""
        hidden = temporary_name(next(self._numbers))

        def right(fd: int) -> bool:
            return same(fd) and self._applier.is_right(fd, wanted)

        def place(path: str) -> None:
            os.link(path, hidden, dst_dir_fd=folder.fd)

        return hidden if self._borrowing.link(twin, size, right, place) else None

    def _show_link(self, folder: Folder, hidden: bytes, name: bytes) -> None:
        try:
            self._show(folder, hidden, name)
        finally:
            # It is still there after an error, and where both names were the same file already.
            with suppress(FileNotFoundError):
                os.unlink(hidden, dir_fd=folder.fd)

    def make_special(self, folder: Folder, node: Node, wanted: Wanted) -> None:
        """Make what is neither a directory nor a regular file."""
        hidden, path = self.hidden(node.name), folder.path + b"/" + node.name
        _make(folder.fd, hidden, node, wanted, path)
        try:
            with handle(folder.fd, hidden) as place:
                self._give(place, folder, wanted, path)
            self._rename(folder, hidden, node.name)
        except BaseException:
            with suppress(OSError):
                os.unlink(hidden, dir_fd=folder.fd)
            raise

    def _give(self, place: Place, folder: Folder, wanted: Wanted, path: bytes) -> None:
        give = self._applier.apply_new if folder.plain else self._applier.apply
        give(place, wanted, path)

    def hidden(self, name: bytes) -> bytes:
        """Return the name under which an entry is made; its own where nobody sees that."""
        return name if self._unseen else temporary_name(next(self._numbers))

    def _rename(self, folder: Folder, hidden: bytes, name: bytes) -> None:
        if not self._unseen:
            self._show(folder, hidden, name)

    def _show(self, folder: Folder, hidden: bytes, name: bytes) -> None:
        try:
            try:
                os.rename(hidden, name, src_dir_fd=folder.fd, dst_dir_fd=folder.fd)
            except PermissionError:
                # What is there, or its directory, may be immutable.
                self._applier.unlock(folder.fd, name)
                os.rename(hidden, name, src_dir_fd=folder.fd, dst_dir_fd=folder.fd)
        except OSError as error:
            path = os.fsdecode(folder.path + b"/" + name)
            raise TargetError.of_writing(path, error) from error


@contextmanager
def handle(folder: int, name: bytes) -> Iterator[str]:
    """Lend a path that leads to an entry, whatever it is, and no further."""
    fd = os.open(name, _HANDLE, dir_fd=folder)
    try:
        yield f"/proc/self/fd/{fd}"
    finally:
        os.close(fd)


@contextmanager
def _discarding(file: NewFile) -> Iterator[None]:
    try:
        yield
    except BaseException:
        file.discard()
        raise


def _make(folder: int, name: bytes, node: Node, wanted: Wanted, path: bytes) -> None:
    body, kind = node.body, stat.S_IFMT(node.entry.mode)
    try:
        if isinstance(body, Symlink):
            os.symlink(body.target, name, dir_fd=folder)
            return
        device = os.makedev(body.major, body.minor) if isinstance(body, Device) else 0
        mode = 0o666 if wanted.mode is None else 0o600
        os.mknod(name, kind | mode, device, dir_fd=folder)
    except OSError as error:
        if isinstance(body, Device) and error.errno in (errno.EPERM, errno.EOPNOTSUPP):
            raise loss(path, "a device in its place", without("device-nodes"), error) from error
        raise TargetError.of_writing(os.fsdecode(path), error) from error
