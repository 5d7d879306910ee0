"""What becomes of chunks on their way from one store into another."""

from dataclasses import dataclass
from typing import Final

from desync_jobs.core.chunk import DigestAlgorithm
from desync_jobs.core.kernel import Kernel
from desync_jobs.execute.renaming import renamed
from desync_jobs.execute.transfer import Convert, as_they_are
from desync_jobs.stores.base import Chunk


@dataclass(frozen=True, slots=True)
class Conversion:
    """A wish that can be sent to others; the form in which they are stored is the store's."""

    recompress: bool = False
    """Whether what is compressed already is compressed again."""
    digest: DigestAlgorithm | None = None
    """What gives chunks new IDs; None where they keep theirs."""

    def by(self, kernel: Kernel) -> Convert:
        """Return what converts chunks; `kernel` digests them."""
        convert = compressed_again if self.recompress else as_they_are
        algorithm = self.digest
        if algorithm is None:
            return convert
        return lambda chunks: renamed(kernel, algorithm, convert(chunks))


UNCONVERTED: Final = Conversion()
"""Chunks stay what they are."""


def compressed_again(chunks: list[Chunk]) -> list[Chunk]:
    """Return `chunks` without the bytes that they were stored as, so that they are made anew."""
    return [Chunk(one.id, one.plain) for one in chunks]
