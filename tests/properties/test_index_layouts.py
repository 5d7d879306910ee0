"""An index answers alike however it lies in memory, and however it was read."""

import random
import re
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desync_jobs.core.sizes import ChunkSizes
from desync_jobs.errors import InvalidDataError
from desync_jobs.formats import index_building, index_reading
from desync_jobs.formats.index import Index, parse_index, serialize_index
from desync_jobs.formats.index_building import IndexBuilder
from desync_jobs.formats.index_layout import (
    BEGINNING,
    index_header,
    index_rows,
    index_tail,
    parse_header,
)
from desync_jobs.formats.index_reading import Fill, check_index_blocks, read_index_blocks
from desync_jobs.formats.rows import PlainRows, RepeatedRows
from desync_jobs.formats.unique import unique_chunks

FLAGS = 0xB000000000000000
SIZES = ChunkSizes(1, 2, 100)
LIMIT = 1 << 20

RUNS = st.lists(
    st.tuples(st.integers(1, 5), st.sampled_from([1, 7, 100]), st.integers(0, 3)), max_size=12
)
"""How often a chunk stands there, its length, and which it is."""


def plain(runs: list[tuple[int, int, int]]) -> Index:
    lengths = [length for count, length, _ in runs for _ in range(count)]
    # Equal at first, and different late: no part of an ID may be left out of comparisons.
    ids = [bytes(31) + bytes([kind]) for count, _, kind in runs for _ in range(count)]
    table = np.frombuffer(b"".join(ids), np.uint8).reshape(len(ids), 32)
    return Index(FLAGS, SIZES, np.cumsum(lengths, dtype=np.uint64), table)


def built(index: Index, few: int, share: int, parts: list[int]) -> Index:
    """Return `index` built of `parts`, with these limits for what is kept once."""
    edges = sorted({0, len(index), *(part % (len(index) + 1) for part in parts)})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index_building, "_FEW_RUNS", few)
        patch.setattr(index_building, "_SHARE", share)
        builder = IndexBuilder(index.flags, index.sizes)
        for first, last in pairwise(edges):
            ids = [index.id(position) for position in range(first, last)]
            builder.add(index.ends[first:last].tolist(), ids)
        return builder.index()


def answers(index: Index, first: int, last: int, positions: list[int]) -> list[object]:
    at = np.array(positions, np.int64)
    return [
        len(index),
        index.blob_size,
        index.largest,
        [(index.start(p), index.end(p), index.length(p), index.id(p)) for p in positions],
        *(
            array.tolist()
            for array in (
                index.ends,
                index.ids,
                index.starts(),
                index.lengths(),
                index.ends_between(first, last),
                index.ids_between(first, last),
                index.lengths_between(first, last),
                index.lengths_at(at),
                index.starts_at(at),
                index.ends_at(at),
                index.ids_at(at),
                index.distinct(),
                index.distinct(first, last),
            )
        ),
        [index.ended_by(offset) for offset in range(index.blob_size + 2)],
        serialize_index(index),
    ]


@given(RUNS, st.integers(0, 20), st.integers(1, 4), st.lists(st.integers(0, 60)), st.randoms())
def test_every_layout_gives_the_same_answers(
    runs: list[tuple[int, int, int]], few: int, share: int, parts: list[int], chooser: random.Random
) -> None:
    index = plain(runs)
    other = built(index, few, share, parts)
    first, last = sorted(chooser.randint(0, len(index)) for _ in range(2))
    positions = [chooser.randrange(len(index)) for _ in range(9 if len(index) else 0)]
    told = answers(other, first, last, positions)

    assert told == answers(index, first, last, positions)


@given(RUNS)
def test_runs_stand_for_their_positions(runs: list[tuple[int, int, int]]) -> None:
    index = plain(runs)
    rows = built(index, 1000, 1, []).rows
    _, group = unique_chunks(index.ids)
    _, run_group = unique_chunks(rows.run_ids)

    assert isinstance(rows, RepeatedRows)
    assert rows.spread(run_group).tolist() == group.tolist()
    assert rows.spread(rows.run_lengths()).tolist() == index.lengths().tolist()
    assert index.rows.run_lengths().tolist() == index.lengths().tolist()
    assert len(rows.run_ids) <= len(runs)


@pytest.mark.parametrize(("different", "kind"), [(False, RepeatedRows), (True, PlainRows)])
def test_rows_are_kept_once_only_where_they_repeat(different: bool, kind: type) -> None:
    count = 200_000
    ids = np.zeros((count, 32), np.uint8)
    if different:
        ids[:, 28:] = np.arange(count, dtype="<u4").view(np.uint8).reshape(count, 4)
    ends = np.arange(1, count + 1, dtype=np.uint64)
    data = index_header(FLAGS, SIZES) + index_rows(ends, ids) + index_tail(count)
    index = read(data)

    assert isinstance(index.rows, kind)
    assert serialize_index(index) == data


def filling(data: bytes) -> Fill:
    rest = memoryview(data)

    def fill(view: memoryview) -> int:
        nonlocal rest
        count = min(len(view), len(rest))
        view[:count] = rest[:count]
        rest = rest[count:]
        return count

    return fill


def read(data: bytes) -> Index:
    return read_index_blocks(filling(data), "x", len(data), LIMIT * 40)


def outcome_in_blocks(data: bytes) -> object:
    try:
        check_index_blocks(filling(data), "x", LIMIT * 40)
    except InvalidDataError as error:
        with pytest.raises(InvalidDataError, match=f"^{re.escape(str(error))}$"):
            read(data)
        return str(error)
    return serialize_index(read(data))


def outcome_at_once(data: bytes) -> object:
    try:
        if len(data) >= BEGINNING:
            parse_header(data, "x")
        return serialize_index(parse_index(data, "x"))
    except InvalidDataError as error:
        return str(error)


@given(
    RUNS,
    st.integers(2, 9),
    st.lists(st.tuples(st.integers(0, 2000), st.sampled_from([0, 1, 0x4B, 0xFF])), max_size=2),
    st.integers(-80, 80),
)
def test_a_file_is_judged_in_blocks_as_it_is_at_once(
    runs: list[tuple[int, int, int]], block: int, damage: list[tuple[int, int]], more: int
) -> None:
    data = bytearray(serialize_index(plain(runs)))
    for at, value in damage:
        data[at % len(data)] = value
    data = data + bytes(more) if more > 0 else data[: len(data) + more]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index_reading, "_BLOCK", block)
        found = outcome_in_blocks(bytes(data))

    assert found == outcome_at_once(bytes(data))


def test_more_than_the_limit_is_refused_before_it_is_kept() -> None:
    filled = 0

    def endless(view: memoryview) -> int:
        nonlocal filled
        filled += len(view)
        view[:64] = index_header(FLAGS, SIZES)
        return len(view)

    with pytest.raises(InvalidDataError, match="x: is larger than 5000000 bytes"):
        read_index_blocks(endless, "x", 0, 5_000_000)

    assert filled < 8_000_000
