from collections.abc import Sequence

import numpy as np
import pytest

from desync_jobs.core.chunk import DigestAlgorithm
from desync_jobs.core.sizes import ChunkSizes, CutMode
from desync_jobs.errors import IndexMissingError, StoreError, TargetError
from desync_jobs.formats.flags import blob_flags
from desync_jobs.formats.index import Index
from desync_jobs.manifest.operations.extract import ExtractSpec
from desync_jobs.planner.blob import ExtractFacts
from desync_jobs.planner.extraction import ExtractDetail
from desync_jobs.planner.facts import FileFacts, FileKind, IndexFacts, StoreFacts
from desync_jobs.planner.operations.extract import plan_extract
from desync_jobs.planner.step import Action, Decision

ZERO = b"\0" * 32
STORE = StoreFacts("a", "/a", present=True)


def index_of(numbers: Sequence[int], size: int = 100) -> Index:
    """An index of chunks of `size` bytes; chunk n has the ID of 32 bytes n."""
    ids = np.repeat(np.array(numbers, np.uint8), 32).reshape(len(numbers), 32)
    ends = np.arange(1, len(numbers) + 1, dtype=np.uint64) * size
    flags = blob_flags(DigestAlgorithm.SHA512_256, CutMode.CASYNC)
    return Index(flags, ChunkSizes(48, 64, 4096), ends, ids)


def decided(
    numbers: Sequence[int],
    target: FileFacts,
    right: Sequence[bool] | None = None,
    *,
    in_place: bool = False,
    cache: str | None = None,
) -> Decision:
    spec = ExtractSpec(
        kind="extract", index="i", target="t", stores=("a",), in_place=in_place, cache=cache
    )
    facts = ExtractFacts(
        IndexFacts("/i", index_of(numbers), "00"),
        target,
        None if right is None else np.array(right, np.bool_),
        frozenset({ZERO}),
        (STORE,),
    )
    return plan_extract(spec, facts)


ABSENT = FileFacts("/t", FileKind.ABSENT)


def regular(size: int) -> FileFacts:
    return FileFacts("/t", FileKind.REGULAR, size)


def test_a_new_target_is_fetched_once_for_each_distinct_chunk() -> None:
    decision = decided([1, 2, 1, 0], ABSENT, cache="c")

    assert decision.action is Action.RUN
    assert decision.changes
    assert decision.reason == "the target does not exist"
    store, zeros = decision.cost.reads
    assert (store.place, store.bytes, store.chunks, store.requests) == ("a", 200, 2, 2)
    assert (zeros.place, zeros.bytes, zeros.chunks) == ("zeros", 100, 1)
    target, cache = decision.cost.writes
    assert (target.place, target.bytes, target.chunks) == ("target", 300, 3)
    assert (cache.place, cache.bytes, cache.chunks, cache.exact) == ("c", 200, 2, False)
    assert decision.cost.work == 300


def test_a_right_target_needs_nothing() -> None:
    decision = decided([1, 2], regular(200), [True, True])

    assert decision.action is Action.UNCHANGED
    assert not decision.changes
    assert decision.reason == "the target already is what the index describes"


def test_a_longer_target_is_not_right_even_where_every_chunk_is() -> None:
    decision = decided([1, 2], regular(201), [True, True], in_place=True)

    assert decision.action is Action.RUN
    assert isinstance(decision.detail, ExtractDetail)
    assert not decision.detail.assembly.writes


def test_a_larger_device_is_right_where_every_chunk_is() -> None:
    device = FileFacts("/t", FileKind.DEVICE, 4096)

    assert decided([1, 2], device, [True, True], in_place=True).action is Action.UNCHANGED


def test_a_damaged_target_is_written_anew_beside_it_and_mended_in_place() -> None:
    beside = decided([1, 2, 1], regular(300), [True, True, False])
    mended = decided([1, 2, 1], regular(300), [True, True, False], in_place=True)

    assert beside.reason == "the target is not what the index describes"
    assert beside.cost.writes[0].bytes == 300
    assert mended.reason == "2 of 3 chunks of the target are right"
    assert [(one.place, one.bytes, one.requests) for one in mended.cost.reads[:2]] == [
        ("a", 0, 0),
        ("target", 100, 0),
    ]
    assert mended.cost.writes[0].bytes == 100


def test_what_cannot_be_a_target_is_refused_with_what_to_do() -> None:
    device = FileFacts("/dev/x", FileKind.DEVICE, 100)

    with pytest.raises(TargetError, match="/t is a directory; name a file in it"):
        decided([1], FileFacts("/t", FileKind.DIRECTORY))
    with pytest.raises(TargetError, match="/dev/x is a device: it is written only in place"):
        decided([1], device)
    with pytest.raises(
        TargetError, match="/dev/x has 100 bytes, the blob 200; use a larger device"
    ):
        decided([1, 2], device, in_place=True)
    with pytest.raises(TargetError, match="/t is no file or block device; `cat`"):
        decided([1], FileFacts("/t", FileKind.STREAM))


def test_a_missing_index_and_a_missing_store_have_their_own_errors() -> None:
    spec = ExtractSpec(kind="extract", index="i", target="t", stores=("a",))
    gone = StoreFacts("a", "/a", present=False)

    with pytest.raises(IndexMissingError, match="i: index does not exist") as missing:
        plan_extract(spec, ExtractFacts(None, ABSENT, None, frozenset(), (STORE,)))
    found = IndexFacts("/i", index_of([1]), "00")
    with pytest.raises(StoreError, match="store a: /a is not a directory"):
        plan_extract(spec, ExtractFacts(found, ABSENT, None, frozenset(), (gone,)))

    assert missing.value.exit_code == 5


def test_an_empty_index_makes_an_empty_target() -> None:
    decision = decided([], regular(5))

    assert decision.action is Action.RUN
    assert decision.cost.work == 0
