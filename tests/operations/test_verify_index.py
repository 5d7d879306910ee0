import os
from typing import Any

import pytest

from desync_jobs.formats.index import Index
from tests.blobs import NAMES, blob
from tests.workspace import SMALL, How, Workspace

FIRST = blob("first")


@pytest.fixture
def made(workspace: Workspace) -> Index:
    """The index of `blob`, which is FIRST."""
    return workspace.make("blob", FIRST, store=None)


def wrong_at(index: Index, positions: list[int]) -> bytes:
    """Return FIRST with one wrong byte in the chunk at each position."""
    data = bytearray(FIRST)
    for at in positions:
        data[index.end(at) - 1] ^= 1
    return bytes(data)


@pytest.mark.parametrize("name", [*NAMES, "first", "second"])
@pytest.mark.parametrize("workers", [1, 4])
def test_a_blob_is_what_its_index_describes(workspace: Workspace, name: str, workers: int) -> None:
    index = workspace.make("blob", blob(name), store=None)
    ended = workspace.do("verify-index", How(workers=workers), index="blob.caibx", blob="blob")

    assert ended.summary == (0, "done")
    assert ended.statistics == {
        "bytes": len(blob(name)),
        "chunks": len(index),
        "wrong_chunks": 0,
        "wrong_ranges": [],
    }


def test_every_wrong_range_is_named(workspace: Workspace, made: Index) -> None:
    (workspace / "blob").write_bytes(wrong_at(made, [0, 7, 8, 9, 40, len(made) - 1]))
    ended = workspace.do("verify-index", index="blob.caibx", blob="blob")
    ranges = [
        [0, made.end(0)],
        [made.start(7), made.end(9)],
        [made.start(40), made.end(40)],
        [made.start(len(made) - 1), len(FIRST)],
    ]

    assert ended.summary == (4, "failed")
    assert ended.statistics["wrong_chunks"] == 6
    assert ended.statistics["wrong_ranges"] == ranges
    assert ended.message == (
        f"{workspace.path}/blob is not what its index describes: bytes "
        + ", ".join(f"{begin}-{end}" for begin, end in ranges)
    )


def test_a_message_names_ten_ranges_and_the_statistics_all(
    workspace: Workspace, made: Index
) -> None:
    positions = list(range(0, 26, 2))
    (workspace / "blob").write_bytes(wrong_at(made, positions))
    ended = workspace.do("verify-index", index="blob.caibx", blob="blob")

    assert len(ended.statistics["wrong_ranges"]) == len(positions) == 13
    assert ended.message.count("-") - str(workspace.path).count("-") == 10
    assert ended.message.endswith(" and 3 more")


def test_a_blob_of_another_release_is_wrong(workspace: Workspace, made: Index) -> None:
    (workspace / "other").write_bytes(blob("second") + bytes(len(FIRST) - len(blob("second"))))
    ended = workspace.do("verify-index", index="blob.caibx", blob="other")
    ranges = ended.statistics["wrong_ranges"]

    assert ended.summary == (4, "failed")
    assert all(FIRST[a:b] != (workspace / "other").read_bytes()[a:b] for a, b in ranges)
    assert ended.statistics["wrong_chunks"] < len(made)


@pytest.mark.parametrize("change", [-1, 1, -len(FIRST)])
def test_a_file_of_another_size_is_wrong_without_being_read(
    workspace: Workspace, made: Index, change: int
) -> None:
    del made
    (workspace / "blob").write_bytes((FIRST + b"!")[: len(FIRST) + change])
    ended = workspace.do("verify-index", index="blob.caibx", blob="blob")

    assert ended.summary == (4, "failed")
    assert ended.message == (
        f"{workspace.path}/blob has {len(FIRST) + change} bytes, its index "
        f"{workspace.path}/blob.caibx describes {len(FIRST)}"
    )


def test_it_changes_nothing_and_always_runs(workspace: Workspace, made: Index) -> None:
    del made
    job: dict[str, dict[str, Any]] = {
        "check": {"kind": "verify-index", "index": "blob.caibx", "blob": "blob"}
    }
    ended = [workspace.run(job).summary for _ in range(2)]

    assert ended == [(0, "done")] * 2
    assert not workspace.plan(job).changes


def test_the_index_comes_from_standard_input(workspace: Workspace, made: Index) -> None:
    del made
    data = (workspace / "blob.caibx").read_bytes()
    ended = workspace.do("verify-index", How(given=data), index="-", blob="blob")

    assert ended.summary == (0, "done")


@pytest.mark.parametrize("digest", ["sha512-256", "sha256"])
def test_the_index_says_which_digest_it_is(workspace: Workspace, digest: str) -> None:
    workspace.make("blob", FIRST, store=None, digest=digest)
    ended = workspace.do("verify-index", index="blob.caibx", blob="blob")

    assert ended.summary == (0, "done")


def test_what_cannot_be_verified_is_told(workspace: Workspace, made: Index) -> None:
    del made
    os.mkfifo(workspace / "fifo")
    (workspace / "folder").mkdir()
    (workspace / "broken.caibx").write_bytes((workspace / "blob.caibx").read_bytes()[:-1])
    ended = {
        (index, data): workspace.do("verify-index", index=index, blob=data)
        for index, data in [
            ("absent.caibx", "blob"),
            ("broken.caibx", "blob"),
            ("blob.caibx", "absent"),
            ("blob.caibx", "folder"),
            ("blob.caibx", "fifo"),
        ]
    }

    assert [one.summary for one in ended.values()] == [
        (5, "failed"),
        (4, "failed"),
        (1, "failed"),
        (1, "failed"),
        (1, "failed"),
    ]
    assert ended["blob.caibx", "fifo"].message.endswith(
        "is a stream; this operation needs a file or a device"
    )


def test_a_blob_that_shrinks_to_nothing_in_its_chunks_is_wrong(workspace: Workspace) -> None:
    """The end of a sparse file reads as zeros, which are not what was there."""
    index = workspace.make("blob", FIRST, store=None, chunk_size=SMALL)
    os.truncate(workspace / "blob", 1000)
    os.truncate(workspace / "blob", len(FIRST))
    ended = workspace.do("verify-index", index="blob.caibx", blob="blob")
    zeros = [at for at in range(len(index)) if not any(FIRST[index.start(at) : index.end(at)])]

    assert ended.summary == (4, "failed")
    assert ended.statistics["wrong_chunks"] == len(index) - len(zeros)
