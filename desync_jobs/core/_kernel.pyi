from collections.abc import Sequence
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

_BytesLike: TypeAlias = bytes | bytearray | memoryview

BLOCK: Final[int]
"""Ends looked at together: the least room for `candidates`."""

BATCH: Final[int]
"""The most messages that `sha512_256` takes."""

LANES: Final[int]
"""Messages digested side by side; 0 where the processor has no AVX-512."""

VBMI: Final[int]
"""1 where `candidates` looks up 64 bytes at a time (AVX-512 VBMI), else 0."""

# Write the candidates from the end `first` on into `out`, ascending. Returns how many
# there are and the first end that was not looked at: `len(data) + 1` when all were, and
# less where `out` may have no room for what another block has.
def candidates(
    data: _BytesLike,
    table: NDArray[np.uint32],
    discriminator: int,
    first: int,
    out: NDArray[np.int64],
    /,
) -> tuple[int, int]: ...

# Do the same in the loops that serve every processor.
def candidates_any(
    data: _BytesLike,
    table: NDArray[np.uint32],
    discriminator: int,
    first: int,
    out: NDArray[np.int64],
    /,
) -> tuple[int, int]: ...

# Return the 32-byte digests of at most `BATCH` messages, one after the other.
# `NotImplementedError` where `LANES` is 0.
def sha512_256(messages: Sequence[_BytesLike], /) -> bytes: ...

# Return the 64-bit SipHash-2-4 of `data` under the key of the words `k0` and `k1`.
def siphash(data: _BytesLike, k0: int, k1: int, /) -> int: ...
