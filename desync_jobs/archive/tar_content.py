"""The content of one member of a tar stream, with the holes of sparse files as zeros."""

from collections.abc import Iterator

from desync_jobs.formats.tar.member import Member
from desync_jobs.formats.tar.reading import ReadAt


class MemberContent:
    """Reads a member once, from its beginning."""

    def __init__(self, member: Member, read: ReadAt) -> None:
        self._read = read
        self._parts = _parts(member)
        self._at: int | None = None
        """Where the bytes that come next are; None for zeros."""
        self._left = 0

    def read(self, size: int) -> bytes:
        """Return at most `size` bytes, and at least one; nothing where the stream ends."""
        while not self._left:
            self._at, self._left = next(self._parts)
        size = min(size, self._left)
        if self._at is None:
            self._left -= size
            return bytes(size)
        data = self._read(self._at, size)
        self._at += len(data)
        self._left -= len(data)
        return data


def _parts(member: Member) -> Iterator[tuple[int | None, int]]:
    """Yield place and size of each stretch of the file; None for the place of a hole."""
    at = member.place.content
    if member.sparse is None:
        yield at, member.size
        return
    done = 0
    for begin, size in member.sparse.regions():
        yield None, begin - done
        yield at, size
        at += size
        done = begin + size
    yield None, member.size - done
