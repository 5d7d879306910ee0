"""Indexes of desync 1.0, by figures that it gave for inputs anyone can make again.

Producer: desync git ff9ccfa (2026-08), built before its cuts became casync's.
"""

import hashlib
from typing import NamedTuple

import pytest

from tests.vectors.inputs import ctr, gold
from tests.workspace import How, Workspace


class Case(NamedTuple):
    """An input, and what desync made of it."""

    data: bytes
    chunk_size: str | None
    chunks: int
    ends: str | None = None
    """SHA-256 over all chunk ends as LE64."""
    file: str | None = None
    """SHA-256 of the index file."""


CASES = {
    "A": Case(
        ctr(1048576),
        None,
        16,
        "1c48dbaba5be1896648f16fd599e4436bc4f4a1108e05306267da56aab1889b7",
        "05fe9cdfd2a6d428d6e0e0917d22cfda4e26530d465d01924cfa073d4a9d9f9b",
    ),
    "B": Case(
        gold(8388608),
        None,
        127,
        "e6a8792936ff1d0a18397e6e9fb6d672af74d17bfe8babe7f8659c1c25794847",
    ),
    "C": Case(
        ctr(65536),
        "64B:256B:1024B",
        236,
        "bb89a851bdf5a91d9ffbb7360320fe4a4dbe1a6861ff3d2f94f1b8d7c90d1b9e",
    ),
    "D": Case(
        ctr(262144),
        "2KiB:8KiB:32KiB",
        30,
        "e133ef819406e9ebdf0211804f5fccdff4e5bf0fd774f7444e18a1521d36b6ab",
    ),
    "E": Case(
        ctr(262144),
        "4KiB:4KiB:16KiB",
        41,
        "9f45e131a86935c8d7459f4043561ae32abce2b0f3ea3a75c79bdfae4207d51c",
    ),
    "F": Case(
        bytes(1000000),
        None,
        4,
        None,
        "c7e0420801beaa807015000271142b3c9818185d8c9cce9aa13bd0433eba2f28",
    ),
    "G": Case(
        ctr(131072) + bytes(600000) + ctr(100000, b"x"),
        None,
        7,
        "888e78107c9a1bf51017b579dfaa6948452df6ee64621019228dbd6c780da8d5",
    ),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("workers", [1, 3])
def test_an_index_is_cut_as_desync_1_0_cuts(workspace: Workspace, name: str, workers: int) -> None:
    case = CASES[name]
    (workspace / "blob").write_bytes(case.data)
    ended = workspace.do(
        "make",
        How(workers=workers),
        blob="blob",
        index="blob.caibx",
        cut="desync-1.0",
        chunk_size=case.chunk_size,
    )
    index = workspace.index("blob.caibx")
    ends = hashlib.sha256(index.ends.astype("<u8").tobytes()).hexdigest()
    file = hashlib.sha256((workspace / "blob.caibx").read_bytes()).hexdigest()

    assert ended.summary == (0, "done")
    assert (len(index), index.flags) == (case.chunks, 0xA000000000000000)
    assert case.ends in (None, ends)
    assert case.file in (None, file)


def test_casync_and_desync_1_0_differ_where_they_are_known_to(workspace: Workspace) -> None:
    counts = {
        name: len(
            workspace.make("blob", CASES[name].data, store=None, chunk_size=CASES[name].chunk_size)
        )
        for name in ("C", "D", "E")
    }

    assert counts == {"C": 237, "D": 30, "E": 32}
