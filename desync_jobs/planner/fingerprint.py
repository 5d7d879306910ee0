"""A digest of any value of the planner: two that are equal have the same, in any process.

What is seen of the world says also what may differ from one look to the next though nothing was
changed: free room, the number of a device. Such fields are `VOLATILE`, and left out.
"""

import hashlib
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any, TypeAlias

import numpy as np
from pydantic import BaseModel

from desync_jobs.formats.index import Index, index_pieces

Feed: TypeAlias = Callable[[bytes], None]


def fingerprint(value: object) -> str:
    """Return the SHA-256 of `value`, in hex; `TypeError` for what it does not know."""
    digest = hashlib.sha256()
    _feed(digest.update, value)
    return digest.hexdigest()


def fingerprints(value: Any) -> dict[str, str]:
    """Return the fingerprint of each field of a dataclass's instance that is not volatile."""
    return {name: fingerprint(getattr(value, name)) for name in _lasting(value)}


def _feed(feed: Feed, value: object) -> None:
    """Feed bytes that no other value has."""
    match value:
        case None | bool() | int() | float() | str():
            _put(feed, type(value).__name__, repr(value).encode())
        case bytes():
            _put(feed, "bytes", value)
        case Enum():
            _put(feed, type(value).__name__, value.name.encode())
        case BaseException():
            _put(feed, type(value).__name__, str(value).encode())
        case np.ndarray():
            _put(feed, f"array {value.dtype.str} {value.shape}", value.tobytes())
        case Index():
            _put(feed, "index", b"".join(index_pieces(value)))
        case _:
            _feed_several(feed, value)


def _feed_several(feed: Feed, value: object) -> None:
    several: Sequence[object]
    match value:
        case BaseModel():
            several = [value.model_dump(mode="json")]
        case Mapping():
            several = [one for pair in sorted(value.items()) for one in pair]
        case tuple() | list():
            several = value
        case set() | frozenset():
            several = sorted(map(fingerprint, value))
        case _ if is_dataclass(value):
            several = [getattr(value, name) for name in _lasting(value)]
        case _:
            raise TypeError(f"no fingerprint of a {type(value).__name__} is defined")
    _put(feed, type(value).__name__, struct.pack("<Q", len(several)))
    for one in several:
        _feed(feed, one)


def _lasting(value: Any) -> list[str]:
    return [one.name for one in fields(value) if not one.metadata.get("volatile")]


def _put(feed: Feed, kind: str, data: bytes) -> None:
    feed(f"{kind}:{len(data)}:".encode())
    feed(data)
