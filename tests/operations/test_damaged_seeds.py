"""Seeds that are not what their indexes say, under each policy: right, or one clear error."""

from collections import Counter
from collections.abc import Callable, Mapping

import numpy as np
import pytest

from desync_jobs.formats.index import Index, parse_index, serialize_index
from tests.operations.seeded import NEW, OLD, OTHER, Expected, declare, extract, index_file, pieces
from tests.vectors.inputs import ctr
from tests.workspace import How, Workspace, ids_of, stamps

POLICIES = ("fail", "skip", "regenerate")
TOLERANT = ("skip", "regenerate")


def flipped(*places: int) -> Callable[[bytes], bytes]:
    def damage(blob: bytes) -> bytes:
        changed = bytearray(blob)
        for place in places:
            changed[place] ^= 0xFF
        return bytes(changed)

    return damage


# What becomes of a seed's blob; its index stays as it is.
DAMAGES: Mapping[str, Callable[[bytes], bytes]] = {
    "a byte": flipped(50_000),
    "three chunks": flipped(5_000, 50_000, 450_000),
    "shifted by a byte": lambda blob: b"!" + blob,
    "a hole in it": lambda blob: blob[:30_000] + bytes(50_000) + blob[80_000:],
    "truncated": lambda blob: blob[:60_000],
    "emptied": lambda blob: blob[:0],
    "of another blob": lambda blob: ctr(len(blob), b"else"),
    "zeros": lambda blob: bytes(len(blob)),
}


def complaint(workspace: Workspace, name: str = "seed1") -> str:
    return f"seed {name} ({workspace.path}/{name}.blob) is not what its index says"


def parsed(blob: bytes) -> Index:
    return parse_index(index_file(blob), "index")


def intact(damaged: bytes) -> set[bytes]:
    """Return the IDs in OLD's index whose bytes are still at their places in `damaged`."""
    index = parsed(OLD)
    were, there = pieces(index, OLD), pieces(index, damaged)
    return {index.id(at) for at in range(len(index)) if were[at] == there[at]}


@pytest.fixture
def damaged(request: pytest.FixtureRequest, release: Workspace) -> bytes:
    """A seed called seed1, whose index is OLD's; returns what its blob is in fact."""
    blob = DAMAGES[request.param](OLD)
    declare(release, [OLD])
    (release / "seed1.blob").write_bytes(blob)
    return blob


@pytest.mark.parametrize("there", [None, b"\xff" * 900_000], ids=["beside", "in place"])
@pytest.mark.parametrize("policy", TOLERANT)
@pytest.mark.parametrize("damaged", DAMAGES, indirect=True)
def test_what_a_damaged_seed_lacks_is_fetched_once_and_counted(
    release: Workspace,
    asked: Counter[bytes],
    damaged: bytes,
    policy: str,
    there: bytes | None,
) -> None:
    if there is not None:
        (release / "copy").write_bytes(there)
    index = release.index("new.caibx")
    had = intact(damaged)
    found = had | set(ids_of(parsed(damaged))) if policy == "regenerate" else had
    expected = Expected(index, NEW, found)
    promised = Expected(index, NEW, set(ids_of(parsed(OLD)))).seeded
    wrong = sum(index.id(at) not in had for at in promised)
    ended = extract(release, seeds=["seed1"], invalid_seeds=policy, in_place=there is not None)

    assert ended.summary == (0, "done")
    assert (release / "copy").read_bytes() == NEW
    assert asked == dict.fromkeys(expected.fetched, 1)
    assert expected.statistics.items() <= ended.statistics.items()
    assert ended.statistics["damaged_seed_chunks"] == wrong > 0
    chunks = "1 chunk" if wrong == 1 else f"{wrong} chunks"
    assert ended.warnings == [f"{complaint(release)}: taken from elsewhere: {chunks}"]
    assert (release / "seed1.blob").read_bytes() == damaged


