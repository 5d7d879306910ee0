"""What is published is whole: chunks before indexes, indexes before what names them."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from desync_jobs.errors import ManifestError
from desync_jobs.execute.index_places import IndexPlace
from desync_jobs.stores.local import LocalStore
from tests.blobs import blob
from tests.workspace import Ended, Workspace, chunk_file, chunk_files, stamps

FILES = {"first.caibx", "latest.caibx", "head.json"}


@pytest.fixture
def built(workspace: Workspace) -> Workspace:
    """Two indexes, with their chunks in the store `build`."""
    for name in ("first", "second"):
        workspace.make(name, blob(name), store="build")
    return workspace


def publish(workspace: Workspace, name: str = "first", **fields: Any) -> Ended:
    index = f"{name}.caibx"
    given = {
        "indexes": [index],
        "stores": ["build"],
        "store": "public",
        "indexes_to": "images",
        "aliases": {"latest.caibx": index},
        "head": "head.json",
    }
    return workspace.do("publish", **{**given, **fields})


def test_chunks_index_alias_and_head_are_there_afterwards(built: Workspace) -> None:
    ended = publish(built)

    index = (built / "first.caibx").read_bytes()
    assert ended.summary == (0, "done")
    assert ended.statistics["files_written"] == 3
    assert set(chunk_files(built / "images")) == FILES
    assert (built / "images" / "first.caibx").read_bytes() == index
    assert (built / "images" / "latest.caibx").read_bytes() == index
    assert json.loads((built / "images" / "head.json").read_text()) == {
        "schema": "desync-run.head/1",
        "indexes": [
            {
                "name": "first.caibx",
                "sha256": hashlib.sha256(index).hexdigest(),
                "bytes": len(blob("first")),
                "chunks": len(built.index("first.caibx")),
            }
        ],
    }
    extracted = built.do("extract", index="images/latest.caibx", target="copy", stores=["public"])
    assert extracted.summary == (0, "done")
    assert (built / "copy").read_bytes() == blob("first")


def test_publishing_the_same_again_changes_nothing(built: Workspace) -> None:
    publish(built)
    before = stamps(built.path)

    assert publish(built).summary == (0, "unchanged")
    assert stamps(built.path) == before


def test_the_next_release_takes_over_alias_and_head_and_leaves_the_last(built: Workspace) -> None:
    publish(built)
    ended = publish(built, "second")

    assert ended.summary == (0, "done")
    assert set(chunk_files(built / "images")) == FILES | {"second.caibx"}
    assert (built / "images" / "latest.caibx").read_bytes() == (built / "second.caibx").read_bytes()


def test_everything_is_in_its_place_before_what_names_it_appears(
    built: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    plainly, flush = IndexPlace.write, LocalStore.flush

    def write(place: IndexPlace, name: str, *arguments: Any) -> bool:
        order.append(name)
        assert set(chunk_files(built / "public")) == set(chunk_files(built / "build"))
        return plainly(place, name, *arguments)

    def flushed(store: LocalStore) -> None:
        order.append("chunks")
        flush(store)

    monkeypatch.setattr(IndexPlace, "write", write)
    monkeypatch.setattr(LocalStore, "flush", flushed)
    indexes = ["first.caibx", "second.caibx"]
    publish(built, indexes=indexes)

    assert order == ["chunks", *indexes, "latest.caibx", "head.json"]


@pytest.mark.parametrize("at", ["second.caibx", "latest.caibx", "head.json"])
def test_a_publication_that_fails_leaves_what_was_current(
    built: Workspace, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    publish(built)
    before = chunk_files(built / "images")
    plainly = IndexPlace.read
    spoilt = [at]

    def read(place: IndexPlace, name: str) -> bytes | None:
        data = plainly(place, name)
        # What was just written reads back as something else, once.
        if spoilt == [name] and data == _new(built, name):
            spoilt.clear()
            return b"damaged"
        return data

    monkeypatch.setattr(IndexPlace, "read", read)
    failed = publish(built, "second")
    after = chunk_files(built / "images")

    assert failed.summary == (1, "failed")
    assert f"{at} reads back differently after it was written" in failed.message
    later = [one for one in ("latest.caibx", "head.json") if one > "" and one != at]
    if at == "second.caibx":
        assert {one: after[one] for one in later} == {one: before[one] for one in later}
    if at == "latest.caibx":
        assert after["head.json"] == before["head.json"]
    assert publish(built, "second").result.exit_code == 0
    assert json.loads((built / "images" / "head.json").read_text())["indexes"][0]["name"] == (
        "second.caibx"
    )


def _new(workspace: Workspace, name: str) -> bytes:
    """Return what a file has after the second release was published."""
    if name != "head.json":
        return (workspace / "second.caibx").read_bytes()
    path: Path = workspace / "images" / name
    data = path.read_bytes()
    return data if b"second" in data else b""


def test_without_all_chunks_nothing_is_published(built: Workspace) -> None:
    publish(built)
    before = chunk_files(built / "images")
    first = {row.tobytes() for row in built.index("first.caibx").ids}
    new = [row.tobytes() for row in built.index("second.caibx").ids if row.tobytes() not in first]
    chunk_file(built / "build", new[0]).unlink()
    ended = publish(built, "second")

    assert ended.summary == (5, "failed")
    assert new[0].hex() in ended.message
    assert chunk_files(built / "images") == before


WRONG: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "an alias of nothing": ({"aliases": {"latest": "third.caibx"}}, ("aliases", "latest")),
    "an alias called as an index": (
        {"aliases": {"first.caibx": "first.caibx"}},
        ("aliases", "first.caibx"),
    ),
    "a head called as an alias": ({"head": "latest.caibx"}, ("head",)),
    "a head elsewhere": ({"head": "../head"}, ("head",)),
    "two of one name": ({"indexes": ["first.caibx", "a/first.caibx"]}, ("indexes",)),
}


@pytest.mark.parametrize("case", WRONG)
def test_names_that_cannot_be_are_refused(built: Workspace, case: str) -> None:
    fields, where = WRONG[case]

    with pytest.raises(ManifestError) as caught:
        publish(built, **fields)
    assert [one.where for one in caught.value.problems] == [("operations", "publish", *where)]
