"""What becomes of each entry of an archive on disk; the part of unpacking that threads share."""

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

from desync_jobs.archive.applying import Applier
from desync_jobs.archive.attributes import set_chattr
from desync_jobs.archive.borrowing import Borrowing
from desync_jobs.archive.entries import Entries
from desync_jobs.archive.folders import Folder, existing_folder, new_folder
from desync_jobs.archive.large import LargeFile
from desync_jobs.archive.removal import locking_flags, open_directory, remove, unlock
from desync_jobs.archive.standing import Standing
from desync_jobs.archive.straight import Content, Found, Job, Straight
from desync_jobs.archive.wanted import Choice, Demands
from desync_jobs.errors import TargetError
from desync_jobs.formats.catar.node import Node

if TYPE_CHECKING:
    from desync_jobs.archive.twins import Twin


@dataclass(frozen=True, slots=True)
class Rules:
    """How an archive is unpacked."""

    choice: Choice
    delete: bool = False
    """Whether what is in its directories besides is removed."""
    replace: bool = False
    """Whether a directory makes way for what is none, and the other way round."""
    unseen: bool = False
    """Whether nobody sees the tree before it is complete."""


@dataclass(slots=True)
class Counts:
    """What came of the entries of an archive."""

    written: int = 0
    changed: int = 0
    """Those whose metadata alone were not right."""
    right: int = 0
    left_out: int = 0
    """Those of a kind that is not wanted."""
    removed: int = 0
    """What was on disk and not in the archive, or in its way."""

    @property
    def entries(self) -> int:
        """All entries of the archive."""
        return self.written + self.changed + self.right + self.left_out

    @property
    def any(self) -> bool:
        """Whether anything on disk is not as it was."""
        return bool(self.written or self.changed or self.removed)


