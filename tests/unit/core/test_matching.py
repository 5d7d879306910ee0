import random
import time
import tracemalloc
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desync_jobs.core import narrowing
from desync_jobs.core.matching import Blocks, Offer, Run, match_runs

CHUNKS = st.lists(st.integers(0, 5), max_size=40)


def matched(
    index: list[int], seeds: list[list[int]], wanted: list[bool] | None = None
) -> list[Run]:
    flags = np.ones(len(index), np.bool_) if wanted is None else np.array(wanted, np.bool_)
    found = match_runs(
        np.array(index, np.int64), flags, Offer([np.array(seed, np.int64) for seed in seeds])
    )
    return list(found)


def test_an_equal_seed_is_one_run() -> None:
    assert matched([1, 2, 3, 4], [[1, 2, 3, 4]]) == [Run(0, 4, 0, 0)]


def test_an_insertion_splits_the_run_and_keeps_both_sides() -> None:
    assert matched([1, 2, 9, 3, 4], [[1, 2, 3, 4]]) == [Run(0, 2, 0, 0), Run(3, 5, 0, 2)]


def test_a_repeated_chunk_follows_its_neighbours() -> None:
    seed = [7, 1, 7, 2, 7, 3]

    assert matched([1, 7, 2, 7, 3], [seed]) == [Run(0, 5, 0, 1)]
    assert matched([7, 2, 7], [seed]) == [Run(0, 3, 0, 2)]


def test_runs_do_not_cross_from_one_seed_to_the_next() -> None:
    assert matched([1, 2, 3, 4], [[1, 2], [3, 4]]) == [Run(0, 2, 0, 0), Run(2, 4, 1, 0)]


def test_of_equal_places_the_earlier_seed_is_taken() -> None:
    assert matched([1, 2], [[1, 2], [1, 2]]) == [Run(0, 2, 0, 0)]


def sharing(index: list[int], seeds: list[list[int]], blocks: list[list[int]]) -> list[Run]:
    """Match where the chunks of the index begin at byte 10 of their blocks."""
    columns = [np.array(column, np.int64) for column in [index, *seeds, *blocks]]
    numbers, offered = columns[0], columns[1 : len(seeds) + 1]
    found = Blocks(np.full(len(index), 10), columns[len(seeds) + 1 :])
    return list(match_runs(numbers, np.ones(len(index), np.bool_), Offer(offered, found)))


def test_of_equally_long_runs_the_one_that_can_share_blocks_is_taken() -> None:
    seeds = [[1, 2], [1, 2], [9, 1, 2], [1, 2]]

    assert sharing([1, 2], seeds, [[-1, -1], [11, 12], [3, 10, 4], [10, 5]]) == [Run(0, 2, 2, 1)]
    assert sharing([1, 2], seeds, [[-1, -1], [11, 12], [3, 11, 4], [9, 5]]) == [Run(0, 2, 0, 0)]


def test_a_longer_run_is_taken_before_one_that_can_share_blocks() -> None:
    seeds = [[1, 2], [1, 2, 3]]

    assert sharing([1, 2, 3], seeds, [[10, 10], [-1, -1, -1]]) == [Run(0, 3, 1, 0)]


def test_the_longest_of_several_places_is_taken() -> None:
    assert matched([5, 5, 5, 5], [[5], [5, 5, 5, 5, 5], [5, 5]]) == [Run(0, 4, 1, 0)]


def test_unwanted_positions_are_left_out_and_split_runs() -> None:
    assert matched([1, 2, 3], [[1, 2, 3]], [True, False, True]) == [
        Run(0, 1, 0, 0),
        Run(2, 3, 0, 2),
    ]


@pytest.mark.parametrize(
    ("index", "seeds"), [([], [[1]]), ([1], []), ([1], [[]]), ([1], [[2]]), ([], [])]
)
def test_nothing_in_common_gives_no_runs(index: list[int], seeds: list[list[int]]) -> None:
    assert matched(index, seeds) == []


@given(CHUNKS, st.lists(CHUNKS, max_size=3), st.randoms())
def test_every_wanted_position_a_seed_has_is_covered_once_by_an_equal_chunk(
    index: list[int], seeds: list[list[int]], chooser: random.Random
) -> None:
    wanted = [chooser.random() < 0.8 for _ in index]
    runs = matched(index, seeds, wanted)
    covered = [position for run in runs for position in range(run.first, run.last)]
    held = {chunk for seed in seeds for chunk in seed}

    assert covered == [
        position for position, flag in enumerate(wanted) if flag and index[position] in held
    ]
    for run in runs:
        length = run.last - run.first
        assert seeds[run.seed][run.at : run.at + length] == index[run.first : run.last]


@given(st.permutations(range(30)), st.lists(st.integers(0, 40), max_size=60))
def test_where_no_seed_repeats_a_chunk_the_runs_are_as_long_as_can_be(
    seed: list[int], index: list[int]
) -> None:
    runs = matched(index, [seed])

    for left, right in pairwise(runs):
        if left.last == right.first:
            assert left.at + left.last - left.first != right.at


@pytest.mark.parametrize("repeats", [1, 2, 1000, 1_000_000])
def test_a_million_equal_chunks_take_less_than_a_second(repeats: int) -> None:
    index = np.zeros(1_000_000, np.int64)
    seed = np.zeros(repeats, np.int64)

    began = time.monotonic()
    runs = match_runs(index, np.ones(len(index), np.bool_), Offer([seed]))

    assert len(runs) == 1_000_000 // repeats
    assert time.monotonic() - began < 5  # below one second where nothing else runs
    assert list(runs)[-1] == Run(1_000_000 - repeats, 1_000_000, 0, 0)


def test_a_pattern_that_repeats_for_ever_is_bounded_too() -> None:
    index = np.tile(np.array([1, 2, 1, 3]), 250_000)

    began = time.monotonic()
    runs = match_runs(index, np.ones(len(index), np.bool_), Offer([np.array([1, 3, 9, 1, 2])]))

    assert int((runs.last - runs.first).sum()) == len(index)
    assert time.monotonic() - began < 20


@given(CHUNKS, st.lists(CHUNKS, max_size=3), st.randoms())
def test_leaving_out_what_nobody_looks_for_changes_nothing(
    index: list[int], seeds: list[list[int]], chooser: random.Random
) -> None:
    wanted = np.array([chooser.random() < 0.3 for _ in index], np.bool_)
    offset = [np.array([chooser.choice([0, 512]) for _ in one]) for one in (index, *seeds)]
    chunks = [np.array(one, np.int64) for one in (index, *seeds)]
    offer = Offer(chunks[1:], Blocks(offset[0], offset[1:]))
    found = []
    for worth in (0, 1 << 40):  # always narrowed, and never where anything is wanted
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(narrowing, "_WORTH", worth)
            found.append(list(match_runs(chunks[0], wanted, offer)))

    assert found[0] == found[1]


def test_few_wanted_chunks_among_millions_are_matched_in_little_memory() -> None:
    index = np.zeros(1_000_000, np.int32)
    index[::1000] = np.arange(1, 1001)
    tracemalloc.start()

    runs = match_runs(index, index > 0, Offer([index]))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(runs) == 1000
    assert runs.first.tolist() == runs.at.tolist() == list(range(0, 1_000_000, 1000))
    assert peak < 8 << 20