@pytest.mark.parametrize("there", [None, b"what was here before"])
@pytest.mark.parametrize("damaged", DAMAGES, indirect=True)
def test_a_damaged_seed_fails_where_nothing_is_said(
    release: Workspace, damaged: bytes, there: bytes | None
) -> None:
    if there is not None:
        (release / "copy").write_bytes(there)
    index, had = release.index("new.caibx"), intact(damaged)
    promised = Expected(index, NEW, set(ids_of(parsed(OLD)))).seeded
    first = next(at for at in promised if index.id(at) not in had)
    before = stamps(release.path)
    ended = extract(release, seeds=["seed1"])

    assert ended.summary == (4, "failed")
    assert ended.message == (
        f"{complaint(release)}: it lacks bytes {index.start(first)}-{index.end(first)} of the "
        "target; allow invalid seeds or mend this one"
    )
    assert ended.warnings == []
    assert stamps(release.path) == before


def test_a_target_in_place_that_a_damaged_seed_left_unfinished_is_finished(
    release: Workspace,
) -> None:
    declare(release, [OLD])
    (release / "seed1.blob").write_bytes(DAMAGES["three chunks"](OLD))
    (release / "copy").write_bytes(b"\xff" * 100_000)
    failed = extract(release, seeds=["seed1"], in_place=True)
    ended = extract(release, seeds=["seed1"], in_place=True, invalid_seeds="skip")

    assert failed.summary == (4, "failed")
    assert ended.summary == (0, "done")
    assert (release / "copy").read_bytes() == NEW


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize(
    "change", [lambda blob: blob + b"grown" * 5000, lambda blob: blob[:-1]], ids=["longer", "short"]
)
def test_damage_where_nothing_is_wanted_is_not_noticed(
    release: Workspace, policy: str, change: Callable[[bytes], bytes]
) -> None:
    declare(release, [OLD])
    (release / "seed1.blob").write_bytes(change(OLD))
    ended = extract(release, seeds=["seed1"], invalid_seeds=policy)

    assert ended.summary == (0, "done")
    assert ended.warnings == []
    assert (release / "copy").read_bytes() == NEW
    assert ended.statistics["damaged_seed_chunks"] == 0


def lying(index: Index) -> Index:
    """Let the rows from the eleventh on claim to begin a byte later than they do."""
    ends = index.ends.copy()
    ends[10:] += np.uint64(1)
    return Index(index.flags, index.sizes, ends, index.ids)


@pytest.mark.parametrize("policy", POLICIES)
def test_an_index_that_lies_about_lengths_costs_what_it_lies_about(
    release: Workspace, policy: str
) -> None:
    declare(release, [OLD])
    (release / "seed1.blob.caibx").write_bytes(serialize_index(lying(parsed(OLD))))
    honest = extract(release, target="honest", seeds=["seed1"], invalid_seeds="regenerate")
    ended = extract(release, seeds=["seed1"], invalid_seeds=policy)
    expected = Expected(release.index("new.caibx"), NEW, set(ids_of(parsed(OLD))))

    assert honest.statistics["chunks_from_store"] == len(expected.fetched)
    if policy == "fail":
        assert ended.summary == (4, "failed")
        assert ended.message.startswith(f"{complaint(release)}: it lacks bytes ")
    else:
        assert ended.summary == (0, "done")
        assert (release / "copy").read_bytes() == NEW
        assert ended.statistics["damaged_seed_chunks"] > 0


def test_an_index_that_does_not_know_all_is_made_good_by_a_new_one(
    release: Workspace, asked: Counter[bytes]
) -> None:
    """The seed has every chunk, its index has neither all of them nor all at their places."""
    (release / "b.blob").write_bytes(NEW)
    (release / "b.caibx").write_bytes(index_file(NEW[:50_000] + NEW[90_000:]))
    release.seeds["b"] = {"blob": "b.blob", "index": "b.caibx"}
    skipped = extract(release, target="skipped", seeds=["b"], invalid_seeds="skip")
    asked_before = dict(asked)
    ended = extract(release, seeds=["b"], invalid_seeds="regenerate")

    assert skipped.summary == (0, "done")
    assert asked_before
    assert ended.summary == (0, "done")
    assert (release / "copy").read_bytes() == NEW
    assert asked == asked_before
    assert ended.statistics["chunks_from_store"] == ended.statistics["bytes_from_store"] == 0


