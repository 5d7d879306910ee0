import lzma

import pytest

from desync_jobs.formats.index import Index
from tests.blobs import blob
from tests.workspace import (
    How,
    Workspace,
    chunk_file,
    chunk_files,
    ids_of,
    overwrite,
    stamps,
)


@pytest.fixture
def made(workspace: Workspace) -> tuple[Index, Index]:
    """Indexes of two releases; `one` has the chunks of the first, `two` only new ones."""
    first = workspace.make("first", blob("first"), store="one")
    second = workspace.make("second", blob("second"), store="two")
    for chunk_id in set(ids_of(first)) & set(ids_of(second)):
        chunk_file(workspace / "two", chunk_id).unlink()
    return first, second


def names(ids: set[bytes], suffix: str = ".cacnk") -> set[str]:
    return {f"{one.hex()[:4]}/{one.hex()}{suffix}" for one in ids}


CASES = {
    "one index, one store": (["first.caibx"], ["one"]),
    "one index, two stores": (["second.caibx"], ["one", "two"]),
    "two indexes, two stores": (["first.caibx", "second.caibx"], ["one", "two"]),
    "two indexes, two stores turned": (["second.caibx", "first.caibx"], ["two", "one"]),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("workers", [1, 4])
def test_a_cache_gets_every_chunk_of_the_indexes(
    workspace: Workspace, made: tuple[Index, Index], case: str, workers: int
) -> None:
    del made
    indexes, stores = CASES[case]
    ended = workspace.do(
        "cache", How(workers=workers), indexes=indexes, stores=stores, cache="cache"
    )
    lengths = {
        index.id(at): index.length(at)
        for index in map(workspace.index, indexes)
        for at in range(len(index))
    }
    stored = chunk_files(workspace / "cache")

    assert ended.summary == (0, "done")
    assert set(stored) == names(set(lengths))
    assert ended.only.reason == f"the cache lacks {len(lengths)} of {len(lengths)} chunks"
    counts = ended.statistics
    assert {key: counts[key] for key in ("bytes", "chunks_stored", "bytes_stored")} == {
        "bytes": sum(lengths.values()),
        "chunks_stored": len(lengths),
        "bytes_stored": sum(map(len, stored.values())),
    }
    assert workspace.do("verify", store="cache").summary == (0, "done")


def test_a_second_run_writes_nothing_and_needs_no_store(
    workspace: Workspace, made: tuple[Index, Index]
) -> None:
    first, _ = made
    workspace.do("cache", indexes=["first.caibx"], stores=["one"], cache="cache")
    before = stamps(workspace.path)
    ended = workspace.do("cache", indexes=["first.caibx"], stores=["absent"], cache="cache")

    assert ended.summary == (0, "unchanged")
    assert ended.only.reason == f"the cache has all {len(set(ids_of(first)))} chunks"
    assert ended.statistics == {"bytes": 0, "chunks_stored": 0, "bytes_stored": 0}
    assert stamps(workspace.path) == before


def test_a_cache_that_has_the_old_release_gets_what_is_new(
    workspace: Workspace, made: tuple[Index, Index]
) -> None:
    first, second = made
    workspace.do("cache", indexes=["first.caibx"], stores=["one"], cache="cache")
    before = stamps(workspace / "cache")
    ended = workspace.do("cache", indexes=["second.caibx"], stores=["two"], cache="cache")
    after = stamps(workspace / "cache")
    new = set(ids_of(second)) - set(ids_of(first))

    assert ended.statistics["chunks_stored"] == len(new) > 0
    assert {path: after[path] for path in before} == before
    assert set(after) - set(before) == names(new)


@pytest.mark.parametrize("how", ["index", "list"])
def test_ignored_chunks_are_left_out(
    workspace: Workspace, made: tuple[Index, Index], how: str
) -> None:
    first, second = made
    (workspace / "ids").write_text("\n".join(one.hex() for one in ids_of(first)))
    given = {"ignore": ["first.caibx"]} if how == "index" else {"ignore_chunks": ["ids"]}
    ended = workspace.do("cache", indexes=["second.caibx"], stores=["two"], cache="cache", **given)

    assert ended.summary == (0, "done")
    assert set(chunk_files(workspace / "cache")) == names(set(ids_of(second)) - set(ids_of(first)))


@pytest.mark.parametrize(("source", "target"), [("zstd", "none"), ("none", "zstd")])
def test_chunks_are_converted_to_the_form_of_the_cache(
    workspace: Workspace, source: str, target: str
) -> None:
    workspace.places.update({"from": {"compression": source}, "to": {"compression": target}})
    index = workspace.make("blob", blob("first"), store="from")
    ended = workspace.do("cache", indexes=["blob.caibx"], stores=["from"], cache="to")
    (workspace / "from").rename(workspace / "away")
    extracted = workspace.do("extract", index="blob.caibx", target="copy", stores=["to"])

    assert ended.summary == (0, "done")
    assert set(chunk_files(workspace / "to")) == names(
        set(ids_of(index)), "" if target == "none" else ".cacnk"
    )
    assert extracted.summary == (0, "done")
    assert (workspace / "copy").read_bytes() == blob("first")


def test_chunks_of_the_same_form_are_copied_as_they_are(workspace: Workspace) -> None:
    workspace.places["one"] = {"level": 19}
    workspace.make("first", blob("first"), store="one")
    workspace.do("cache", indexes=["first.caibx"], stores=["one"], cache="cache")

    assert chunk_files(workspace / "cache") == chunk_files(workspace / "one")


def test_other_compressions_become_zstd(workspace: Workspace, made: tuple[Index, Index]) -> None:
    first, _ = made
    at = 3
    plain = blob("first")[first.start(at) : first.end(at)]
    overwrite(chunk_file(workspace / "one", first.id(at)), lzma.compress(plain))
    ended = workspace.do("cache", indexes=["first.caibx"], stores=["one"], cache="cache")

    assert ended.summary == (0, "done")
    assert chunk_file(workspace / "cache", first.id(at)).read_bytes()[:4] == b"\x28\xb5\x2f\xfd"


def test_what_the_cache_has_is_not_looked_into(
    workspace: Workspace, made: tuple[Index, Index]
) -> None:
    first, _ = made
    workspace.do("cache", indexes=["first.caibx"], stores=["one"], cache="cache")
    overwrite(chunk_file(workspace / "cache", first.id(5)), b"damage")
    ended = workspace.do("cache", indexes=["first.caibx"], stores=["one"], cache="cache")

    assert ended.summary == (0, "unchanged")
    assert chunk_file(workspace / "cache", first.id(5)).read_bytes() == b"damage"


def test_an_empty_file_in_the_cache_is_no_chunk(
    workspace: Workspace, made: tuple[Index, Index]
) -> None:
    first, _ = made
    workspace.do("cache", indexes=["first.caibx"], stores=["one"], cache="cache")
    overwrite(chunk_file(workspace / "cache", first.id(5)), b"")
    ended = workspace.do("cache", indexes=["first.caibx"], stores=["one"], cache="cache")

    assert ended.statistics["chunks_stored"] == 1
    assert chunk_files(workspace / "cache") == chunk_files(workspace / "one")


def test_a_chunk_that_no_store_has_is_missing(
    workspace: Workspace, made: tuple[Index, Index]
) -> None:
    first, second = made
    ended = workspace.do("cache", indexes=["second.caibx"], stores=["one"], cache="cache")
    missing = set(ids_of(second)) - set(ids_of(first))

    assert ended.summary == (5, "failed")
    assert ended.message in {f"chunk {one.hex()} is missing from one" for one in missing}


def test_a_damaged_chunk_is_not_copied(workspace: Workspace, made: tuple[Index, Index]) -> None:
    first, _ = made
    overwrite(chunk_file(workspace / "one", first.id(5)), b"damage")
    ended = workspace.do("cache", indexes=["first.caibx"], stores=["one"], cache="cache")

    assert ended.summary == (4, "failed")
    assert not chunk_file(workspace / "cache", first.id(5)).exists()


def test_indexes_of_both_digests_fill_one_cache(workspace: Workspace) -> None:
    one = workspace.make("one", blob("first"))
    two = workspace.make("two", blob("first"), digest="sha256")
    ended = workspace.do(
        "cache", indexes=["one.caibx", "two.caibx"], stores=["store"], cache="cache"
    )

    assert ended.summary == (0, "done")
    assert ended.statistics["chunks_stored"] == len(set(ids_of(one))) + len(set(ids_of(two)))
    assert set(chunk_files(workspace / "cache")) == names(set(ids_of(one)) | set(ids_of(two)))


def test_an_index_that_is_missing_is_an_error(
    workspace: Workspace, made: tuple[Index, Index]
) -> None:
    del made
    fields = {"stores": ["one"], "cache": "cache"}
    wanted = workspace.do("cache", indexes=["first.caibx", "absent.caibx"], **fields)
    ignored = workspace.do("cache", indexes=["first.caibx"], ignore=["absent.caibx"], **fields)

    assert [one.summary for one in (wanted, ignored)] == [(5, "failed")] * 2
    assert not (workspace / "cache").exists()


def test_a_cache_that_cannot_answer_is_an_error(
    workspace: Workspace, made: tuple[Index, Index]
) -> None:
    first, _ = made
    (workspace / "cache").mkdir()
    (workspace / "cache" / first.id(5).hex()[:4]).write_bytes(b"a file")
    ended = workspace.do("cache", indexes=["first.caibx"], stores=["one"], cache="cache")

    assert ended.summary == (1, "failed")
    assert ended.message.startswith("store cache: cannot say whether it has chunk ")
