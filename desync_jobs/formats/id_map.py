"""Which ID a chunk had and which it has: the file that stays when a store changes its digest.

The first line is `# desync-run ids 1 ` and the SHA-256 of all that follows, in hex. Each further
line is the old ID, a space and the new one, in hex, in ascending order of the old ones.
"""

import hashlib
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from desync_jobs.core.chunk import CHUNK_ID_SIZE, ChunkID
from desync_jobs.errors import InvalidDataError

_MAGIC: Final = b"# desync-run ids 1 "
_BEGINNING: Final = len(_MAGIC) + 65
_LINE: Final = 4 * CHUNK_ID_SIZE + 2
SIZE_LIMIT: Final = _BEGINNING + _LINE * 100_000_000
"""Bytes of a map that are read: a hundred million chunks."""


class IDMap:
    """Pairs of IDs; never changed."""

    def __init__(self, old: NDArray[np.uint8], new: NDArray[np.uint8]) -> None:
        """Take pairs in any order, both of shape (n, 32); of the same old ID the last counts."""
        keys = _keys(old)[::-1]
        self._keys, places = np.unique(keys, return_index=True)
        self._new = new[::-1][places]

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def old(self) -> NDArray[np.uint8]:
        """The old IDs in ascending order; shape (n, 32)."""
        return np.frombuffer(self._keys.tobytes(), np.uint8).reshape(-1, CHUNK_ID_SIZE)

    @property
    def new(self) -> NDArray[np.uint8]:
        """The new ID of each; shape (n, 32)."""
        return self._new

    def look_up(self, ids: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """Return the new ID of each of `ids`, shape (n, 32), and whether it is known."""
        found = np.zeros((len(ids), CHUNK_ID_SIZE), np.uint8)
        if not len(self._keys):
            return found, np.zeros(len(ids), np.bool_)
        keys = _keys(ids)
        places = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        known = self._keys[places] == keys
        found[known] = self._new[places[known]]
        return found, known

    def with_pairs(self, pairs: Sequence[tuple[ChunkID, ChunkID]]) -> "IDMap":
        """Return a map that has `pairs`, of old and new IDs, too."""
        old = np.frombuffer(b"".join(one for one, _ in pairs), np.uint8)
        new = np.frombuffer(b"".join(one for _, one in pairs), np.uint8)
        return IDMap(
            np.concatenate([self.old, old.reshape(-1, CHUNK_ID_SIZE)]),
            np.concatenate([self.new, new.reshape(-1, CHUNK_ID_SIZE)]),
        )


def no_ids() -> IDMap:
    """Return a map without pairs."""
    nothing = np.empty((0, CHUNK_ID_SIZE), np.uint8)
    return IDMap(nothing, nothing)


def id_map_bytes(pairs: IDMap) -> bytes:
    """Return the content of the file."""
    body = b"".join(
        b"%s %s\n" % (old.tobytes().hex().encode(), new.tobytes().hex().encode())
        for old, new in zip(pairs.old, pairs.new, strict=True)
    )
    return b"%s%s\n%s" % (_MAGIC, hashlib.sha256(body).hexdigest().encode(), body)


def parse_id_map(data: bytes, where: str) -> IDMap:
    """Read a map; `InvalidDataError` for what is none, or is damaged."""
    body = data[_BEGINNING:]
    seal = data[len(_MAGIC) : _BEGINNING - 1].decode("ascii", "replace")
    if not data.startswith(_MAGIC) or hashlib.sha256(body).hexdigest() != seal or len(body) % _LINE:
        raise InvalidDataError(
            f"{where}: damaged, or no map of IDs of this program; remove it, and it is made anew"
        )
    try:
        both = bytes.fromhex(body.decode("ascii"))
    except ValueError as error:
        raise InvalidDataError(f"{where}: is no map of IDs: {error}") from error
    table = np.frombuffer(both, np.uint8).reshape(-1, 2 * CHUNK_ID_SIZE)
    return IDMap(table[:, :CHUNK_ID_SIZE], table[:, CHUNK_ID_SIZE:])


def _keys(ids: NDArray[np.uint8]) -> NDArray[np.bytes_]:
    """Return IDs as strings of 32 bytes, which compare as the IDs do."""
    return np.ascontiguousarray(ids).view(f"S{CHUNK_ID_SIZE}").reshape(-1)
