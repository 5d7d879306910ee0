"""Chunks of a blob read from where an index says they are, and checked against it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from desync_jobs.assembly.buffers import Buffers, read_range
from desync_jobs.core.digest import digest_many
from desync_jobs.core.kernel import Kernel
from desync_jobs.errors import BlobMismatchError
from desync_jobs.formats.index import Index


class PieceReader:
    """Reads chunks of one open blob, from any thread."""

    def __init__(self, fd: int, name: str, index: Index, kernel: Kernel) -> None:
        self._fd = fd
        self._name = name
        self._index = index
        self._kernel = kernel
        self._buffers = Buffers()

    @contextmanager
    def verified(self, positions: Sequence[int]) -> Iterator[list[memoryview]]:
        """Lend the bytes of the chunks at `positions`.

        Raises `BlobMismatchError` for the first that does not have its ID, and `SourceError`
        where the blob cannot be read.
        """
        index = self._index
        with self._buffers.borrow(sum(map(index.length, positions))) as view:
            pieces = self._read(positions, view)
            digests = digest_many(self._kernel, index.algorithm, pieces)
            for position, digest in zip(positions, digests, strict=True):
                if digest != index.id(position):
                    raise BlobMismatchError(
                        f"{self._name} is not what its index describes: bytes "
                        f"{index.start(position)}-{index.end(position)}"
                    )
            yield pieces

    def _read(self, positions: Sequence[int], view: memoryview) -> list[memoryview]:
        pieces: list[memoryview] = []
        begin = 0
        for position in positions:
            piece = view[begin : begin + self._index.length(position)]
            count = read_range(self._fd, piece, self._index.start(position), self._name)
            pieces.append(piece[:count])
            begin += len(piece)
        return pieces
