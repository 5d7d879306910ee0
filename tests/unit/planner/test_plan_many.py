from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from desync_jobs.core.chunk import DigestAlgorithm
from desync_jobs.core.sizes import ChunkSizes, CutMode
from desync_jobs.errors import IndexMissingError, TargetError, UsageError
from desync_jobs.formats.flags import blob_flags
from desync_jobs.formats.index import Index
from desync_jobs.manifest.blob import BlobSpec
from desync_jobs.manifest.operations.extract import ExtractSpec
from desync_jobs.planner.blob import ExtractFacts
from desync_jobs.planner.extraction import ExtractDetail
from desync_jobs.planner.facts import FileFacts, FileKind, IndexFacts, SeedFacts, StoreFacts
from desync_jobs.planner.many import BlobFacts, ManyFacts
from desync_jobs.planner.operations.extract import plan_extract
from desync_jobs.planner.step import Action, Decision

ZERO = 0
SIZE = 100


def index_of(numbers: Sequence[int]) -> Index:
    """An index of chunks of 100 bytes; chunk n has the ID of 32 bytes n."""
    ids = np.repeat(np.array(numbers, np.uint8), 32).reshape(len(numbers), 32)
    ends = np.arange(1, len(numbers) + 1, dtype=np.uint64) * SIZE
    flags = blob_flags(DigestAlgorithm.SHA512_256, CutMode.CASYNC)
    return Index(flags, ChunkSizes(48, 64, 4096), ends, ids)


class Blobs:
    """Facts of blobs called 0, 1, 2 and so on; by default none of the targets is there."""

    def __init__(self, *blobs: Sequence[int], in_place: bool = False) -> None:
        listed = tuple(
            BlobSpec(index=f"{number}.caibx", target=str(number)) for number in range(len(blobs))
        )
        self.spec = ExtractSpec(
            kind="extract", blobs=listed, stores=("a",), cache="c", in_place=in_place
        )
        self.facts = [
            BlobFacts(
                self.spec.of_one(blob),
                ExtractFacts(
                    IndexFacts(f"/{blob.index}", index_of(numbers), "00", (9, number)),
                    FileFacts(f"/{blob.target}", FileKind.ABSENT),
                    None,
                    frozenset({bytes([ZERO]) * 32}),
                    (StoreFacts("a", "/a", present=True),),
                ),
                f"/{blob.target}",
            )
            for number, (blob, numbers) in enumerate(zip(listed, blobs, strict=True))
        ]

    def change(self, number: int, **changes: object) -> None:
        one = self.facts[number]
        self.facts[number] = replace(one, facts=replace(one.facts, **changes))  # type: ignore[arg-type]  # each test gives what fits

    def there(self, number: int, right: Sequence[bool] | None = None) -> None:
        """Have a target there, whole or right in part."""
        found = self.facts[number].facts.index
        assert found is not None
        size = found.index.blob_size
        target = FileFacts(f"/{number}", FileKind.REGULAR, size, (1, number))
        given = np.ones(len(found.index), np.bool_) if right is None else np.array(right)
        self.change(number, target=target, right=given)

    def plan(self) -> Decision:
        return plan_extract(self.spec, ManyFacts(tuple(self.facts)))

    def sources(self) -> list[dict[str, int]]:
        """Return for each blob how many chunks are read from where."""
        return [
            {amount.place: amount.chunks for amount in part.cost.reads if amount.chunks}
            for part in self.plan().parts
        ]


def test_a_blob_serves_those_after_it() -> None:
    blobs = Blobs([1, 2, 3, ZERO], [1, 2, 4, ZERO], [4, 5, 4, 3])

    assert blobs.sources() == [
        {"a": 3, "zeros": 1},
        {"a": 1, "seed 0": 2, "zeros": 1},
        {"a": 1, "seed 1": 2, "seed 0": 1},
    ]


def test_of_several_that_have_a_chunk_the_last_serves() -> None:
    blobs = Blobs([1, 2], [1, 2, 3], [1, 2, 3, 4], [1, 2, 3, 4, 5])

    assert blobs.sources()[-1] == {"a": 1, "seed 2": 4}


def test_blobs_that_share_only_zeros_are_no_seeds_of_each_other() -> None:
    decision = Blobs([1, ZERO, ZERO], [2, ZERO]).plan()

    assert [amount.place for amount in decision.parts[1].cost.reads] == ["a", "zeros"]


def test_a_target_that_is_whole_serves_those_before_it_too() -> None:
    blobs = Blobs([1, 2], [3], [1, 2, 3])
    blobs.there(2)
    decision = blobs.plan()

    assert blobs.sources() == [{"seed 2": 2}, {"seed 2": 1}, {}]
    assert [part.action for part in decision.parts] == [Action.RUN, Action.RUN, Action.UNCHANGED]
    assert decision.reason == "2 of 3 targets are to be written"


