import json
from typing import Any

import pytest

from desync_jobs.formats.index import Index
from tests.blobs import blob
from tests.vectors.inputs import ctr
from tests.workspace import How, Workspace, chunk_file, overwrite, stamp


@pytest.fixture
def made(workspace: Workspace) -> Index:
    """The index of `blob`, in which chunks repeat."""
    return workspace.make("blob", blob("first"))


def rows_of(output: bytes) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(output)
    return rows


def expected(workspace: Workspace, index: Index, store: str | None) -> list[dict[str, Any]]:
    """Return what is there, read from the directory itself."""
    rows: list[dict[str, Any]] = []
    for at in range(len(index)):
        row: dict[str, Any] = {"id": index.id(at).hex(), "uncompressed_size": index.length(at)}
        file = None if store is None else chunk_file(workspace / store, index.id(at))
        if file is not None and file.exists():
            row["compressed_size"] = file.stat().st_size
        rows.append(row)
    return rows


def test_every_position_is_described_repeats_included(workspace: Workspace, made: Index) -> None:
    ended = workspace.do("inspect-chunks", index="blob.caibx", store="store")
    rows = rows_of(ended.output)

    assert ended.result.exit_code == 0
    assert rows == expected(workspace, made, "store")
    assert len({row["id"] for row in rows}) < len(rows) == len(made)
    assert all(list(row) == ["id", "uncompressed_size", "compressed_size"] for row in rows)
    assert ended.statistics == {"chunks": len(made)}


def test_chunks_that_the_store_lacks_have_no_stored_size(workspace: Workspace, made: Index) -> None:
    lacking = {made.id(5), made.id(9)}
    for chunk_id in lacking:
        chunk_file(workspace / "store", chunk_id).unlink()
    rows = rows_of(workspace.do("inspect-chunks", index="blob.caibx", store="store").output)

    assert rows == expected(workspace, made, "store")
    assert {row["id"] for row in rows if "compressed_size" not in row} == {
        one.hex() for one in lacking
    }


def test_without_a_store_no_chunk_has_a_stored_size(workspace: Workspace, made: Index) -> None:
    rows = rows_of(workspace.do("inspect-chunks", index="blob.caibx").output)

    assert rows == expected(workspace, made, None)


def test_chunks_of_a_plain_store_have_no_compressed_size(workspace: Workspace) -> None:
    workspace.places["plain"] = {"compression": "none"}
    index = workspace.make("blob", blob("first"), store="plain")
    rows = rows_of(workspace.do("inspect-chunks", index="blob.caibx", store="plain").output)

    assert rows == expected(workspace, index, None)


def test_an_empty_chunk_file_has_no_stored_size(workspace: Workspace, made: Index) -> None:
    overwrite(chunk_file(workspace / "store", made.id(5)), b"")
    rows = rows_of(workspace.do("inspect-chunks", index="blob.caibx", store="store").output)

    assert "compressed_size" not in rows[5]
    assert "compressed_size" in rows[6]


def test_the_json_is_indented_by_two(workspace: Workspace) -> None:
    workspace.make("blob", b"abc", store=None)
    index = workspace.index("blob.caibx")
    ended = workspace.do("inspect-chunks", index="blob.caibx")

    assert ended.output.decode() == (
        f'[\n  {{\n    "id": "{index.id(0).hex()}",\n    "uncompressed_size": 3\n  }}\n]\n'
    )


def test_an_index_of_nothing_is_an_empty_array(workspace: Workspace) -> None:
    workspace.make("blob", b"")
    ended = workspace.do("inspect-chunks", index="blob.caibx", store="store")

    assert ended.output == b"[]\n"


def test_the_index_comes_from_standard_input(workspace: Workspace, made: Index) -> None:
    data = (workspace / "blob.caibx").read_bytes()
    ended = workspace.do("inspect-chunks", How(given=data), index="-", store="store")

    assert rows_of(ended.output) == expected(workspace, made, "store")


def test_an_output_that_is_the_same_is_left_alone(workspace: Workspace, made: Index) -> None:
    fields = {"index": "blob.caibx", "store": "store", "output": "chunks"}
    first = workspace.do("inspect-chunks", **fields)
    before = stamp(workspace / "chunks")
    second = workspace.do("inspect-chunks", **fields)

    assert (first.summary, second.summary) == ((0, "done"), (0, "unchanged"))
    assert stamp(workspace / "chunks") == before
    assert rows_of((workspace / "chunks").read_bytes()) == expected(workspace, made, "store")


def test_an_output_survives_a_failure(workspace: Workspace, made: Index) -> None:
    (workspace / "chunks").write_bytes(b"what is there")
    (workspace / "broken").mkdir()
    (workspace / "broken" / made.id(10).hex()[:4]).write_bytes(b"a file")
    fields = {"output": "chunks"}
    ended = [
        workspace.do("inspect-chunks", index="absent.caibx", **fields),
        workspace.do("inspect-chunks", index="blob.caibx", store="absent", **fields),
        workspace.do("inspect-chunks", index="blob.caibx", store="broken", **fields),
    ]

    assert [one.summary for one in ended] == [(5, "failed"), (1, "failed"), (1, "failed")]
    assert (workspace / "chunks").read_bytes() == b"what is there"


def test_the_output_is_never_the_index(workspace: Workspace, made: Index) -> None:
    (workspace / "link").symlink_to("blob.caibx")
    ended = workspace.do("inspect-chunks", index="blob.caibx", output="link")

    assert ended.summary == (64, "failed")
    assert len(workspace.index("blob.caibx")) == len(made)


def test_many_positions_are_written_as_the_json_module_writes_them(workspace: Workspace) -> None:
    """More than are described together, many of them the same."""
    data = bytes(3_000_000) + ctr(400_000) + bytes(1_500_000)
    index = workspace.make("blob", data, chunk_size="1KiB:2KiB:4KiB")
    workspace.make("other", data[:3_200_000], store="part", chunk_size="1KiB:2KiB:4KiB")
    output = workspace.do("inspect-chunks", index="blob.caibx", store="part").output

    assert len(index) > 1024
    assert rows_of(output) == expected(workspace, index, "part")
    assert output == json.dumps(rows_of(output), indent=2).encode() + b"\n"
