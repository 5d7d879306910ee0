from collections.abc import Iterator
from dataclasses import dataclass, field, fields, is_dataclass
from enum import Enum
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints

import numpy as np
import pytest
from pydantic import BaseModel

from desync_jobs.core.chunk import DigestAlgorithm
from desync_jobs.core.sizes import DEFAULT_SIZES
from desync_jobs.errors import SourceError
from desync_jobs.formats.index import Index, parse_index, serialize_index
from desync_jobs.manifest.operations import KINDS
from desync_jobs.planner.blob_range import RangeFacts
from desync_jobs.planner.decide import planner_of
from desync_jobs.planner.facts import VOLATILE
from desync_jobs.planner.fingerprint import fingerprint, fingerprints
from desync_jobs.planner.making_many import MakingManyFacts
from desync_jobs.planner.many import ManyFacts


class Kind(Enum):
    ONE = 1
    TWO = 2


@dataclass(frozen=True)
class Seen:
    name: str
    free: int = field(default=0, metadata=VOLATILE)


def index(*ends: int) -> Index:
    ids = np.arange(len(ends) * 32, dtype=np.uint8).reshape(-1, 32)
    flags = 0xB000000000000000
    assert DigestAlgorithm.SHA512_256 is Index(flags, DEFAULT_SIZES, np.array([]), ids).algorithm
    return Index(flags, DEFAULT_SIZES, np.array(ends, np.uint64), ids)


DIFFERENT = [
    None,
    0,
    False,
    "0",
    b"0",
    1.0,
    1,
    Kind.ONE,
    Kind.TWO,
    (),
    ((),),
    ("a", "b"),
    ("ab",),
    {"a": 1},
    {"a": "1"},
    frozenset({"a"}),
    np.zeros(2, np.int64),
    np.zeros(2, np.uint64),
    np.zeros((2, 1), np.int64),
    SourceError("gone"),
    Seen("a"),
    Seen("b"),
    index(5000),
    index(5000, 6000),
]


def test_different_values_have_different_fingerprints() -> None:
    assert len({fingerprint(value) for value in DIFFERENT}) == len(DIFFERENT)


@pytest.mark.parametrize("value", DIFFERENT, ids=lambda value: repr(value)[:20])
def test_a_value_always_has_the_same_fingerprint(value: object) -> None:
    assert fingerprint(value) == fingerprint(value)


def test_the_order_of_sets_and_mappings_does_not_matter() -> None:
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    assert fingerprint(frozenset({b"x", b"y", b"z"})) == fingerprint(frozenset({b"z", b"x", b"y"}))


def test_an_index_has_the_fingerprint_of_its_bytes_however_it_lies_in_memory() -> None:
    made = index(5000, 9000)

    assert fingerprint(parse_index(serialize_index(made), "x")) == fingerprint(made)


def test_what_changes_by_itself_is_left_out() -> None:
    assert fingerprint(Seen("a", 1)) == fingerprint(Seen("a", 2))
    assert fingerprints(Seen("a", 1)) == {"name": fingerprint("a")}


def test_a_value_that_is_not_known_is_a_defect() -> None:
    with pytest.raises(TypeError, match="no fingerprint of a object is defined"):
        fingerprint([object()])


def test_the_fingerprint_is_the_same_in_every_process() -> None:
    assert fingerprint(("a", 1, frozenset({"x"}))).startswith("4759254c64ca1bba9aa8bf398838c3c0")


LATER = {
    "ManyFacts": ManyFacts,
    "MakingManyFacts": MakingManyFacts,
    "RangeFacts": RangeFacts,
    "Index": Index,
}
"""Types that planners import when they meet them."""


def parts_of(hint: Any) -> list[Any]:
    """Return the types of what a value of the type `hint` is made of."""
    if get_origin(hint) is not None:
        return list(get_args(hint))
    if is_dataclass(hint):
        hints = get_type_hints(hint, localns=LATER)
        return [hints[one.name] for one in fields(hint) if not one.metadata.get("volatile")]
    return [*get_type_hints(hint).values()] if hasattr(hint, "_fields") else []


def unknown_types(hint: Any, seen: set[Any]) -> Iterator[str]:
    """Yield the types of values below `hint` that have no fingerprint."""
    hint = getattr(hint, "__supertype__", hint)
    if get_origin(hint) is np.ndarray or hint in seen:
        return
    seen.add(hint)
    parts = parts_of(hint)
    for part in parts:
        yield from unknown_types(part, seen)
    if not parts and hint is not Ellipsis and not issubclass(hint, KNOWN):
        yield hint.__name__


KNOWN = (NoneType, bool, int, float, str, bytes, Enum, BaseException, np.ndarray, Index, BaseModel)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_seen_for_an_operation_of_every_kind_has_a_fingerprint(kind: str) -> None:
    hints = get_type_hints(planner_of(kind), localns=LATER)
    del hints["return"]

    assert list(unknown_types([*hints.values()][-1], set())) == []
