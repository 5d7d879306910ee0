"""Files with holes: where their stored bytes belong.

Source: GNU tar's manual, "Storing Sparse Files": one form in GNU's own header, with blocks that go
on with it, and three in extended headers, of which the last has the map before the content.
"""

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from desync_jobs.errors import TarFormatError
from desync_jobs.formats.tar.header import BLOCK, size_of
from desync_jobs.formats.tar.pax import Records, parse_decimal

REGION_LIMIT: Final = 1 << 20
"""Stretches of the file with the most of them."""

_NUMBER: Final = 12
_REGION: Final = 2 * _NUMBER
_FIRST: Final = slice(386, 386 + 4 * _REGION)
_FIRST_GOES_ON: Final = 482
_REAL_SIZE: Final = slice(483, 495)
_NEXT: Final = slice(0, 21 * _REGION)
_NEXT_GOES_ON: Final = 504
_LINE_LIMIT: Final = 20

ReadBlock = Callable[[int], bytes]
"""Reads the 512 bytes at a place of the stream."""


@dataclass(frozen=True, slots=True)
class Sparse:
    """The map of one file: stretches of stored bytes, one after the other, and holes between."""

    size: int
    """Bytes of the file, holes counted."""
    begins: "array[int]"
    sizes: "array[int]"

    def regions(self) -> Iterator[tuple[int, int]]:
        """Yield where each stretch begins in the file, and its bytes."""
        return zip(self.begins, self.sizes, strict=True)

    @property
    def stored(self) -> int:
        """Bytes that the stream has of the file."""
        return sum(self.sizes)


def of_header(block: bytes, at: int, read: ReadBlock) -> tuple[Sparse, int]:
    """Return the map in a header of GNU's, and where the content begins; `at` is after it."""
    fields = [block[_FIRST]]
    goes_on = block[_FIRST_GOES_ON] != 0
    while goes_on:
        _limit(len(fields) * 21)
        more = read(at)
        fields.append(more[_NEXT])
        goes_on = more[_NEXT_GOES_ON] != 0
        at += BLOCK
    return _sparse(size_of(block[_REAL_SIZE]), _numbers_of(b"".join(fields))), at


def _numbers_of(fields: bytes) -> Iterator[int]:
    for begin in range(0, len(fields), _REGION):
        region = fields[begin : begin + _REGION]
        if not region[0]:
            return
        yield size_of(region[:_NUMBER])
        yield size_of(region[_NUMBER:])


def of_records(records: Records, last: Mapping[bytes, bytes]) -> Sparse | None:
    """Return the map that extended headers hold; None where the content begins with it.

    `records` has them in their order, `last` what counts of those that are repeated.
    """
    if b"GNU.sparse.major" in last:
        version = last[b"GNU.sparse.major"], last.get(b"GNU.sparse.minor")
        if version != (b"1", b"0"):
            raise TarFormatError(f"a sparse file in GNU's form {version!r}, which is not known")
        return None
    size = _decimal(last.get(b"GNU.sparse.size", b""))
    if b"GNU.sparse.map" in last:
        return _sparse(size, map(_decimal, _split(last[b"GNU.sparse.map"])))
    wanted = {b"GNU.sparse.offset", b"GNU.sparse.numbytes"}
    return _sparse(size, (_decimal(value) for key, value in records if key in wanted))


def _split(text: bytes) -> list[bytes]:
    return text.split(b",") if text else []


def of_content(size: int, at: int, read: ReadBlock) -> tuple[Sparse, int]:
    """Return the map that stands before the content, and where that begins."""
    numbers = _Lines(at, read)
    count = next(numbers)
    _limit(count)
    sparse = _sparse(size, (next(numbers) for _ in range(2 * count)))
    return sparse, numbers.at


class _Lines:
    """Numbers, each in a line, in whole blocks."""

    def __init__(self, at: int, read: ReadBlock) -> None:
        self.at = at
        self._read = read
        self._rest = b""

    def __iter__(self) -> Iterator[int]:
        return self

    def __next__(self) -> int:
        line, end, rest = self._rest.partition(b"\n")
        while not end:
            if len(line) > _LINE_LIMIT:
                raise TarFormatError("a sparse file without its map")
            self._rest += self._read(self.at)
            self.at += BLOCK
            line, end, rest = self._rest.partition(b"\n")
        self._rest = rest
        return _decimal(line)


def _decimal(value: bytes) -> int:
    return parse_decimal(value, "number of a sparse file")


def _limit(regions: int) -> None:
    if regions > REGION_LIMIT:
        raise TarFormatError(f"a sparse file with more than {REGION_LIMIT} stretches")


def _sparse(size: int, numbers: Iterable[int]) -> Sparse:
    """Check a map: its stretches ascend, do not overlap, and are in the file."""
    begins, sizes, end = array("q"), array("q"), 0
    pairs = iter(numbers)
    if size >= 1 << 63:
        raise TarFormatError(f"a sparse file of {size} bytes")
    for begin in pairs:
        length = next(pairs, None)
        if length is None or begin < end or begin + length > size:
            raise TarFormatError("a sparse file whose stretches are not in order, or not in it")
        _limit(len(begins) + 1)
        end = begin + length
        if length:
            begins.append(begin)
            sizes.append(length)
    return Sparse(size, begins, sizes)
