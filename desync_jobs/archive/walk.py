"""A directory tree on disk, one node after the other, in the order of an archive.

Names come sorted by their bytes. Each file is opened relative to its directory, links are never
followed, and what is told of a file is what its open descriptor says. Open descriptors: one for
each directory on the way.
"""

import os
import stat
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple, TypeAlias, cast

from desync_jobs.archive.exclude import NOTHING_EXCLUDED, Exclusion
from desync_jobs.archive.filesystem import PSEUDO, file_system
from desync_jobs.archive.folder import Contents, Folder, Listed
from desync_jobs.archive.found import Found
from desync_jobs.archive.metadata import Metadata
from desync_jobs.archive.names import Names
from desync_jobs.archive.runs import Run, Runs
from desync_jobs.errors import SourceError
from desync_jobs.formats.catar.node import Node
from desync_jobs.formats.flags import FeatureFlags

_OPEN: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
_NODUMP: Final = int(FeatureFlags.ATTRIBUTE_NODUMP)


PassOver: TypeAlias = Callable[[SourceError], None]
"""Takes note of what was left out of a walk, and why."""


class Visit(NamedTuple):
    """A node, and where its content is while the visit lasts."""

    node: Node
    path: bytes
    """For messages."""
    fd: int | None = None
    """Open for reading; None for what is neither a file nor a directory."""
    read: Callable[[int], bytes] | None = None
    """Reads the content where it is no file of its own: at most so many bytes."""


class TreeWalk:
    """The nodes of one tree.

    With `pass_over`, what cannot be read or archived is told to that and left out, with all below
    it; otherwise it is an error.
    """

    def __init__(self, root: str, metadata: Metadata, pass_over: PassOver | None = None) -> None:
        self._root = os.fsencode(root)
        self._metadata = metadata
        self._names = Names()
        self._pass_over = pass_over
        self._contents = Contents(metadata.features)
        self._file_systems: dict[int, int] = {}
        self._open: list[Folder] = []
        self._runs: Runs | None = None
        self._path = self._root
        """What is looked at now, for messages."""

    def visits(self) -> Iterator[Visit | None]:
        """Yield each node, and None where the directory that was entered last is complete.

        Raises `SourceError` for what cannot be read, what no archive can have, and for a file that
        changed between the beginning and the end of its visit.
        """
        return cast("Iterator[Visit | None]", self._steps())

    def runs(self) -> Iterator[Visit | Run | None]:
        """Do the same, but yield nodes that are complete where several could be read in one go."""
        if not self._contents.excludes_submounts and self._pass_over is None:
            self._runs = Runs(self._metadata)
        return self._steps()

    def _steps(self) -> Iterator[Visit | Run | None]:
        try:
            yield self._enter_root()
            while self._open:
                top = self._open[-1]
                run = None if self._runs is None else self._runs.read(top)
                if run is not None:
                    yield run
                    continue
                entry = top.take()
                if entry is None:
                    os.close(self._open.pop().fd)
                    yield None
                elif self._pass_over is None:
                    yield from self._child(top, entry)
                else:
                    yield from self._tolerated(top, entry, self._pass_over)
        except OSError as error:
            raise self._unreadable(error) from error
        except SourceError as error:
            error.about(self._name)
            raise
        finally:
            self._close(0)

    def _tolerated(self, top: Folder, entry: Listed, pass_over: PassOver) -> Iterator[Visit]:
        depth = len(self._open)
        try:
            yield from self._child(top, entry)
        except OSError as error:
            self._close(depth)
            pass_over(self._unreadable(error))
        except SourceError as error:
            self._close(depth)
            error.about(self._name)
            pass_over(error)

    def _unreadable(self, error: OSError) -> SourceError:
        if isinstance(error, FileNotFoundError):
            return SourceError(f"{self._name}: is not there, or was removed meanwhile")
        return SourceError(f"{self._name}: cannot be read: {error.strerror}")

    def _close(self, depth: int) -> None:
        """Close all directories but the first `depth`."""
        while len(self._open) > depth:
            os.close(self._open.pop().fd)

    @property
    def _name(self) -> str:
        return os.fsdecode(self._path)

    def _enter_root(self) -> Visit:
        fd = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        directory = self._begin(fd, self._root)
        found = self._found(b"", fd, fd)
        self._list(directory, found, NOTHING_EXCLUDED)
        return Visit(self._node(found), self._path, fd)

    def _child(self, top: Folder, entry: Listed) -> Iterator[Visit]:
        name, listed = entry
        self._path = path = top.path + b"/" + name
        directory = listed.is_dir(follow_symlinks=False)
        if self._contents.leave_out(top, name, directory=directory):
            return
        if directory:
            visit = self._enter(top, name)
            if visit is not None:
                yield visit
        elif listed.is_file(follow_symlinks=False):
            fd = os.open(name, _OPEN, dir_fd=top.fd)
            try:
                found = self._found(name, top.fd, fd)
                if not stat.S_ISREG(found.stat.st_mode):
                    raise SourceError("was replaced while its directory was read")
                if not self._undumped(found):
                    yield Visit(self._node(found), path, fd)
                    _check_unchanged(fd, found.stat)
            finally:
                os.close(fd)
        else:
            about = os.stat(name, dir_fd=top.fd, follow_symlinks=False)
            if self._metadata.takes(about.st_mode, name):
                yield Visit(self._node(Found(name, top.fd, None, about, 0)), path)

    def _enter(self, top: Folder, name: bytes) -> Visit | None:
        """Go into a directory; None where nothing of it is archived."""
        fd = os.open(name, _OPEN | os.O_DIRECTORY, dir_fd=top.fd)
        directory = self._begin(fd, self._path)
        found = self._found(name, top.fd, fd)
        if self._undumped(found):
            os.close(self._open.pop().fd)
            return None
        self._list(directory, found, top.exclusion.below(name))
        return Visit(self._node(found), self._path, fd)

    def _node(self, found: Found) -> Node:
        node = self._metadata.node(found, self._names)
        if self._runs is not None:
            self._runs.learn(found.owner, node)
        return node

    def _begin(self, fd: int, path: bytes) -> Folder:
        """Take over the descriptor of a directory; it is closed when it is complete."""
        directory = Folder(fd, path)
        self._open.append(directory)
        return directory

    def _undumped(self, found: Found) -> bool:
        return self._contents.excludes_nodump and bool(found.flags & _NODUMP)

    def _found(self, name: bytes, folder: int, fd: int) -> Found:
        about = os.fstat(fd)
        kind = self._file_systems.get(about.st_dev)
        if kind is None:
            kind = self._file_systems[about.st_dev] = file_system(fd)
        flags = self._metadata.read_flags(fd, about, kind)
        return Found(name, folder, fd, about, kind, flags)

    def _list(self, directory: Folder, found: Found, exclusion: Exclusion) -> None:
        """Find the entries of a directory; what the kernel makes up has none."""
        directory.file_system, directory.device = found.file_system, found.stat.st_dev
        if found.file_system not in PSEUDO:
            self._contents.list(directory, exclusion)


def _check_unchanged(fd: int, then: os.stat_result) -> None:
    now = os.fstat(fd)
    if (now.st_size, now.st_mtime_ns) != (then.st_size, then.st_mtime_ns):
        raise SourceError("changed while it was read; make the archive again when it is at rest")
