import numpy as np
import pytest

from desync_jobs.core.chunk import DigestAlgorithm
from desync_jobs.core.matching import Run
from desync_jobs.core.segments import Assembly
from desync_jobs.core.sizes import ChunkSizes, CutMode
from desync_jobs.formats.flags import blob_flags
from desync_jobs.formats.index import Index
from desync_jobs.manifest.operations.extract import ExtractSpec
from desync_jobs.planner.blob import ExtractFacts
from desync_jobs.planner.extraction import (
    ExtractDetail,
    assign_again,
    number_chunks,
    plain_size,
)
from desync_jobs.planner.extraction_cost import extraction_cost
from desync_jobs.planner.facts import FileFacts, FileKind, IndexFacts, SeedFacts, StoreFacts
from desync_jobs.planner.operations.extract import plan_extract

ZERO = 0


def index_of(numbers: list[int]) -> Index:
    """An index whose chunk n has the ID of 32 bytes n and is 100 + n bytes long."""
    ids = np.repeat(np.array(numbers, np.uint8), 32).reshape(len(numbers), 32)
    ends = np.cumsum([100 + number for number in numbers], dtype=np.uint64)
    flags = blob_flags(DigestAlgorithm.SHA512_256, CutMode.CASYNC)
    return Index(flags, ChunkSizes(48, 64, 4096), ends, ids)


def seed(name: str, numbers: list[int]) -> SeedFacts:
    return SeedFacts(name, FileFacts(f"/{name}", FileKind.REGULAR, 1), index_of(numbers))


def spec(*, in_place: bool = False) -> ExtractSpec:
    return ExtractSpec(
        kind="extract", index="i", target="t", stores=("a", "b"), cache="c", in_place=in_place
    )


def detail_of(
    numbers: list[int], seeds: list[SeedFacts], right: list[bool] | None = None
) -> ExtractDetail:
    """Return what is planned in place where `right` is right, and else for a new target."""
    held = None if right is None else np.array(right, np.bool_)
    kind = FileKind.ABSENT if right is None else FileKind.REGULAR
    facts = ExtractFacts(
        IndexFacts("/i", index_of(numbers), "00"),
        FileFacts("/t", kind, 1),
        held,
        frozenset({bytes([ZERO]) * 32}),
        (StoreFacts("a", "/a", present=True), StoreFacts("b", "/b", present=True)),
        tuple(seeds),
    )
    detail = plan_extract(spec(in_place=right is not None), facts).detail
    assert isinstance(detail, ExtractDetail)
    return detail


def amounts(detail: ExtractDetail) -> dict[str, tuple[int, int, int]]:
    cost = extraction_cost(spec(), detail)
    return {one.place: (one.bytes, one.chunks, one.requests) for one in cost.reads}


def listed(assembly: Assembly) -> dict[str, list[object]]:
    return {
        "fetched": assembly.fetched.places.tolist(),
        "copied": assembly.copied.places.tolist(),
        "zeros": assembly.zeros.positions().tolist(),
        "seeded": list(assembly.seeded),
    }


def test_sizes_of_positions_count_repeats_again() -> None:
    index = index_of([1, 2, 1])

    assert plain_size(index, np.array([0, 1, 2])) == 101 + 102 + 101
    assert plain_size(index, np.array([2, 2])) == 202
    assert plain_size(index, np.array([], np.int64)) == 0


def test_equal_chunks_of_index_and_seeds_have_equal_numbers() -> None:
    first, group, seeds = number_chunks(index_of([5, 6, 5]), [index_of([9, 6]), index_of([])])

    assert first.tolist() == [0, 1]
    assert group.tolist() == [0, 1, 0]
    assert [one.tolist() for one in seeds] == [[2, 1], []]


@pytest.mark.parametrize("seeds", [[], [[1, 2]], [[]]])
def test_an_empty_index_has_no_chunks_to_number(seeds: list[list[int]]) -> None:
    first, group, numbered = number_chunks(index_of([]), [index_of(one) for one in seeds])

    assert (first.tolist(), group.tolist()) == ([], [])
    assert [len(one) for one in numbered] == [len(one) for one in seeds]


def test_each_place_is_told_what_is_read_from_it() -> None:
    detail = detail_of([1, 2, 3, ZERO, 4, 4, 5], [seed("x", [2, 3]), seed("y", [9, 4])])

    assert amounts(detail) == {
        "a+b": (101 + 105, 2, 2),
        "seed x": (102 + 103, 2, 0),
        "seed y": (104 + 104, 2, 0),
        "zeros": (100, 1, 0),
    }


def test_what_is_written_is_what_is_not_zeros() -> None:
    detail = detail_of([1, 2, 3, ZERO, 3], [seed("x", [2])])
    cost = extraction_cost(spec(), detail)
    target, cache = cost.writes

    assert (target.place, target.bytes, target.chunks) == ("target", 101 + 102 + 103 + 103, 4)
    assert (cache.place, cache.bytes, cache.chunks, cache.exact) == ("c", 101 + 103, 2, False)
    assert cost.work == target.bytes


def test_a_seed_goes_before_the_target_and_the_target_before_the_store() -> None:
    detail = detail_of([1, 1, 2, 2, 3], [seed("x", [2])], [True, False, True, False, False])

    assert listed(detail.assembly) == {
        "fetched": [4],
        "copied": [1],
        "zeros": [],
        "seeded": [Run(3, 4, 0, 0)],
    }
    assert amounts(detail) == {
        "a+b": (103, 1, 1),
        "seed x": (102, 1, 0),
        "target": (101, 1, 0),
        "in place": (101 + 102, 2, 0),
        "zeros": (0, 0, 0),
    }


def test_figures_count_each_position_once() -> None:
    detail = detail_of(
        [1, 1, 2, ZERO, 3, 3], [seed("x", [2])], [True, False, False, False, False, False]
    )

    assert detail.statistics() == {
        "bytes_total": 101 + 101 + 102 + 100 + 103 + 103,
        "chunks_total": 6,
        "chunks_from_store": 1,
        "chunks_in_place": 1,
        "chunks_from_seeds": 4,
        "bytes_from_store": 103,
        "bytes_copied_from_seeds": 101 + 102 + 103,
        "bytes_cloned_from_seeds": 0,
        "seeds": 2,
    }


def test_what_a_seed_lacks_is_assigned_again() -> None:
    """The second seed, the target by then, and the store, in this order."""
    detail = detail_of([1, 2, 3, 3, 4, ZERO, 5], [seed("x", [1, 2, 3, 4])])
    right = np.array([True, False, True, False, False, False, False])
    again = assign_again(detail, right, [seed("y", [2, 9])])

    assert listed(again) == {
        "fetched": [4, 6],
        "copied": [3],
        "zeros": [5],
        "seeded": [Run(1, 2, 0, 0)],
    }
    assert detail.statistics_with(again.fetched) == {
        **detail.statistics(),
        "chunks_from_store": 2,
        "chunks_from_seeds": 5,
        "bytes_from_store": 104 + 105,
        "bytes_copied_from_seeds": 101 + 102 + 103 + 103,
    }


def test_without_seeds_that_are_left_the_stores_have_it_all() -> None:
    detail = detail_of([1, 2, ZERO], [seed("x", [1, 2])])
    again = assign_again(detail, np.zeros(3, np.bool_), [])

    assert listed(again) == {"fetched": [0, 1], "copied": [], "zeros": [2], "seeded": []}
