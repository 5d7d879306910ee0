"""Indexes that are cut off, damaged, or made to harm: refused before they cost anything."""

import os
import shutil
import struct
from collections.abc import Mapping
from random import Random
from typing import Any

import pytest

from tests.faults.measuring import MIB, Measure
from tests.vectors.inputs import ctr
from tests.workspace import Workspace

BLOB = ctr(60_000, b"index")
OLD = b"what was here before"
HEADER = struct.Struct("<8Q")
TYPE = 0x96824D9C7B129FF9
FLAGS = 0xB000000000000000
TABLE = 0xE75B9E112F17417D
MARKER = 0x4B4F050E5549ECD1
OPEN_ENDED = (1 << 64) - 1

OPERATIONS: Mapping[str, Mapping[str, Any]] = {
    "extract": {"index": "bad", "target": "out", "stores": ["store"]},
    "cat": {"index": "bad", "output": "out", "stores": ["store"]},
    "chop": {"index": "bad", "blob": "blob", "store": "store"},
    "cache": {"indexes": ["bad"], "stores": ["store"], "cache": "cache"},
    "verify-index": {"index": "bad", "blob": "blob"},
    "info": {"index": "bad", "output": "out"},
    "list-chunks": {"index": "bad", "output": "out"},
    "inspect-chunks": {"index": "bad", "output": "out"},
}


def index(sizes: tuple[int, int, int], *ends: int) -> bytes:
    """Write an index of chunks with IDs of zeros."""
    rows = b"".join(struct.pack("<Q", end) + bytes(32) for end in ends)
    tail = struct.pack("<5Q", 0, 0, 48, 16 + 40 * len(ends) + 40, MARKER)
    return HEADER.pack(48, TYPE, FLAGS, *sizes, OPEN_ENDED, TABLE) + rows + tail


@pytest.fixture
def good(workspace: Workspace) -> bytes:
    """A small valid index; its blob and store are there, and something else at `out`."""
    workspace.make("blob", BLOB)
    (workspace / "out").write_bytes(OLD)
    return (workspace / "blob.caibx").read_bytes()


def test_an_index_cut_off_at_any_byte_is_refused(workspace: Workspace, good: bytes) -> None:
    path = workspace / "bad"
    for length in range(len(good)):
        path.write_bytes(good[:length])
        ended = workspace.do("info", **OPERATIONS["info"])

        assert ended.summary == (4, "failed"), length
        assert ended.message.startswith(f"{path}: "), length
        assert "truncated" in ended.message, length
    assert (workspace / "out").read_bytes() == OLD


@pytest.mark.parametrize("kind", OPERATIONS)
def test_every_operation_refuses_an_index_that_is_cut_off(
    workspace: Workspace, good: bytes, kind: str
) -> None:
    (workspace / "bad").write_bytes(good[:-1])
    names = sorted(os.listdir(workspace.path))
    ended = workspace.do(kind, **OPERATIONS[kind])

    assert ended.summary == (4, "failed")
    assert ended.message.startswith(f"{workspace / 'bad'}: no tail after chunk ")
    assert ended.message.endswith("; the index is truncated")
    assert (workspace / "out").read_bytes() == OLD
    assert sorted(os.listdir(workspace.path)) == names


def test_an_index_with_a_wrong_bit_anywhere_never_gives_another_blob(
    workspace: Workspace, good: bytes
) -> None:
    random = Random(1)
    codes = set()
    for at in range(len(good)):
        wrong = bytearray(good)
        wrong[at] ^= 1 << random.randrange(8)
        (workspace / "bad").write_bytes(wrong)
        (workspace / "out").write_bytes(OLD)
        ended = workspace.do("extract", **OPERATIONS["extract"])
        code = ended.result.exit_code
        codes.add(code)

        assert code in {0, 4, 5}, (at, ended.message)
        assert (workspace / "out").read_bytes() == (OLD if code else BLOB), at
    assert codes == {0, 4, 5}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (index((1 << 62,) * 3), "chunk sizes 4611686018427387904:4611686018427387904:"),
        (index((1, 1, 1 << 62), 1 << 62), "chunk sizes 1:1:4611686018427387904 are not"),
        (index((1, 1, 1 << 27), 1 << 62), "chunk 0 at byte 64 has 4611686018427387904 bytes"),
        (index((1, 1, 1 << 27), 1 << 63), "chunk 0 at byte 64 has 9223372036854775808 bytes"),
        (index((1, 1, 1 << 27), 5, 5), "chunk 1 at byte 104 ends at 5, not after its start 5"),
        (index((1, 1, 1 << 27), 5, 4), "chunk 1 at byte 104 ends at 4, not after its start 5"),
        (index((0, 0, 0)), "chunk sizes 0:0:0 are not"),
    ],
)
def test_an_index_with_impossible_sizes_takes_no_memory(
    measure: Measure, workspace: Workspace, content: bytes, problem: str
) -> None:
    (workspace / "store").mkdir()
    (workspace / "bad").write_bytes(content)
    took = measure("extract", "-s", "store", "bad", "out")

    assert took.code == 4
    assert took.said.startswith(f"desync-run: {workspace / 'bad'}: {problem}")
    assert took.said.count("\n") == 1
    assert took.peak < 200 * MIB
    assert not (workspace / "out").exists()


def test_an_index_of_a_terabyte_without_its_chunks_takes_neither_memory_nor_disk(
    measure: Measure, workspace: Workspace
) -> None:
    (workspace / "store").mkdir()
    (workspace / "bad").write_bytes(
        index((1, 1, 1 << 27), *((number + 1) << 27 for number in range(10_000)))
    )
    took = measure("extract", "-s", "store", "bad", "out")

    if shutil.disk_usage(workspace.path).free < 10_000 << 27:
        assert took.code == 1
        assert f"{workspace.path}: not enough space" in took.said
    else:
        assert took.code == 5
        assert took.said == f"desync-run: chunk {'00' * 32} is missing from store\n"
    assert took.peak < 200 * MIB
    assert sorted(os.listdir(workspace.path)) == ["bad", "store"]


@pytest.mark.parametrize("size", [8 << 30, 9 << 30])
def test_a_large_file_that_is_no_index_is_refused_at_its_first_bytes(
    measure: Measure, workspace: Workspace, size: int
) -> None:
    with (workspace / "bad").open("wb") as file:
        file.truncate(size)
    took = measure("info", "bad")

    assert took.code == 4
    assert took.peak < 200 * MIB


def test_a_stream_that_is_no_index_is_refused_at_its_first_bytes(
    measure: Measure,
) -> None:
    took = measure("info", "/dev/zero")

    assert took.code == 4
    assert "/dev/zero: the index type at byte 8 is 0x0, not 0x96824d9c7b129ff9" in took.said
    assert took.peak < 200 * MIB
