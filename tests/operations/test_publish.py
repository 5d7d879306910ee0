"""What is published is whole: chunks before indexes, indexes before what names them."""

import hashlib
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from desync_jobs.errors import ManifestError
from desync_jobs.execute.index_places import IndexPlace
from desync_jobs.execute.publication import Publishing
from desync_jobs.stores.local import LocalStore
from tests.blobs import blob
from tests.servers.ledgers import published
from tests.workspace import Ended, Workspace, chunk_file, chunk_files, ids_of, stamps

GIVEN: dict[str, Any] = {
    "kind": "publish",
    "indexes": ["first.caibx"],
    "stores": ["build"],
    "store": "public",
    "indexes_to": "images",
    "aliases": {"latest.caibx": "first.caibx"},
    "head": "head.json",
}
LOOK = {"index": "first.caibx", "stores": ["far"]}
FILES = {"first.caibx", "latest.caibx", "head.json"}


@pytest.fixture
def built(workspace: Workspace) -> Workspace:
    """Two indexes, with their chunks in the store `build`."""
    for name in ("first", "second"):
        workspace.make(name, blob(name), store="build")
    return workspace


def publish(workspace: Workspace, name: str = "first", **fields: Any) -> Ended:
    index = f"{name}.caibx"
    given = {**GIVEN, "indexes": [index], "aliases": {"latest.caibx": index}, **fields}
    return workspace.do(given.pop("kind"), **given)


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


def test_places_are_made_with_their_parent_directories(built: Workspace) -> None:
    built.places["public"] = {"url": "www/a/chunks"}

    assert publish(built, indexes_to="www/b/images").summary == (0, "done")
    assert set(chunk_files(built / "www" / "b" / "images")) == FILES
    assert len(chunk_files(built / "www" / "a" / "chunks")) == len(
        set(ids_of(built.index("first.caibx")))
    )


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


def names_written(monkeypatch: pytest.MonkeyPatch, workspace: Workspace) -> list[str]:
    """Return the paths of files in the order in which they are written."""
    order: list[str] = []
    plainly = IndexPlace.write

    def write(place: IndexPlace, name: str, *arguments: Any) -> bool:
        order.append(str(Path(place.url_of(name)).relative_to(workspace.path)))
        return plainly(place, name, *arguments)

    monkeypatch.setattr(IndexPlace, "write", write)
    return order


