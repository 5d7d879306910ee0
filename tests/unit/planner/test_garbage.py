import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desync_jobs.formats.marks import NO_MARKS, Marks, mark_keys, prefixes
from desync_jobs.planner.garbage import Garbage, Stock, sort_out

NOW = 1_000_000.0
DAY = 86_400.0


def chunk_id(number: int) -> bytes:
    return number.to_bytes(8, "big") + bytes(24)


def stock(*files: tuple[int, bool, float | None]) -> Stock:
    """Return chunk files by number, whether they are compressed, and how old they are."""
    ids = np.frombuffer(b"".join(chunk_id(number) for number, _, _ in files), np.uint8)
    ages = [np.nan if age is None else NOW - age for _, _, age in files]
    return Stock(
        ids.reshape(-1, 32),
        np.array([compressed for _, compressed, _ in files], np.bool_),
        np.full(len(files), 100),
        np.array(ages, np.float64),
    )


def needed(*numbers: int) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    return np.array(sorted(numbers), np.uint64)


def marks(**ages: float) -> Marks:
    """Return marks of compressed chunk files `c2`, `c4`, … by their ages."""
    keys = [int(name[1:]) | 1 for name in ages]
    return Marks(np.array(keys, np.uint64), NOW - np.array([*ages.values()], np.float64))


def gone(found: Garbage, files: Stock) -> list[int]:
    return [int(one) for one in prefixes(files.ids[found.deleted])]


def test_without_grace_everything_goes_that_nobody_needs() -> None:
    files = stock((2, True, 0), (4, True, 0), (4, False, 0), (6, False, 0))

    found = sort_out(files, needed(2), NO_MARKS, NOW, 0)

    assert gone(found, files) == [4, 4, 6]
    assert (len(found.marks.keys), found.needed) == (0, 1)


def test_with_grace_garbage_is_marked_first() -> None:
    files = stock((2, True, 9 * DAY), (4, True, 9 * DAY))

    found = sort_out(files, needed(2), NO_MARKS, NOW, DAY)

    assert gone(found, files) == []
    assert found.marks.keys.tolist() == [5]
    assert found.marks.since.tolist() == [NOW]


def test_what_was_marked_for_long_enough_goes() -> None:
    files = stock((2, True, 9 * DAY), (4, True, 9 * DAY), (6, True, 9 * DAY))

    found = sort_out(files, needed(2), marks(c4=DAY, c6=DAY - 1), NOW, DAY)

    assert gone(found, files) == [4]
    assert found.marks.keys.tolist() == [7]
    assert found.marks.since.tolist() == [NOW - DAY + 1]


def test_what_is_needed_again_is_not_marked_any_more() -> None:
    files = stock((4, True, 9 * DAY))

    found = sort_out(files, needed(4), marks(c4=5 * DAY), NOW, DAY)

    assert gone(found, files) == []
    assert len(found.marks.keys) == 0


def test_what_was_written_since_it_was_marked_is_as_good_as_new() -> None:
    files = stock((4, True, 10.0))

    found = sort_out(files, needed(2), marks(c4=5 * DAY), NOW, DAY)

    assert gone(found, files) == []
    assert found.marks.since.tolist() == [NOW]


def test_where_nobody_tells_when_a_file_was_written_its_mark_decides() -> None:
    files = stock((4, True, None))

    assert gone(sort_out(files, needed(2), marks(c4=2 * DAY), NOW, DAY), files) == [4]
    assert gone(sort_out(files, needed(2), NO_MARKS, NOW, DAY), files) == []


def test_the_forms_of_a_chunk_are_marked_apart() -> None:
    files = stock((4, False, 9 * DAY), (4, True, 9 * DAY))

    found = sort_out(files, needed(2), marks(c4=2 * DAY), NOW, DAY)

    assert files.compressed[found.deleted].tolist() == [True]
    assert found.marks.keys.tolist() == [4]


def test_a_clock_that_was_set_back_makes_nothing_older() -> None:
    files = stock((4, True, -5 * DAY))

    found = sort_out(files, needed(2), marks(c4=-3 * DAY), NOW, DAY)

    assert gone(found, files) == []


@pytest.mark.parametrize("grace", [0.0, DAY])
def test_an_empty_store_has_no_garbage(grace: float) -> None:
    empty = Stock(np.empty((0, 32), np.uint8), *(np.empty(0, kind) for kind in ("?", "i8", "f8")))

    found = sort_out(empty, needed(2), marks(c4=2 * DAY), NOW, grace)

    assert (len(found.deleted), len(found.marks.keys), found.needed) == (0, 0, 0)


@given(
    files=st.lists(
        st.tuples(st.integers(1, 20), st.booleans(), st.floats(0, 10 * DAY)),
        unique_by=lambda one: one[:2],
    ),
    wanted=st.sets(st.integers(1, 20)),
    marked=st.dictionaries(st.integers(1, 20), st.floats(0, 10 * DAY)),
    grace=st.floats(0, 5 * DAY),
)
def test_nothing_needed_ever_goes_and_everything_else_goes_in_the_end(
    files: list[tuple[int, bool, float]],
    wanted: set[int],
    marked: dict[int, float],
    grace: float,
) -> None:
    files = sorted(files)
    there = stock(*files)
    kept = needed(*wanted)
    before = Marks(
        np.array(sorted(one | 1 for one in marked), np.uint64)[: len({m | 1 for m in marked})],
        NOW - np.array([marked[one] for one in sorted(marked)], np.float64),
    )
    keys = np.unique(before.keys)
    before = Marks(keys, before.since[: len(keys)])

    first = sort_out(there, kept, before, NOW, grace)
    assert not set(gone(first, there)) & wanted
    left = ~first.deleted
    later = NOW + grace + 1
    rest = Stock(there.ids[left], there.compressed[left], there.sizes[left], there.modified[left])
    second = sort_out(rest, kept, first.marks, later, grace)
    survivors = prefixes(rest.ids[~second.deleted])

    assert set(survivors.tolist()) <= wanted | {
        int(key) for key in mark_keys(rest.ids, rest.compressed) & ~np.uint64(1) if key in wanted
    }
