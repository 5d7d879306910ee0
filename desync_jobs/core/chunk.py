"""Chunk IDs and the two digests that make them.

A chunk ID is the 32-byte digest of a chunk's plain bytes, shown as 64 lower-case
hex digits. Which digest is a property of the index (feature flag
`0x2000000000000000`), never of the program.
"""

import hashlib
import re
from enum import Enum
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from hashlib import _Hash

BytesLike: TypeAlias = bytes | bytearray | memoryview
"""Contiguous bytes that are only read."""

ChunkID: TypeAlias = bytes
"""32 bytes."""

CHUNK_ID_SIZE: Final = 32
CHUNK_SIZE_LIMIT: Final = 128 << 20
"""No chunk, plain or stored, may be larger (casync's limit)."""

_HEX = re.compile(r"[0-9a-f]{64}")


class DigestAlgorithm(Enum):
    """How chunk IDs are made; the value is its name in manifests and options."""

    SHA512_256 = "sha512-256"
    SHA256 = "sha256"

    def new(self) -> "_Hash":
        """Start a digest over several pieces."""
        return hashlib.new("sha512_256" if self is DigestAlgorithm.SHA512_256 else "sha256")

    def of(self, data: BytesLike) -> bytes:
        """Return the 32-byte digest of `data`."""
        digest = self.new()
        digest.update(data)
        return digest.digest()


def parse_chunk_id(text: str) -> ChunkID:
    """Return the ID written as 64 lower-case hex digits; `ValueError` for anything else."""
    if not _HEX.fullmatch(text):
        raise ValueError(f"{text!r} is not a chunk ID (64 lower-case hex digits)")
    return bytes.fromhex(text)
