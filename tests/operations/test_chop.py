from typing import Any

import pytest

from desync_jobs.formats.index import Index
from tests.blobs import blob
from tests.workspace import How, Workspace, chunk_file, chunk_files, ids_of, stamps

FIRST = blob("first")


@pytest.fixture
def made(workspace: Workspace) -> Index:
    """The index of `blob`, whose chunks are in `full`."""
    return workspace.make("blob", FIRST, store="full")


def names(ids: set[bytes]) -> set[str]:
    return {f"{one.hex()[:4]}/{one.hex()}.cacnk" for one in ids}


@pytest.mark.parametrize("workers", [1, 4])
def test_the_chunks_of_a_blob_are_stored_as_make_stores_them(
    workspace: Workspace, made: Index, workers: int
) -> None:
    ended = workspace.do(
        "chop", How(workers=workers), index="blob.caibx", blob="blob", store="store"
    )
    stored = chunk_files(workspace / "store")
    lengths = {made.id(at): made.length(at) for at in range(len(made))}

    assert ended.summary == (0, "done")
    assert ended.only.reason == f"the store lacks {len(lengths)} chunks"
    assert stored == chunk_files(workspace / "full")
    assert ended.statistics == {
        "bytes": sum(lengths.values()),
        "chunks_stored": len(lengths),
        "bytes_stored": sum(map(len, stored.values())),
    }


def test_a_second_run_writes_nothing(workspace: Workspace, made: Index) -> None:
    del made
    fields = {"index": "blob.caibx", "blob": "blob", "store": "store"}
    workspace.do("chop", **fields)
    before = stamps(workspace.path)
    ended = workspace.do("chop", **fields)

    assert ended.summary == (0, "unchanged")
    assert ended.statistics == {"bytes": 0, "chunks_stored": 0, "bytes_stored": 0}
    assert stamps(workspace.path) == before


def test_only_what_the_store_lacks_is_read_and_stored(workspace: Workspace, made: Index) -> None:
    workspace.do("chop", index="blob.caibx", blob="blob", store="store")
    before = stamps(workspace / "store")
    lost = [made.id(5), made.id(9)]
    for chunk_id in lost:
        chunk_file(workspace / "store", chunk_id).unlink()
    ended = workspace.do("chop", index="blob.caibx", blob="blob", store="store")

    assert ended.statistics["bytes"] == made.length(5) + made.length(9)
    assert ended.statistics["chunks_stored"] == 2
    assert len(stamps(workspace / "store")) == len(before)


@pytest.mark.parametrize("how", ["index", "list", "both"])
def test_ignored_chunks_are_left_out(workspace: Workspace, made: Index, how: str) -> None:
    second = workspace.make("second", blob("second"), store=None)
    listed = set(ids_of(made)[:7])
    (workspace / "ids").write_text("\n".join(one.hex() for one in listed) + "\n")
    ignored: set[bytes] = set()
    fields: dict[str, list[str]] = {}
    if how != "list":
        ignored |= set(ids_of(second))
        fields["ignore"] = ["second.caibx"]
    if how != "index":
        ignored |= listed
        fields["ignore_chunks"] = ["ids"]
    ended = workspace.do("chop", index="blob.caibx", blob="blob", store="store", **fields)
    again = workspace.do("chop", index="blob.caibx", blob="blob", store="store", **fields)

    assert ended.summary == (0, "done")
    assert set(chunk_files(workspace / "store")) == names(set(ids_of(made)) - ignored)
    assert 0 < len(set(ids_of(made)) - ignored) < len(set(ids_of(made)))
    assert again.summary == (0, "unchanged")


def test_several_lists_and_indexes_are_left_out_together(workspace: Workspace, made: Index) -> None:
    ids = [one.hex() for one in ids_of(made)]
    (workspace / "one").write_text("\n" + "\n\n".join(ids[:20]) + "\n\n")
    (workspace / "two").write_text("  " + "\r\n\t".join(ids[10:40]).upper())
    workspace.make("part", FIRST[-40_000:], store=None)
    part = workspace.index("part.caibx")
    ended = workspace.do(
        "chop",
        index="blob.caibx",
        blob="blob",
        store="store",
        ignore=["part.caibx"],
        ignore_chunks=["one", "two"],
    )
    wanted = set(ids_of(made)) - set(ids_of(made)[:40]) - set(ids_of(part))

    assert ended.summary == (0, "done")
    assert set(chunk_files(workspace / "store")) == names(wanted)


def test_a_store_is_not_made_where_everything_is_ignored(workspace: Workspace, made: Index) -> None:
    del made
    ended = workspace.do(
        "chop", index="blob.caibx", blob="blob", store="store", ignore=["blob.caibx"]
    )

    assert ended.summary == (0, "unchanged")
    assert not (workspace / "store").exists()


