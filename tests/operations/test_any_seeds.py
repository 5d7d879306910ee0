"""Any two versions, any seeds and policy: what comes out is right, and nothing is fetched twice."""

import random
import tempfile
from dataclasses import dataclass
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.operations.seeded import Expected, extract, pieces
from tests.vectors.inputs import ctr
from tests.workspace import How, Workspace, chunk_file, ids_of

SIZES = {"chunk_size": "64B:256B:1KiB", "store": None}
"""Some hundred bytes a chunk, so that small versions have many."""

PLACES = st.integers(0, 12_000)
LENGTHS = st.integers(0, 5_000)


@dataclass(frozen=True)
class Edit:
    """What a new version does to the old one; places past its end are at its end."""

    kind: str
    place: int
    length: int
    other: int

    def of(self, data: bytes) -> bytes:
        begin, end = self.place, self.place + self.length
        piece, rest = data[begin:end], data[:begin] + data[end:]
        fresh = ctr(self.length, self.kind.encode() + bytes([self.other % 256]))
        return {
            "insert": data[:begin] + fresh + data[begin:],
            "replace": data[:begin] + fresh + data[end:],
            "delete": rest,
            "move": rest[: self.other] + piece + rest[self.other :],
            "repeat": data[: self.other] + piece + data[self.other :],
            "zeros": data[:begin] + bytes(self.length) + data[end:],
        }[self.kind]


KINDS = ("insert", "replace", "delete", "move", "repeat", "zeros")
EDITS = st.lists(st.builds(Edit, st.sampled_from(KINDS), PLACES, LENGTHS, PLACES), max_size=5)
BASES = st.integers(0, 12_000).map(lambda size: ctr(size, b"base"))
POLICIES = st.sampled_from(["fail", "skip", "regenerate"])
seldom = settings(max_examples=50, deadline=None)


def edited(data: bytes, edits: list[Edit]) -> bytes:
    for edit in edits:
        data = edit.of(data)
    return data


def prepared(folder: str, new: bytes, seeds: list[bytes]) -> tuple[Workspace, Expected]:
    """Write the index of `new`, the seeds, and a store with only what none of them has."""
    workspace = Workspace(Path(folder), {"store": {"compression": "none"}})
    (workspace / "store").mkdir()
    index = workspace.make("new", new, **SIZES)
    held: set[bytes] = set()
    for number, seed in enumerate(seeds, 1):
        held |= set(ids_of(workspace.make(f"seed{number}", seed, **SIZES)))
        name = f"seed{number}"
        workspace.seeds[name] = {"blob": name, "index": f"{name}.caibx"}
    fill(workspace, new, held)
    return workspace, Expected(index, new, held)


def fill(workspace: Workspace, new: bytes, but: set[bytes]) -> None:
    """Put the chunks of `new` into the store, without those in `but`."""
    index = workspace.index("new.caibx")
    for at, piece in enumerate(pieces(index, new)):
        if index.id(at) not in but:
            file = chunk_file(workspace / "store", index.id(at), "")
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(piece)


@seldom
@given(
    base=BASES,
    edits=EDITS,
    others=st.lists(EDITS, max_size=2),
    policy=POLICIES,
    in_place=st.booleans(),
    there=st.none() | EDITS,
    workers=st.integers(1, 4),
)
def test_any_version_comes_from_any_others(
    *,
    base: bytes,
    edits: list[Edit],
    others: list[list[Edit]],
    policy: str,
    in_place: bool,
    there: list[Edit] | None,
    workers: int,
) -> None:
    """The store has nothing but what no seed has."""
    new = edited(base, edits)
    with tempfile.TemporaryDirectory() as folder:
        seeds = [base, *(edited(base, other) for other in others)]
        workspace, expected = prepared(folder, new, seeds)
        if there is not None:
            (workspace / "copy").write_bytes(edited(base, there))
        ended = extract(
            workspace,
            How(workers=workers),
            seeds=list(workspace.seeds),
            invalid_seeds=policy,
            in_place=in_place,
        )
        found = (workspace / "copy").read_bytes()

    assert ended.result.exit_code == 0, ended.message
    assert ended.warnings == []
    assert found == new
    assert ended.statistics["bytes_from_store"] <= sum(expected.fetched.values())
    if there is None:
        assert expected.statistics.items() <= ended.statistics.items()


@seldom
@given(base=BASES, edits=EDITS, policy=POLICIES, workers=st.integers(1, 4))
def test_any_version_is_updated_from_itself(
    base: bytes, edits: list[Edit], policy: str, workers: int
) -> None:
    """Everything may move over everything else in one file; only what is new is in the store."""
    new = edited(base, edits)
    with tempfile.TemporaryDirectory() as folder:
        workspace, expected = prepared(folder, new, [base])
        ended = extract(
            workspace,
            How(workers=workers),
            target="seed1",
            seeds=["seed1"],
            invalid_seeds=policy,
            in_place=True,
        )
        found = (workspace / "seed1").read_bytes()

    assert ended.result.exit_code == 0, ended.message
    assert ended.warnings == []
    assert found == new
    assert ended.statistics["bytes_from_store"] <= sum(expected.fetched.values())


@seldom
@given(
    base=BASES,
    edits=EDITS,
    damages=st.tuples(EDITS, EDITS),
    policy=POLICIES,
    in_place=st.booleans(),
    chooser=st.integers(0, 99),
)
def test_seeds_with_any_damage_give_the_right_version_or_one_error(
    base: bytes,
    edits: list[Edit],
    damages: tuple[list[Edit], list[Edit]],
    policy: str,
    in_place: bool,
    chooser: int,
) -> None:
    new = edited(base, edits)
    with tempfile.TemporaryDirectory() as folder:
        seeds = [base, edited(base, edits[:1])]
        random.Random(chooser).shuffle(seeds)
        workspace, _ = prepared(folder, new, seeds)
        fill(workspace, new, set())
        for number, damage in enumerate(damages, 1):
            (workspace / f"seed{number}").write_bytes(edited(seeds[number - 1], damage))
        ended = extract(
            workspace, seeds=["seed1", "seed2"], invalid_seeds=policy, in_place=in_place
        )
        complete = ended.result.exit_code == 0 and (workspace / "copy").read_bytes() == new
        figures = ended.statistics

    if policy == "fail" and not complete:
        assert ended.summary == (4, "failed")
        assert " is not what its index says: it lacks bytes " in ended.message
    else:
        assert complete, ended.message
        assert (
            figures["chunks_total"] == figures["chunks_from_store"] + figures["chunks_from_seeds"]
        )
        assert figures["bytes_copied_from_seeds"] >= 0
