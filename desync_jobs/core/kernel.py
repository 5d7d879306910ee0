"""The two hot loops, whichever way this machine runs them best.

`native` and `portable` give the same answers to the byte; only their speed differs.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from desync_jobs.core.chunk import BytesLike

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Kernel:
    """Cut candidates and SHA-512/256. Both are safe to call from many threads at a time."""

    name: str
    """`native` or `portable`."""
    candidates: "Callable[[BytesLike, int], NDArray[np.int64]]"
    """`(data, discriminator)`: the ends in 48..len(data) whose hash ends a chunk, ascending."""
    sha512_256: Callable[[Sequence[BytesLike]], bytes]
    """`(pieces)`: 32 bytes for each piece."""
    detail: str
    """What runs them, for people: `boundaries: ...; digests: ...`."""


def native() -> Kernel | None:
    """Return the compiled kernel, or None where the extension was not built.

    Where the processor has no AVX-512, its digests are those of hashlib, which is faster there.
    """
    try:
        from desync_jobs.core import native as compiled
    except ImportError:
        return None
    boundaries = "compiled, AVX-512 VBMI" if compiled.VBMI else "compiled"
    if not compiled.LANES:
        return Kernel(
            "native", compiled.candidates, _hashlib, f"boundaries: {boundaries}; digests: hashlib"
        )
    return Kernel(
        "native",
        compiled.candidates,
        compiled.sha512_256,
        f"boundaries: {boundaries}; digests: AVX-512, {compiled.LANES} at a time",
    )


def portable() -> Kernel:
    """Return the kernel that needs no compiler."""
    from desync_jobs.core import buzhash

    return Kernel("portable", buzhash.candidates, _hashlib, "boundaries: NumPy; digests: hashlib")


def best() -> Kernel:
    """Return the native kernel where there is one, else the portable one."""
    return native() or portable()


def _hashlib(pieces: Sequence[BytesLike]) -> bytes:
    return b"".join(hashlib.new("sha512_256", piece).digest() for piece in pieces)