@pytest.mark.parametrize("line", ["x" * 64, "00" * 31, "00" * 33, "0x" + "00" * 31, "not an ID"])
def test_a_line_that_is_no_chunk_id_is_named(workspace: Workspace, made: Index, line: str) -> None:
    (workspace / "ids").write_text(f"{made.id(0).hex()}\n\n{line}\n")
    ended = workspace.do(
        "chop", index="blob.caibx", blob="blob", store="store", ignore_chunks=["ids"]
    )

    assert ended.summary == (4, "failed")
    assert ended.message.startswith(f"{workspace.path}/ids: line 3: ")
    assert not (workspace / "store").exists()


def test_a_blob_that_is_not_the_indexs_is_an_error_that_names_where(
    workspace: Workspace, made: Index
) -> None:
    data = bytearray(FIRST)
    data[made.start(30)] ^= 1
    (workspace / "blob").write_bytes(data)
    ended = workspace.do("chop", index="blob.caibx", blob="blob", store="store")

    assert ended.summary == (4, "failed")
    assert ended.message == (
        f"{workspace.path}/blob is not what its index describes: "
        f"bytes {made.start(30)}-{made.end(30)}"
    )
    assert not chunk_file(workspace / "store", made.id(30)).exists()
    assert all(
        path.name.removesuffix(".cacnk") in {one.hex() for one in ids_of(made)}
        for path in (workspace / "store").rglob("*")
        if path.is_file()
    )


def test_a_blob_that_is_too_short_is_refused_before_anything_is_stored(
    workspace: Workspace, made: Index
) -> None:
    del made
    (workspace / "blob").write_bytes(FIRST[:-1])
    ended = workspace.do("chop", index="blob.caibx", blob="blob", store="store")

    assert ended.summary == (4, "failed")
    assert f"has {len(FIRST) - 1} bytes" in ended.message
    assert not (workspace / "store").exists()


def test_what_follows_the_blob_does_not_matter(workspace: Workspace, made: Index) -> None:
    """As on a device, which is larger than what is on it."""
    (workspace / "blob").write_bytes(FIRST + b"more")
    ended = workspace.do("chop", index="blob.caibx", blob="blob", store="store")

    assert ended.summary == (0, "done")
    assert set(chunk_files(workspace / "store")) == names(set(ids_of(made)))


def test_a_plain_store_gets_plain_chunks(workspace: Workspace, made: Index) -> None:
    workspace.places["plain"] = {"compression": "none"}
    workspace.do("chop", index="blob.caibx", blob="blob", store="plain")

    assert chunk_files(workspace / "plain") == {
        f"{made.id(at).hex()[:4]}/{made.id(at).hex()}": FIRST[made.start(at) : made.end(at)]
        for at in range(len(made))
    }


def test_the_index_comes_from_standard_input(workspace: Workspace, made: Index) -> None:
    data = (workspace / "blob.caibx").read_bytes()
    ended = workspace.do("chop", How(given=data), index="-", blob="blob", store="store")

    assert ended.summary == (0, "done")
    assert set(chunk_files(workspace / "store")) == names(set(ids_of(made)))


def test_a_missing_index_of_either_kind_is_an_error(workspace: Workspace, made: Index) -> None:
    del made
    fields = {"blob": "blob", "store": "store"}
    wanted = workspace.do("chop", index="absent.caibx", **fields)
    ignored = workspace.do("chop", index="blob.caibx", ignore=["absent.caibx"], **fields)
    listed = workspace.do("chop", index="blob.caibx", ignore_chunks=["absent"], **fields)

    assert [one.summary for one in (wanted, ignored)] == [(5, "failed")] * 2
    assert listed.summary == (1, "failed")
    assert not (workspace / "store").exists()


def test_a_store_that_cannot_be_one_is_an_error(workspace: Workspace, made: Index) -> None:
    del made
    (workspace / "file").write_bytes(b"")
    fields = {"index": "blob.caibx", "blob": "blob"}
    file = workspace.do("chop", store="file", **fields)
    workspace.places["deep"] = {"url": "file/deep"}
    deep = workspace.do("chop", store="deep", **fields)

    assert [one.summary for one in (file, deep)] == [(1, "failed")] * 2
    assert "cannot create" in deep.message
    assert (workspace / "file").read_bytes() == b""


def test_the_program_refuses_to_chop_without_a_store(
    workspace: Workspace, made: Index, desync_run: Any
) -> None:
    del made
    before = stamps(workspace.path)
    ended = desync_run("chop", "blob.caibx", "blob")

    assert ended.returncode == 64
    assert b"'--store'" in ended.stderr
    assert stamps(workspace.path) == before