class Making:
    """Makes, keeps or replaces entries; used from many threads, but for `enter` and `give_up`."""

    def __init__(
        self, demands: Demands, rules: Rules, borrowing: Borrowing, *, coarse: bool
    ) -> None:
        self.demands = demands
        self._rules = rules
        self.straight = Straight(demands, coarse=coarse)
        self._applier = Applier(demands, self.straight, coarse=coarse)
        self._entries = Entries(self._applier, borrowing, unseen=rules.unseen)
        self._standing = Standing(self._applier, replace=rules.replace, links=borrowing.links)
        self._lock = Lock()
        self.open: set[Folder] = set()
        """Directories that are not finished."""
        self._larges: set[LargeFile] = set()
        self.counts = Counts()

    def enter(self, parent: Folder, node: Node, path: bytes, *, exists: bool) -> Folder:
        """Open a directory, or make it."""
        with about(path):
            if not exists or not self._clear(parent, node, path):
                return self.new(parent.fd, node.name, path, node, plain=parent.plain)
            mode = os.stat(node.name, dir_fd=parent.fd, follow_symlinks=False).st_mode
            return self.adopt(open_directory(parent.fd, node.name), path, node, mode)

    def new(self, parent: int, name: bytes, path: bytes, node: Node, *, plain: bool) -> Folder:
        """Make a directory in another, which is open."""
        wanted = self.demands.of(node)
        folder = new_folder(parent, name, path, wanted, plain=plain)
        self.open.add(folder)
        if wanted.flags:
            self._applier.begin(folder.fd, wanted, path)
        return folder

    def take_over(self, parent: Folder, node: Node, fd: int) -> Folder:
        """Take over a directory in `parent`, open as `fd`, which was made if that is new."""
        path = parent.path + b"/" + node.name
        if not parent.is_new:
            with about(path):
                return self.adopt(fd, path, node, os.fstat(fd).st_mode)
        folder = Folder(fd, path, self.demands.of(node), None, parent.plain)
        self.open.add(folder)
        return folder

    def adopt(self, fd: int, path: bytes, node: Node, mode: int) -> Folder:
        """Take over an open directory that was there before, with this mode."""
        try:
            locked = locking_flags(fd) & self.demands.flags
            if locked:
                unlock(fd)
            folder = existing_folder(fd, path, self.demands.of(node))
            if os.fstat(fd).st_mode != mode:
                folder.mode = stat.S_IMODE(mode)
        except BaseException:
            os.close(fd)
            raise
        folder.locked = locked
        self.open.add(folder)
        return folder

    def make_all(self, jobs: Sequence[Job]) -> None:
        """Make entries of which no two have the same place."""
        outcomes = self.straight.outcomes(jobs, self._entries.hidden)
        for (folder, node, content, exists), found in zip(jobs, outcomes, strict=True):
            if found is None:
                self.make(folder, node, content, exists=exists)
            else:
                self._done(folder, found)

    def make(self, folder: Folder, node: Node, content: Content | None, *, exists: bool) -> None:
        """Make an entry that is no directory; a regular file has content."""
        # Not `with about`: this is done for every entry.
        try:
            found = self._make(folder, node, content, exists=exists)
        except (TargetError, OSError) as error:
            raise _named(folder.path + b"/" + node.name, error) from error
        self._done(folder, found)

    def _make(self, folder: Folder, node: Node, content: Content | None, *, exists: bool) -> Found:
        wanted = self.demands.of(node)
        path = folder.path + b"/" + node.name
        if exists and self._clear(folder, node, path):
            if content is None:
                found = self._standing.special(folder, node, wanted)
            else:
                found = self._standing.file(folder, node, wanted, content.data)
            if found is not Found.OTHER:
                return found
            if self._rules.unseen:
                remove(folder.fd, node.name, path)
        if content is None:
            self._entries.make_special(folder, node, wanted)
        else:
            self._entries.write_file(folder, node.name, wanted, content.data, content.twin)
        return Found.OTHER

    def begin_large(
        self, folder: Folder, node: Node, size: int, twin: "Twin | None", *, exists: bool
    ) -> LargeFile:
        """Begin a regular file that comes in pieces."""
        path = folder.path + b"/" + node.name
        with about(path):
            exists = exists and self._clear(folder, node, path)
            if exists and self._rules.unseen:
                remove(folder.fd, node.name, path)
                exists = False
            makers = self._entries, self._standing

            def finished(found: Found) -> None:
                self._larges.discard(file)
                self._done(folder, found)

            file = LargeFile(makers, folder, node, self.demands.of(node), finished, twin)
            self._larges.add(file)
            self.hold(folder)
            file.begin(size, exists=exists)
            return file

    def hold(self, folder: Folder) -> None:
        """Say that one more entry of `folder` is under way."""
        with self._lock:
            folder.pending += 1

    def release(self, folder: Folder) -> None:
        """Say that one less is; the last one finishes the directory."""
        with self._lock:
            folder.pending -= 1
            last = not folder.pending
        if last:
            with about(folder.path):
                self._finish(folder)

    def count(self, *, written: int, right: int) -> None:
        """Count entries that were done elsewhere."""
        with self._lock:
            self.counts.written += written
            self.counts.right += right

    def give_up(self) -> None:
        """Close whatever is open and remove what is not complete; no thread is at work."""
        for file in self._larges:
            file.discard()
        for folder in self.open:
            with suppress(OSError):
                _lock_out(folder)
            os.close(folder.fd)
        self._larges.clear()
        self.open.clear()

    def _clear(self, folder: Folder, node: Node, path: bytes) -> bool:
        left, removed = self._standing.clear(folder, node, path)
        if removed:
            with self._lock:
                self.counts.removed += removed
        return left

    def _done(self, folder: Folder, found: Found) -> None:
        self._count(found)
        self.release(folder)

    def _count(self, found: Found) -> None:
        counts = self.counts
        with self._lock:
            counts.written += found is Found.OTHER
            counts.changed += found is Found.CHANGED
            counts.right += found is Found.RIGHT

    def _finish(self, folder: Folder) -> None:
        """Complete a directory when everything in it is."""
        fd, wanted, path = folder.fd, folder.wanted, folder.path
        if folder.there is None:
            give = self._applier.apply_new if folder.plain else self._applier.apply
            give(fd, wanted, path)
            if wanted.flags:
                self._applier.seal(fd, wanted, path)
            self._count(Found.OTHER)
        else:
            if self._rules.delete:
                removed = sum(
                    remove(fd, name, path + b"/" + name)
                    for name in sorted(folder.there - folder.seen)
                )
                with self._lock:
                    self.counts.removed += removed
            _lock_out(folder)
            self._count(self._standing.metadata(fd, wanted, path))
        self.open.discard(folder)
        os.close(fd)


def _lock_out(folder: Folder) -> None:
    """Give a directory back what kept us out of it."""
    if folder.mode is not None:
        os.fchmod(folder.fd, folder.mode)
    if folder.locked:
        set_chattr(folder.fd, folder.locked, folder.locked)


@contextmanager
def about(path: bytes) -> Iterator[None]:
    """Have every error of writing say which file it is about; raises `TargetError`."""
    try:
        yield
    except (TargetError, OSError) as error:
        raise _named(path, error) from error


def _named(path: bytes, error: TargetError | OSError) -> TargetError:
    name = os.fsdecode(path)
    if isinstance(error, OSError):
        return TargetError.of_writing(name, error)
    error.about(name)
    return error
