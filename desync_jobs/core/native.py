"""The compiled loops as the rest of the program calls them.

Importing this module fails where the extension was not built; `kernel` then uses NumPy
and hashlib. Measured side by side on one core of a 2.7 GHz server processor with AVX-512
VBMI, in GB/s:

    candidates   2.5 with vpermb look-ups; 1.0 in plain loops of AVX-512, 0.85 of AVX2,
                 0.55 of SSE2; 0.19 in NumPy
    digests      2.3 in eight lanes; 0.58 in hashlib, one message after the other

Eight lanes of SHA-512/256 made of AVX2 reach 0.48, less than hashlib. Hence the rule: the
lanes are used where the processor has AVX-512 (`LANES` is 8), and only there.
"""

import hashlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

from desync_jobs.core import _kernel
from desync_jobs.core.chunk import CHUNK_ID_SIZE, BytesLike

LANES: Final = _kernel.LANES
VBMI: Final = bool(_kernel.VBMI)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    _Search: TypeAlias = Callable[
        [BytesLike, NDArray[np.uint32], int, int, NDArray[np.int64]], tuple[int, int]
    ]

_HASHLIB_SPEED: Final = 2.0
"""How much faster hashlib takes a message than one lane of eight does."""


def candidates(data: BytesLike, discriminator: int) -> "NDArray[np.int64]":
    """Return what `buzhash.candidates` returns, and raise what it raises."""
    return _collect(_kernel.candidates, data, discriminator)


def candidates_any(data: BytesLike, discriminator: int) -> "NDArray[np.int64]":
    """Do the same without AVX-512 VBMI, for tests on processors that have it."""
    return _collect(_kernel.candidates_any, data, discriminator)


def _collect(search: "_Search", data: BytesLike, discriminator: int) -> "NDArray[np.int64]":
    import numpy as np

    from desync_jobs.core.buzhash import TABLE

    size = memoryview(data).nbytes
    first = 0
    found = []
    while first <= size:
        # Twice what random bytes give, and what the kernel needs for one more block.
        room = 2 * (size - first) // max(discriminator, 1) + 2 * _kernel.BLOCK
        out = np.empty(room, np.int64)
        count, first = search(data, TABLE, discriminator, first, out)
        found.append(out[:count].copy())
    return found[0] if len(found) == 1 else np.concatenate(found)


def sha512_256(pieces: Sequence[BytesLike]) -> bytes:
    """Return the digests of `pieces` in their order, 32 bytes each.

    Longest first, so that the lanes end at about the same time; what would still be
    running alone at the end goes to hashlib. `BufferError` where a piece is not contiguous.
    """
    import numpy as np

    sizes = np.fromiter((memoryview(piece).nbytes for piece in pieces), np.int64, len(pieces))
    order = np.argsort(-sizes, kind="stable")
    alone = _alone(sizes[order])
    digests = np.empty((len(pieces), CHUNK_ID_SIZE), np.uint8)
    for position in order[:alone]:
        digest = hashlib.new("sha512_256", pieces[position]).digest()
        digests[position] = np.frombuffer(digest, np.uint8)
    for start in range(alone, len(pieces), _kernel.BATCH):
        batch = order[start : start + _kernel.BATCH]
        together = _kernel.sha512_256([pieces[position] for position in batch])
        digests[batch] = np.frombuffer(together, np.uint8).reshape(-1, CHUNK_ID_SIZE)
    return digests.tobytes()


def _alone(sizes: "NDArray[np.int64]") -> int:
    """Return how many of the longest pieces hashlib should take; `sizes` are descending.

    The lanes need the time of the longest piece in one of them, or that of all
    pieces over all lanes, whichever is more.
    """
    import numpy as np

    if not len(sizes) or sizes[0] * LANES <= sizes.sum():
        return 0
    taken = np.concatenate(([0], np.cumsum(sizes)))
    longest = np.append(sizes, 0)
    in_lanes = np.maximum(longest, (taken[-1] - taken) / LANES)
    return int(np.argmin(taken / _HASHLIB_SPEED + in_lanes))