def test_mirrors_have_everything_before_the_public_place_gets_the_same(
    built: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = names_written(monkeypatch, built)
    mirrors = [{"store": "far", "indexes_to": "far-images"}, {"indexes_to": "also"}]
    built.places["far"] = {"url": "far"}
    (built / "far").mkdir()
    job = {**GIVEN, "mirrors": mirrors, "pointers": {"LATEST": "first.caibx"}}
    ended = run_with_far(built, job)

    places = ("far-images", "also", "images")
    assert ended.summary == (0, "done"), ended.message
    assert order == [
        f"{place}/{name}"
        for name in ("first.caibx", "latest.caibx", "LATEST", "head.json")
        for place in places
    ]
    assert chunk_files(built / "far") == chunk_files(built / "public") != {}
    for place in places:
        assert (built / place / "LATEST").read_text() == "first.caibx\n"
        assert chunk_files(built / place) == chunk_files(built / "images")
    assert run_with_far(built, job).summary == (0, "unchanged")


def test_where_a_mirror_cannot_be_written_nothing_moves_on_anywhere(built: Workspace) -> None:
    publish(built)
    before = chunk_files(built / "images")
    (built / "full").write_bytes(b"no directory")
    mirrors = [{"indexes_to": "mirror"}, {"indexes_to": "full"}]
    failed = publish(built, "second", mirrors=mirrors)

    assert failed.summary == (1, "failed")
    assert str(built / "full") in failed.message
    assert chunk_files(built / "images") == before
    assert set(chunk_files(built / "mirror")) == {"second.caibx"}
    (built / "full").unlink()
    assert publish(built, "second", mirrors=mirrors).summary == (0, "done")
    assert chunk_files(built / "full") == chunk_files(built / "mirror")


def test_a_plan_says_what_is_to_be_written_where(built: Workspace) -> None:
    publish(built)
    job = {**GIVEN, "mirrors": [{"indexes_to": "mirror"}]}
    (step,) = built.plan({"publish": job}).steps

    assert step.reason == (
        "index first.caibx, alias latest.caibx and head head.json to be written in mirror"
    )


def test_chunks_that_went_after_the_plan_was_made_are_stored_again(
    built: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(built, aliases=None, head=None)
    shutil.rmtree(built / "images")
    there = chunk_files(built / "public")
    plainly = Publishing.fill

    def collected(publishing: Publishing, work: int) -> None:
        # Another run's `prune`: it knew of no index, and has ended by now.
        for one in (built / "public").glob("????/*"):
            one.unlink()
        plainly(publishing, work)

    monkeypatch.setattr(Publishing, "fill", collected)

    assert publish(built).summary == (0, "done")
    assert chunk_files(built / "public") == there


def test_a_head_elsewhere_is_no_index_to_a_collector(workspace: Workspace) -> None:
    workspace.make("first", blob("first"), store="build")
    operations: dict[str, dict[str, Any]] = {
        "publish": {
            "kind": "publish",
            "indexes": ["first.caibx"],
            "stores": ["build"],
            "store": "public",
            "indexes_to": "memory://head/images",
            "pointers": {"LATEST": "first.caibx"},
            "head": "head.json",
        },
        "prune": {
            "kind": "prune",
            "store": "public",
            "roots": [{"url": "memory://head/images"}],
            "grace": "0s",
            "after": ["publish", "garbage"],
        },
        "garbage": {"kind": "make", "blob": "more", "index": "more.caibx", "store": "public"},
    }
    (workspace / "more").write_bytes(b"of no index there")
    workspace.places["public"] = {"url": "memory://head/chunks"}
    ended = workspace.run(operations)

    assert set(ended.statuses.values()) == {"done"}, ended.result.outcomes
    assert published("memory://head/chunks") == ["memory://head/images/first.caibx"]


def run_with_far(workspace: Workspace, operation: dict[str, Any]) -> Ended:
    """Run it beside an operation that declares the store `far`."""
    ended = workspace.run({"publish": operation, "look": {"kind": "info", **LOOK}})
    (outcome, _) = ended.result.outcomes
    return Ended(replace(ended.result, outcomes=(outcome,)), ended.output, ended.warnings)


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


WRONG: dict[str, tuple[dict[str, Any], tuple[str | int, ...]]] = {
    "an alias of nothing": ({"aliases": {"latest": "third.caibx"}}, ("aliases", "latest")),
    "an alias called as an index": (
        {"aliases": {"first.caibx": "first.caibx"}},
        ("aliases", "first.caibx"),
    ),
    "a head called as an alias": ({"head": "latest.caibx"}, ("head",)),
    "a head elsewhere": ({"head": "../head"}, ("head",)),
    "a pointer called as an alias": (
        {"pointers": {"latest.caibx": "first.caibx"}},
        ("pointers", "latest.caibx"),
    ),
    "a head that no file can have": ({"head": "a\0b"}, ("head",)),
    "a pointer of two lines": ({"pointers": {"a\nb": "first.caibx"}}, ("pointers", "a\nb")),
    "a pointer to two lines": (
        {"indexes": ["a\nb.caibx"], "aliases": {}, "pointers": {"NOW": "a\nb.caibx"}},
        ("pointers", "NOW"),
    ),
    "a pointer called like an index": (
        {"pointers": {"now.caibx": "first.caibx"}},
        ("pointers", "now.caibx"),
    ),
    "a head called like an index": ({"head": "now.caidx"}, ("head",)),
    "a mirror of itself": ({"mirrors": [{"indexes_to": "images/"}]}, ("mirrors", 0, "indexes_to")),
    "a mirror of itself by another name": (
        {"mirrors": [{"indexes_to": "./a/../images"}]},
        ("mirrors", 0, "indexes_to"),
    ),
    "a mirror with no store": (
        {"mirrors": [{"indexes_to": "mirror", "store": "pubic"}]},
        ("mirrors", 0, "store"),
    ),
    "two of one name": ({"indexes": ["first.caibx", "a/first.caibx"]}, ("indexes",)),
}


@pytest.mark.parametrize("case", WRONG)
def test_names_that_cannot_be_are_refused(built: Workspace, case: str) -> None:
    fields, where = WRONG[case]

    with pytest.raises(ManifestError) as caught:
        publish(built, **fields)
    assert [one.where for one in caught.value.problems] == [("operations", "publish", *where)]


def test_a_place_by_a_file_url_gets_names_as_they_are(built: Workspace) -> None:
    (built / "first.caibx").rename(built / "a b%41.caibx")
    place = (built / "images").as_uri()

    ended = publish(built, "a b%41", indexes_to=place)

    assert ended.summary == (0, "done")
    assert {one.name for one in (built / "images").iterdir()} >= {"a b%41.caibx", "latest.caibx"}


def test_a_pointer_has_the_bytes_of_a_name_that_is_no_text(built: Workspace) -> None:
    name = os.fsdecode(b"\xff")
    (built / "first.caibx").rename(built / f"{name}.caibx")

    assert publish(built, name, pointers={"NOW": f"{name}.caibx"}).summary == (0, "done")

    assert (built / "images/NOW").read_bytes() == b"\xff.caibx\n"


def test_a_directory_that_has_the_name_of_an_alias_is_an_error(built: Workspace) -> None:
    (built / "images/latest.caibx").mkdir(parents=True)

    ended = publish(built)

    assert ended.summary == (1, "failed")
    assert "images/latest.caibx is no regular file" in ended.message