@pytest.mark.parametrize("policy", TOLERANT)
@pytest.mark.parametrize("other", [NEW, OLD + NEW, NEW[300_000:] + NEW[:340_000]])
def test_another_seed_gives_what_a_damaged_one_should_have(
    release: Workspace, asked: Counter[bytes], policy: str, other: bytes
) -> None:
    names = declare(release, [OLD, other])
    (release / "seed1.blob").write_bytes(DAMAGES["of another blob"](OLD))
    held = set(ids_of(parsed(other)))
    expected = Expected(release.index("new.caibx"), NEW, held)
    ended = extract(release, seeds=names, invalid_seeds=policy)

    assert ended.summary == (0, "done")
    assert (release / "copy").read_bytes() == NEW
    assert asked == dict.fromkeys(expected.fetched, 1)
    assert expected.statistics.items() <= ended.statistics.items()


def test_a_whole_seed_wins_over_a_damaged_one_that_is_never_looked_at(
    release: Workspace, asked: Counter[bytes]
) -> None:
    names = declare(release, [OLD, NEW])
    (release / "seed1.blob").write_bytes(DAMAGES["of another blob"](OLD))
    ended = extract(release, seeds=names)

    assert ended.summary == (0, "done")
    assert ended.warnings == []
    assert (release / "copy").read_bytes() == NEW
    assert not asked


@pytest.mark.parametrize("policy", TOLERANT)
def test_two_seeds_that_are_damaged_in_different_places_make_one_whole(
    release: Workspace, asked: Counter[bytes], policy: str
) -> None:
    names = declare(release, [NEW, NEW])
    half = len(NEW) // 2
    (release / "seed1.blob").write_bytes(bytes(half) + NEW[half:])
    (release / "seed2.blob").write_bytes(NEW[: half + 50_000])
    ended = extract(release, seeds=names, invalid_seeds=policy)

    assert ended.summary == (0, "done")
    assert (release / "copy").read_bytes() == NEW
    assert not asked
    assert len(ended.warnings) == 1


def test_many_damaged_seeds_cost_one_round_each(release: Workspace) -> None:
    names = declare(release, [NEW] * 9)
    for number, name in enumerate(names, 1):
        (release / f"{name}.blob").write_bytes(NEW[: number * 20_000] + bytes(500_000))
    ended = extract(release, seeds=names, invalid_seeds="skip")

    assert ended.summary == (0, "done")
    assert (release / "copy").read_bytes() == NEW
    assert len(ended.warnings) == 9


@pytest.mark.parametrize("policy", TOLERANT)
def test_the_target_gives_what_a_damaged_seed_should_have(
    release: Workspace, asked: Counter[bytes], policy: str
) -> None:
    """A piece is in NEW twice; the target has one of them right."""
    again = NEW.index(OLD[420_000:510_000])
    twice = NEW.index(OLD[420_000:510_000], again + 1)
    names = declare(release, [NEW])
    (release / "seed1.blob").write_bytes(ctr(len(NEW), b"else"))
    (release / "copy").write_bytes(NEW[: twice + 20_000] + b"\xff" * 40_000 + NEW[twice + 60_000 :])
    ended = extract(release, seeds=names, in_place=True, invalid_seeds=policy)

    assert ended.summary == (0, "done")
    assert (release / "copy").read_bytes() == NEW
    assert not asked
    assert ended.statistics["damaged_seed_chunks"] > 2


@pytest.mark.parametrize("policy", TOLERANT)
def test_what_nobody_has_is_missing_from_the_store(release: Workspace, policy: str) -> None:
    (release / "empty").mkdir()
    names = declare(release, [NEW])
    (release / "seed1.blob").write_bytes(flipped(5_000)(NEW))
    index = release.index("new.caibx")
    lacked = next(at for at in range(len(index)) if index.end(at) > 5_000)
    ended = extract(release, stores=["empty"], seeds=names, invalid_seeds=policy)

    assert ended.summary == (5, "failed")
    assert ended.message == f"chunk {index.id(lacked).hex()} is missing from empty"
    assert not (release / "copy").exists()


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("workers", [1, 4])
def test_damage_is_found_with_any_number_of_threads(
    release: Workspace, policy: str, workers: int
) -> None:
    names = declare(release, [OLD, OTHER])
    (release / "seed1.blob").write_bytes(DAMAGES["three chunks"](OLD))
    ended = extract(release, How(workers=workers), seeds=names, invalid_seeds=policy)

    assert ended.summary == ((4, "failed") if policy == "fail" else (0, "done"))
    assert policy == "fail" or (release / "copy").read_bytes() == NEW