def test_a_target_in_place_that_is_only_too_long_serves_those_before_it() -> None:
    blobs = Blobs([1, 2], [1, 2, 3], in_place=True)
    blobs.there(1)
    blobs.change(1, target=FileFacts("/1", FileKind.REGULAR, 3 * SIZE + 1, (1, 1)))

    assert blobs.sources() == [{"seed 1": 2}, {"in place": 3}]
    assert [part.action for part in blobs.plan().parts] == [Action.RUN, Action.RUN]


def test_what_an_earlier_run_left_beside_its_target_serves_nobody_before_it_is_published() -> None:
    blobs = Blobs([1, 2], [1, 2, 3])
    blobs.change(1, right=np.ones(3, np.bool_), resumed=True)

    assert blobs.sources() == [{"a": 2}, {"in place": 3}]


def test_what_a_target_has_right_in_place_needs_no_seed() -> None:
    blobs = Blobs([1, 2], [1, 2, 3], in_place=True)
    blobs.there(1, [True, True, False])

    assert blobs.sources() == [{"a": 2}, {"a": 1, "in place": 2}]
    assert blobs.plan().parts[1].reason == "2 of 3 chunks of the target are right"


def test_the_cost_of_the_whole_is_the_sum_by_place() -> None:
    cost = Blobs([1, 2, 3], [1, 2, 4], [4, 5, 4, ZERO]).plan().cost
    reads = {one.place: (one.bytes, one.chunks, one.requests) for one in cost.reads}
    writes = {one.place: (one.bytes, one.chunks, one.exact) for one in cost.writes}

    assert reads == {
        "a": (500, 5, 5),
        "other targets": (400, 4, 0),
        "zeros": (100, 1, 0),
    }
    assert writes == {"target": (900, 9, True), "c": (500, 5, False)}
    assert cost.work == 900


def test_nothing_is_done_where_every_target_is_whole() -> None:
    blobs = Blobs([1, 2], [2, 3])
    blobs.there(0)
    blobs.there(1)
    decision = blobs.plan()

    assert (decision.action, decision.changes) == (Action.UNCHANGED, False)
    assert decision.statistics["chunks_in_place"] == decision.statistics["chunks_total"] == 4
    assert [part.action for part in decision.parts] == [Action.UNCHANGED] * 2


def seed(numbers: Sequence[int], identity: tuple[int, int]) -> SeedFacts:
    blob = FileFacts("/seed", FileKind.REGULAR, len(numbers) * SIZE, identity)
    return SeedFacts("old", blob, index_of(numbers))


def seeds_of(decision: Decision, number: int) -> dict[str, bool]:
    """Return the seeds that one of the blobs may use, and whether each is a target itself."""
    detail = decision.detail.parts[number].decision.detail  # type: ignore[attr-defined]  # a plan of many
    assert isinstance(detail, ExtractDetail)
    return {one.name: one.written for one in detail.seeds}


def test_a_declared_seed_that_is_a_target_serves_until_that_is_written() -> None:
    blobs = Blobs([1, 2], [1, 2], [1, 2, 3], in_place=True)
    blobs.there(1, [False, False])
    for number in range(3):
        blobs.change(number, seeds=(seed([2, 3], (1, 1)),))
    decision = blobs.plan()

    assert [seeds_of(decision, number) for number in range(3)] == [
        {"old": True},
        {"old": False, "0": True},
        {"1": True},
    ]


def test_a_declared_seed_that_is_a_whole_target_serves_by_its_new_index_only() -> None:
    blobs = Blobs([1, 2], [1, 2, 3])
    blobs.there(0)
    blobs.change(1, seeds=(seed([3], (1, 0)),))

    assert seeds_of(blobs.plan(), 1) == {"0": True}


def test_an_index_that_is_missing_is_named() -> None:
    blobs = Blobs([1], [2])
    blobs.change(1, index=None)

    with pytest.raises(IndexMissingError, match=r"^1\.caibx: index does not exist$"):
        blobs.plan()


def test_an_error_about_a_blob_names_its_target_once() -> None:
    blobs = Blobs([1], [2])
    blobs.change(1, target=FileFacts("/1", FileKind.DIRECTORY))

    with pytest.raises(TargetError, match=r"^/1 is a directory; name a file in it$"):
        blobs.plan()


def test_a_target_that_is_the_index_of_another_is_refused() -> None:
    blobs = Blobs([1], [2])
    blobs.change(0, target=FileFacts("/0", FileKind.REGULAR, 3, (9, 1)))

    with pytest.raises(UsageError, match=r"^/0 is the same file as /1\.caibx, which is read"):
        blobs.plan()


@pytest.mark.parametrize("in_place", [False, True])
def test_empty_blobs_are_planned_too(in_place: bool) -> None:
    assert Blobs([], [1], [], in_place=in_place).sources() == [{}, {"a": 1}, {}]
