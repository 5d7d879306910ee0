import random
import time

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from desync_jobs.core.matching import Offer, Run
from desync_jobs.core.prices import PRICES, Price, Source
from desync_jobs.core.segments import Assembly, assign


def arranged(numbers: list[int], zeros: set[int], right: list[bool]) -> Assembly:
    """Assign for an index whose position p holds the distinct chunk `numbers[p]`."""
    order = list(dict.fromkeys(numbers))
    first = np.array([numbers.index(one) for one in order], np.int64)
    group = np.array([order.index(one) for one in numbers], np.int64)
    zero_groups = np.array(sorted(order.index(one) for one in zeros & set(numbers)), np.int64)
    return assign(first, group, zero_groups, np.array(right, np.bool_))


def listed(assembly: Assembly) -> dict[str, object]:
    return {
        "fetched": {
            int(source): assembly.fetched.places_of(number)
            for number, source in enumerate(assembly.fetched.sources)
        },
        "copied": {
            int(source): assembly.copied.places_of(number)
            for number, source in enumerate(assembly.copied.sources)
        },
        "zeros": assembly.zeros.positions().tolist(),
    }


def test_each_distinct_chunk_is_fetched_once_and_goes_to_all_its_places() -> None:
    assembly = arranged([7, 8, 7, 9, 7], set(), [False] * 5)

    assert listed(assembly) == {
        "fetched": {0: [0, 2, 4], 1: [1], 3: [3]},
        "copied": {},
        "zeros": [],
    }


def test_zero_chunks_are_fetched_from_nowhere() -> None:
    assembly = arranged([0, 5, 0], {0}, [False] * 3)

    assert listed(assembly) == {"fetched": {1: [1]}, "copied": {}, "zeros": [0, 2]}


def test_right_positions_are_left_alone_and_serve_the_wrong_ones() -> None:
    assembly = arranged([5, 5, 6, 5], set(), [False, True, True, False])

    assert listed(assembly) == {"fetched": {}, "copied": {1: [0, 3]}, "zeros": []}


def test_the_price_decides_between_a_seed_and_the_target_itself() -> None:
    """The chunk is in a seed, and right at another place of the target."""
    group, zeros = np.array([0, 0]), np.empty(0, np.int64)
    columns = (np.array([0]), group, zeros, np.array([True, False]), Offer([np.array([0])]))
    usual = assign(*columns)
    dear = assign(*columns, prices={**PRICES, Source.SEED: Price(0, 100)})

    assert (list(usual.seeded), listed(usual)["copied"]) == ([Run(1, 2, 0, 0)], {})
    assert (list(dear.seeded), listed(dear)["copied"]) == ([], {0: [1]})
    assert listed(usual)["fetched"] == listed(dear)["fetched"] == {}


def test_a_seed_that_is_cheaper_than_holes_serves_zeros_too() -> None:
    columns = (np.array([0]), np.array([0]), np.array([0]), np.array([False]))
    offer = Offer([np.array([0])])
    usual = assign(*columns, offer)
    odd = assign(*columns, offer, prices={**PRICES, Source.ZEROS: Price(1 << 30, 0)})

    assert (usual.zeros.positions().tolist(), list(usual.seeded)) == ([0], [])
    assert (odd.zeros.positions().tolist(), list(odd.seeded)) == ([], [Run(0, 1, 0, 0)])


def test_nothing_is_written_where_everything_is_right() -> None:
    assembly = arranged([5, 0, 6], {0}, [True] * 3)

    assert not assembly.writes


def test_an_empty_index_needs_nothing() -> None:
    assert not arranged([], set(), []).writes


@given(
    st.lists(st.tuples(st.integers(0, 6), st.booleans()), max_size=60), st.sets(st.integers(0, 6))
)
def test_every_wrong_position_is_written_exactly_once_from_an_equal_one(
    positions: list[tuple[int, bool]], zeros: set[int]
) -> None:
    numbers = [number for number, _ in positions]
    right = [flag for _, flag in positions]

    assembly = arranged(numbers, zeros, right)

    written = assembly.zeros.positions().tolist()
    for segments in (assembly.fetched, assembly.copied):
        for number, source in enumerate(segments.sources.tolist()):
            places = segments.places_of(number)
            assert {numbers[place] for place in places} == {numbers[source]}
            written += places
    assert sorted(written) == [place for place, flag in enumerate(right) if not flag]
    assert all(right[source] for source in assembly.copied.sources)
    assert not {numbers[s] for s in assembly.fetched.sources} & {
        number for number, flag in positions if flag
    }


def test_a_million_equal_chunks_take_less_than_a_second() -> None:
    count = 1_000_000
    first, group = np.array([0]), np.zeros(count, np.int64)

    began = time.monotonic()
    assembly = assign(first, group, np.empty(0, np.int64), np.zeros(count, np.bool_))

    assert time.monotonic() - began < 1
    assert len(assembly.fetched) == 1
    assert len(assembly.fetched.places) == count


def test_a_random_large_index_keeps_its_order() -> None:
    chooser = random.Random(1)
    numbers = [chooser.randrange(300) for _ in range(2000)]

    assembly = arranged(numbers, set(), [False] * 2000)

    assert assembly.fetched.sources.tolist() == sorted(assembly.fetched.sources.tolist())
