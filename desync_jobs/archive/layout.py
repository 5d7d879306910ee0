"""The archive of a tree that nobody writes: its records held, its content left in the files.

So any range of the archive can be read again from the files, for as long as they stay as they
are. Records are held in a temporary file, one for each entry of the tree; in memory a file
with content takes about 50 bytes and a directory its name.
"""

import os
import stat
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from tempfile import TemporaryFile, gettempdir
from typing import Final, Self

from desync_jobs.archive.encoding import ArchiveEncoder, Bytes
from desync_jobs.archive.reaching import Reach
from desync_jobs.archive.walk import Visit
from desync_jobs.assembly.buffers import read_range
from desync_jobs.assembly.cancel import Cancel
from desync_jobs.errors import SourceError

_GATHERED: Final = 1 << 18
_COPIED: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Part:
    """Some bytes of an archive that lie together in one place."""

    begin: int
    """Where in the archive they begin."""
    size: int
    file: int | None
    """Number of the file whose content they are; None for records."""
    offset: int
    """Where in the file, or in all records, they begin."""


class TreeLayout:
    """Where each byte of a tree's archive is; a context manager that closes what it holds."""

    def __init__(self, root: str) -> None:
        """Take the top of the tree.

        Raises `SourceError` where it cannot be opened, and where nothing can be held.
        """
        try:
            self.reach: Final = Reach(root)
        except OSError as error:
            raise SourceError(f"{root}: cannot be opened: {error.strerror}") from error
        try:
            self._records = TemporaryFile(buffering=_GATHERED)  # noqa: SIM115 - closed by `close`
        except OSError as error:
            self.reach.close()
            raise _not_held(error) from error
        self._record_size = 0
        # Of each file with content: where that begins in the archive, and in the records.
        self._starts = array("Q")
        self._before = array("Q")
        self._made_of = blake2b(digest_size=16)
        self._path = [0]
        """Numbers of the directories that are open on the way."""
        self.size = 0
        """Bytes of the archive."""
        self.entries = 0
        """Its nodes."""

    def take(self, visits: Iterable[Visit | None], cancel: Cancel) -> None:
        """Lay out the archive of these visits; once. Raises what they raise.

        `SourceError` where the records cannot be held.
        """
        encoder = ArchiveEncoder(self, cancel)
        encoder.encode(self._followed(visits))
        self.entries = encoder.entries

    def _followed(self, visits: Iterable[Visit | None]) -> Iterator[Visit | None]:
        """Pass visits on, and note in which directory they are."""
        at_top = True
        for visit in visits:
            if visit is None:
                self._path.pop()
            elif stat.S_ISDIR(visit.node.entry.mode) and not at_top:
                self._path.append(self.reach.folders.add(self._path[-1], visit.node.name))
            at_top = False
            yield visit

    def put(self, data: bytes) -> None:
        try:
            self._records.write(data)
            self._made_of.update(data)
        except OSError as error:
            raise _not_held(error) from error
        self._record_size += len(data)
        self.size += len(data)

    def content(self, visit: Visit, size: int) -> None:
        self.reach.files.add(self._path[-1], visit.node.name)
        if visit.fd is not None:
            about = os.fstat(visit.fd)
            self._made_of.update(b"%d %d " % (about.st_ino, about.st_ctime_ns))
        self._starts.append(self.size)
        self._before.append(self._record_size)
        self.size += size

    def finish(self) -> None:
        try:
            self._records.flush()
        except OSError as error:
            raise _not_held(error) from error

    @property
    def fingerprint(self) -> int:
        """Return what a tree has by which it is known that no file in it was written to.

        Every record, and of each file with content its inode and when that last changed.
        """
        return int.from_bytes(self._made_of.digest(), "big")

    @property
    def files(self) -> int:
        """How many files have content."""
        return len(self._starts)

    def start(self, file: int) -> int:
        """Return where in the archive the content of a file begins."""
        return self._starts[file]

    def end(self, file: int) -> int:
        """Return where in the archive the content of a file ends."""
        if file + 1 == len(self._starts):
            return self.size - self._record_size + self._before[file]
        return self._starts[file + 1] - self._before[file + 1] + self._before[file]

    def file_at(self, begin: int, size: int) -> int | None:
        """Return the file whose content is these bytes of the archive; None where none is."""
        file = bisect_right(self._starts, begin) - 1
        if file < 0 or self._starts[file] != begin or self.end(file) != begin + size:
            return None
        return file

    def parts(self, begin: int, end: int) -> Iterator[Part]:
        """Yield where the bytes from `begin` to `end` of the archive are, in order."""
        file = bisect_right(self._starts, begin) - 1
        while begin < end:
            content_end = self.end(file) if file >= 0 else 0
            if begin < content_end:
                stop = min(content_end, end)
                yield Part(begin, stop - begin, file, begin - self._starts[file])
            else:
                following = file + 1
                stop = self._starts[following] if following < len(self._starts) else self.size
                stop = min(stop, end)
                before = self._before[file] if file >= 0 else 0
                yield Part(begin, stop - begin, None, before + begin - content_end)
                file = following
            begin = stop

    def read(self, view: memoryview, offset: int) -> int:
        """Fill `view` from `offset` of the archive; returns how far that was possible.

        Nobody says whether that is what was there when the tree was laid out. From any thread.
        """
        done = 0
        for part in self.parts(offset, min(offset + len(view), self.size)):
            done += self._read(part, view[done : done + part.size])
            if done < part.begin + part.size - offset:
                break
        return done

    def _read(self, part: Part, view: memoryview) -> int:
        if part.file is None:
            return read_range(self._records.fileno(), view, part.offset, "the records of a seed")
        try:
            with self.reach.opened(part.file) as fd:
                return read_range(fd, view, part.offset, self.reach.root)
        except (OSError, SourceError):
            return 0

    def write_to(self, write: Callable[[Bytes], None], cancel: Cancel) -> None:
        """Write the whole archive; what cannot be read any more is zeros."""
        buffer = memoryview(bytearray(_COPIED))
        filled = 0
        for part in self.parts(0, self.size):
            done = 0
            while done < part.size:
                count = min(part.size - done, len(buffer) - filled)
                piece = buffer[filled : filled + count]
                rest = Part(part.begin + done, count, part.file, part.offset + done)
                right = self._read(rest, piece)
                piece[right:] = bytes(count - right)
                filled, done = filled + count, done + count
                if filled == len(buffer):
                    cancel.check()
                    write(buffer)
                    filled = 0
        write(buffer[:filled])

    def close(self) -> None:
        """Close what is held."""
        with suppress(OSError):  # what could not be written is not wanted any more
            self._records.close()
        self.reach.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _not_held(error: OSError) -> SourceError:
    return SourceError(
        f"what an archive has besides content cannot be held in {gettempdir()}: {error.strerror}; "
        "name a folder with more room (TMPDIR)"
    )
