"""`cat` with seeds: the range as ever, and only what seeds lack from the stores."""

import itertools
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

from desync_jobs.formats.index import Index, parse_index, serialize_index
from desync_jobs.report.events import StepStarted
from tests.operations.seeded import NEW, OLD, SEEDS, Once, declare, held_by, index_file, put_pair
from tests.vectors.inputs import ctr
from tests.workspace import Ended, How, Workspace

RANGES = [(0, None), (0, 0), (12_345, 300_001), (len(NEW) - 70_000, 70_000), (0, 1)]


def cat(workspace: Workspace, how: How | None = None, /, **fields: object) -> Ended:
    plain: dict[str, object] = {"index": "new.caibx", "stores": ["store"]}
    return workspace.do("cat", how, **plain | fields)


def needed(index: Index, begin: int, end: int, held: set[bytes]) -> set[bytes]:
    """Return the IDs of a range that no seed has and that are no zeros."""
    return {
        index.id(at)
        for at in range(len(index))
        if index.start(at) < end
        and index.end(at) > begin
        and index.id(at) not in held
        and any(NEW[index.start(at) : index.end(at)])
    }


@pytest.mark.parametrize(("offset", "length"), RANGES)
@pytest.mark.parametrize("seeds", SEEDS)
def test_a_range_comes_from_seeds_and_the_rest_from_the_store(
    release: Workspace, asked: Counter[bytes], seeds: str, offset: int, length: int | None
) -> None:
    names = declare(release, SEEDS[seeds])
    end = len(NEW) if length is None else offset + length
    index = release.index("new.caibx")
    ended = cat(release, seeds=names, offset=offset, length=length)

    assert ended.summary == (0, "done")
    assert ended.warnings == []
    assert ended.output == NEW[offset:end]
    assert set(asked) == needed(index, offset, end, held_by(release, names))


def test_a_file_is_written_where_one_is_named(release: Workspace) -> None:
    names = declare(release, [OLD])
    ended = cat(release, seeds=names, output="part", offset=1000, length=99_000)
    again = cat(release, seeds=names, output="part", offset=1000, length=99_000)

    assert ended.summary == (0, "done")
    assert again.result.exit_code == 0
    assert (release / "part").read_bytes() == NEW[1000:100_000]


def test_a_seed_may_be_the_output(release: Workspace) -> None:
    put_pair(release / "image", OLD)
    release.seeds["image"] = {"blob": "image", "index": "image.caibx"}
    ended = cat(release, seeds=["image"], output="image")

    assert ended.summary == (0, "done")
    assert (release / "image").read_bytes() == NEW


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "a byte": lambda blob: blob[:50_000] + b"!" + blob[50_001:],
    "truncated": lambda blob: blob[:60_000],
    "emptied": lambda blob: blob[:0],
    "of another blob": lambda blob: ctr(len(blob), b"else"),
}


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("damage", DAMAGES)
def test_what_a_damaged_seed_lacks_comes_from_the_store_and_is_said(
    release: Workspace, damage: str, workers: int
) -> None:
    names = declare(release, [OLD])
    (release / "seed1.blob").write_bytes(DAMAGES[damage](OLD))
    ended = cat(release, How(workers=workers), seeds=names)
    (warning,) = ended.warnings

    assert ended.summary == (0, "done")
    assert ended.output == NEW
    assert warning.startswith(
        f"seed seed1 ({release.path}/seed1.blob) is not what its index says: taken from elsewhere: "
    )


def test_a_second_seed_has_what_a_damaged_one_lacks(
    release: Workspace, asked: Counter[bytes]
) -> None:
    names = declare(release, [NEW, NEW])
    (release / "seed1.blob").write_bytes(NEW[:300_000] + bytes(len(NEW) - 300_000))
    ended = cat(release, seeds=names)

    assert ended.output == NEW
    assert not asked


def test_a_seed_that_went_away_or_cannot_be_read_is_said(release: Workspace) -> None:
    declare(release, [OLD])
    blob = release / "seed1.blob"
    gone = cat(release, How(reporter=Once(StepStarted, blob.unlink)), seeds=["seed1"])
    release.seeds["seed1"]["blob"] = "/proc/self/mem"
    unreadable = cat(release, seeds=["seed1"])

    assert gone.output == unreadable.output == NEW
    assert gone.warnings == [
        f"seed seed1: {blob}: cannot be opened: No such file or directory; it is not used"
    ]
    assert all(
        warning.startswith("seed seed1 (/proc/self/mem): cannot be read at ")
        for warning in unreadable.warnings
    )
    assert unreadable.warnings


def test_an_index_that_claims_enormous_chunks_takes_no_memory(release: Workspace) -> None:
    declare(release, [OLD])
    honest = parse_index(index_file(OLD), "index")
    sizes = type(honest.sizes)(2048, 8192, 128 << 20)
    ends = np.array(list(itertools.repeat(128 << 20, len(honest))), np.uint64).cumsum()
    lying = Index(honest.flags, sizes, ends.astype(np.uint64), honest.ids)
    (release / "seed1.blob.caibx").write_bytes(serialize_index(lying))
    ended = cat(release, seeds=["seed1"])

    assert ended.summary == (0, "done")
    assert ended.output == NEW


def test_a_seed_with_another_digest_is_not_used_and_said(release: Workspace) -> None:
    release.make("old", OLD, digest="sha256", store=None)
    release.seeds["old"] = {"blob": "old", "index": "old.caibx"}
    ended = cat(release, seeds=["old"])

    assert ended.output == NEW
    assert ended.warnings == ["seed old: has another digest than the index; it is not used"]


def test_a_cache_is_filled_with_what_seeds_lack(release: Workspace) -> None:
    names = declare(release, [OLD])
    ended = cat(release, seeds=names, cache="cache")
    kept = {path.stem for path in (release / "cache").glob("????/*")}
    index = release.index("new.caibx")

    assert ended.output == NEW
    assert kept == {one.hex() for one in needed(index, 0, len(NEW), held_by(release, names))}


def test_a_chunk_that_nobody_has_is_missing(release: Workspace) -> None:
    (release / "empty").mkdir()
    names = declare(release, [OLD])
    ended = cat(release, seeds=names, stores=["empty"], output="part")

    assert ended.summary == (5, "failed")
    assert ended.message.endswith(" is missing from empty")
    assert not (release / "part").exists()
