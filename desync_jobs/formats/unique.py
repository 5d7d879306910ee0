"""Questions about many chunk IDs at once: which are the same, how they are written.

Ten million IDs are sorted as 64-bit numbers: the highest bits of the ID, with
the position in the lowest, which NumPy sorts several times faster than it finds
an order. Different IDs with the same highest bits, whether by chance or on
purpose, are found and told apart by all their 32 bytes.
"""

from binascii import hexlify
from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from desync_jobs.core.chunk import CHUNK_ID_SIZE
from desync_jobs.core.matching import Numbers

_BLOCK: Final = 1 << 16
"""IDs handled at a time, so that temporary arrays stay small."""
_MOST_SMALL: Final = 1 << 31
"""So many chunks have numbers of 32 bits."""


def distinct_chunks(ids: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return the position where each different ID first occurs, ascending; `ids` is (n, 32)."""
    order, starts = _sorted_runs(ids)
    return _first(order[starts], len(ids))


def _first(firsts: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    mask = np.zeros(count, np.bool_)
    mask[firsts] = True
    return np.flatnonzero(mask)


def unique_chunks(ids: NDArray[np.uint8]) -> tuple[NDArray[np.int64], Numbers]:
    """Group equal IDs; `ids` has shape (n, 32).

    Returns `first`, the position where each different ID first occurs, ascending; and
    `group`, of shape (n,), which maps each position to its number in `first`, so that
    `ids[first[group[i]]]` equals `ids[i]`.
    """
    order, starts = _sorted_runs(ids)
    firsts = order[starts]  # runs are ascending inside, so the first is the earliest
    first = _first(firsts, len(ids))
    group: Numbers = np.empty(len(ids), np.int32 if len(ids) <= _MOST_SMALL else np.int64)
    group[first] = np.arange(len(first))
    numbers = group[firsts]
    run = -1
    for at in range(0, len(ids), _BLOCK):
        runs = np.cumsum(starts[at : at + _BLOCK]) + run
        group[order[at : at + _BLOCK]] = numbers[runs]
        run = int(runs[-1])
    return first, group


def id_keys(ids: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Return the first eight bytes of each ID: by chance, or on purpose, different IDs share them.

    `ids` has shape (n, 32).
    """
    keys: NDArray[np.uint64] = ids[:, :8].copy().view(np.uint64)[:, 0]
    return keys


def hex_lines(ids: NDArray[np.uint8]) -> Iterator[bytes]:
    """Yield the IDs as lines of 64 hex digits, some thousand lines at a time."""
    for at in range(0, len(ids), _BLOCK):
        yield hexlify(ids[at : at + _BLOCK].tobytes(), b"\n", CHUNK_ID_SIZE) + b"\n"


def _sorted_runs(ids: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return positions with equal IDs side by side, ascending, and where each run starts."""
    # Big-endian, so that the highest bits are the ID's first; the cast back makes it native.
    keys = _words(ids)[:, 0].astype(np.uint64)
    position_bits = max(len(ids) - 1, 1).bit_length()
    low = np.uint64((1 << position_bits) - 1)
    keys &= ~low
    keys |= np.arange(len(ids), dtype=np.uint64)
    keys.sort()
    starts = np.ones(len(ids), np.bool_)
    for at in range(1, len(ids), _BLOCK):
        block = keys[at - 1 : at + _BLOCK] & ~low
        starts[at : at + _BLOCK] = block[1:] != block[:-1]
    keys &= low
    order = keys.view(np.int64)
    _split_collisions(ids, order, starts)
    return order, starts


def _split_collisions(
    ids: NDArray[np.uint8], order: NDArray[np.int64], starts: NDArray[np.bool_]
) -> None:
    """Sort out, in place, the runs that hold more than one ID."""
    mixed = _mixed_runs(ids, order, starts)
    if not len(mixed):
        return
    edges = np.append(np.flatnonzero(starts), len(starts))
    is_mixed = np.zeros(len(edges) - 1, np.bool_)
    is_mixed[np.searchsorted(edges, mixed, side="right") - 1] = True
    slots = np.flatnonzero(np.repeat(is_mixed, np.diff(edges)))
    rows = order[slots]
    words = np.ascontiguousarray(ids[rows]).view(np.uint64)
    # A stable sort, first by the bits that made the runs: they stay where they are,
    # and equal IDs stay in the order of their positions.
    by_id = np.lexsort((words[:, 3], words[:, 2], words[:, 1], _words(ids[rows])[:, 0]))
    order[slots] = rows[by_id]
    words = words[by_id]
    starts[slots[1:]] = (words[1:] != words[:-1]).any(axis=1)


def _mixed_runs(
    ids: NDArray[np.uint8], order: NDArray[np.int64], starts: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Return places in `order` whose ID differs from the one before it in the same run."""
    found = [np.empty(0, np.int64)]
    for at in range(0, len(order), _BLOCK):
        inside = np.flatnonzero(~starts[at : at + _BLOCK]) + at
        here, before = ids[order[inside]], ids[order[inside - 1]]
        found.append(inside[(here != before).any(axis=1)])
    return np.concatenate(found)


def _words(ids: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """View IDs as four big-endian numbers each; shape (n, 4)."""
    return ids.view(np.dtype(">u8"))
