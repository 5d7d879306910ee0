"""Chunks of an index stay where its place does not list it yet, as the store tells of it itself."""

import os
import time
from collections.abc import Iterator
from typing import Any

import pytest

from desync_jobs.execute import indexes, kept_roots, opening, roots
from desync_jobs.execute.quarantine import QUARANTINE
from desync_jobs.formats.index import parse_index
from desync_jobs.stores.leases import ledger, ledgered
from desync_jobs.stores.leases.ledger import REMEMBERED, SKEW
from desync_jobs.stores.leases.publications import FOLDER, PublicationLists
from desync_jobs.stores.objects.base import ObjectEntry, ObjectPlace
from desync_jobs.stores.objects.directory import DirectoryPlace
from tests.blobs import blob
from tests.servers.ledgers import published as published_of
from tests.servers.own import ask, own_server
from tests.servers.s3_places import open_remote
from tests.workspace import SMALL, Ended, Workspace, chunk_file, ids_of

MAKING = {"store": "store", "chunk_size": SMALL}


@pytest.fixture
def images() -> str:
    """The URL of a place of indexes."""
    return f"memory://lagging-{time.time_ns()}/images"


@pytest.fixture(params=["make", "make of many", "publish", "migrate"])
def published(request: pytest.FixtureRequest, workspace: Workspace, images: str) -> Workspace:
    """A local store with garbage, and chunks of an index `x.caibx` that appeared elsewhere."""
    (workspace / "blobs").mkdir()
    (workspace / "blobs" / "x").write_bytes(blob("first"))
    (workspace / "listed").write_bytes(blob("second"))
    workspace.do("make", blob="listed", index=f"{images}/listed.caibx", **MAKING)
    if request.param == "make":
        ended = workspace.do("make", blob="blobs/x", index=f"{images}/x.caibx", **MAKING)
    elif request.param == "make of many":
        ended = workspace.do("make", blobs="blobs/*", indexes=images, **MAKING)
    else:
        (workspace / "old").mkdir()
        workspace.do("make", blob="blobs/x", index="old/x.caibx", store="build", chunk_size=SMALL)
        fields: dict[str, Any] = {"stores": ["build"], "store": "store", "indexes_to": images}
        publishes = request.param == "publish"
        fields |= {"indexes": ["old/x.caibx"]} if publishes else {"roots": [{"url": "old"}]}
        ended = workspace.do(request.param, **fields)
    assert ended.summary == (0, "done"), ended.message
    workspace.make("garbage", b"garbage")
    return workspace


class Lagging:
    """A place that lists no index called `x` and so on yet."""

    def __init__(self, place: ObjectPlace) -> None:
        self._place = place

    def __getattr__(self, name: str) -> Any:
        return getattr(self._place, name)

    def entries(self, prefix: str) -> Iterator[ObjectEntry]:
        return (one for one in self._place.entries(prefix) if one.name[0] != "x")


@pytest.fixture
def _lagging(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no listing of indexes show the new one yet."""
    plainly = opening.open_place_of_indexes
    monkeypatch.setattr(
        kept_roots, "open_place_of_indexes", lambda *arguments: Lagging(plainly(*arguments))
    )


def prune(workspace: Workspace, images: str) -> Ended:
    return workspace.do("prune", store="store", roots=[{"url": images}], grace="0s")


def whole(workspace: Workspace, url: str) -> bool:
    """Whether every chunk of an index is in the store."""
    place, _, name = url.rpartition("/")
    (data,) = open_remote(place).get([name], 1 << 20)
    assert isinstance(data, bytes)
    return all(
        chunk_file(workspace / "store", one).exists() for one in ids_of(parse_index(data, name))
    )


def lists(workspace: Workspace) -> list[str]:
    return sorted(os.listdir(workspace / "store" / FOLDER))


@pytest.mark.usefixtures("_lagging")
def test_chunks_of_an_index_that_no_listing_shows_yet_stay_in_a_local_store(
    published: Workspace, images: str
) -> None:
    ended = prune(published, images)

    assert ended.summary == (0, "done"), ended.message
    assert ended.statistics["chunks_removed"] == 1
    assert whole(published, f"{images}/x.caibx")
    assert ended.statistics["indexes_lately"] == 1
    assert ended.statistics["published_lately"] == [f"{images}/x.caibx"]


def test_a_listed_index_that_the_store_tells_of_is_read_once(
    published: Workspace, images: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    plainly = indexes.find_index

    def find_index(task: Any, text: str) -> Any:
        read.append(text)
        return plainly(task, text)

    monkeypatch.setattr(roots, "find_index", find_index)
    ended = prune(published, images)
    published.make("garbage", b"garbage")
    named = published.do(
        "prune",
        store="store",
        indexes=[f"{images}/{name}.caibx" for name in ("x", "listed")],
        grace="0s",
    )

    assert ended.summary == named.summary == (0, "done")
    # Twice each: for the plan, and when the store is had alone.
    assert sorted(read) == [f"{images}/{name}.caibx" for name in ("listed",) * 2 + ("x",) * 2]


@pytest.mark.usefixtures("_lagging")
def test_an_index_that_is_removed_again_needs_nothing(published: Workspace, images: str) -> None:
    open_remote(images).delete(["x.caibx"])
    ended = prune(published, images)

    assert ended.summary == (0, "done"), ended.message
    assert ended.statistics["chunks_removed"] > 1
    assert ended.warnings == []


def test_a_collector_removes_what_is_told_no_more(
    published: Workspace, images: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = lists(published)
    prune(published, images)
    kept = lists(published)
    published.make("garbage", b"garbage")
    later = time.time() + REMEMBERED + 2 * SKEW + 3660
    monkeypatch.setattr("desync_jobs.stores.leases.directory.time.time", lambda: later)
    prune(published, images)

    assert kept == before != []
    assert lists(published) == []


def test_the_store_tells_of_an_index_before_it_appears_whoever_dies_then(
    workspace: Workspace, images: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[list[str]] = []
    store = DirectoryPlace("store", str(workspace / "store"))
    plainly = opening.open_index_place

    class Watched:
        def __init__(self, place: ObjectPlace) -> None:
            self._place = place

        def __getattr__(self, name: str) -> Any:
            return getattr(self._place, name)

        def put(self, *arguments: Any) -> None:
            told.append(PublicationLists(store).urls((), time.time()))
            self._place.put(*arguments)

    def open_index_place(*arguments: Any) -> tuple[Any, str]:
        place, name = plainly(*arguments)
        return Watched(place), name

    monkeypatch.setattr(indexes, "open_index_place", open_index_place)
    (workspace / "blob").write_bytes(b"x")
    ended = workspace.do("make", blob="blob", index=f"{images}/x.caibx", **MAKING)

    assert ended.summary == (0, "done")
    assert told == [[f"{images}/x.caibx"]]


def test_many_indexes_are_noted_together(workspace: Workspace, images: str) -> None:
    workspace.make("x", b"x", store="build")
    names = [f"indexes/{number:03}.caibx" for number in range(300)]
    (workspace / "indexes").mkdir()
    for name in names:
        (workspace / name).hardlink_to(workspace / "x.caibx")
    ended = workspace.do(
        "publish", indexes=names, stores=["build"], store="store", indexes_to=images
    )
    store = DirectoryPlace("store", str(workspace / "store"))
    told = PublicationLists(store).urls((), time.time())

    assert ended.summary == (0, "done"), ended.message
    assert len(lists(workspace)) == 2
    assert sorted(told) == [f"{images}/{number:03}.caibx" for number in range(300)]


def test_many_indexes_that_come_back_are_noted_together(workspace: Workspace, images: str) -> None:
    workspace.make("x", b"x")
    data = (workspace / "x.caibx").read_bytes()
    aside = [f"{QUARANTINE}20260101T000000Z/{number}.caibx" for number in range(9)]
    open_remote(images).put([(name, data) for name in aside], "")
    ended = workspace.do("unprune", store="store", indexes_of=[images])
    store = DirectoryPlace("store", str(workspace / "store"))

    assert ended.statistics["indexes_brought_back"] == 9
    assert len(lists(workspace)) == 1
    assert sorted(PublicationLists(store).urls((), time.time())) == [
        f"{images}/{number}.caibx" for number in range(9)
    ]


def test_nothing_is_noted_for_indexes_of_this_machine(workspace: Workspace) -> None:
    workspace.make("blob", b"x")

    assert not (workspace / "store" / "desync-run").exists()


@pytest.mark.usefixtures("_lagging")
@pytest.mark.parametrize(("many", "left"), [(16, 1), (1000, 3)])
def test_chunks_of_all_indexes_that_no_listing_shows_yet_stay_elsewhere_however_many(
    workspace: Workspace, images: str, monkeypatch: pytest.MonkeyPatch, many: int, left: int
) -> None:
    monkeypatch.setattr(ledgered, "_MANY", many)
    monkeypatch.setattr(ledger, "_MOST", 6)
    monkeypatch.setattr(ledger, "_LEFT", 3)
    far = images.replace("images", "chunks")
    workspace.places["store"] = {"url": far}
    (workspace / "blobs").mkdir()
    for number in range(20):
        (workspace / "blobs" / f"x{number}").write_bytes(b"%d" % number)
    (workspace / "listed").write_bytes(blob("first") + blob("second"))
    (workspace / "garbage").write_bytes(b"garbage")
    workspace.do("make", blob="listed", index=f"{images}/listed.caibx", **MAKING)
    workspace.do("make", blob="garbage", index="garbage.caibx", **MAKING)
    made = workspace.do("make", blobs="blobs/*", indexes=images, **MAKING)
    ended = prune(workspace, images)
    chunks = [one for one in open_remote(far).entries("") if one.name.endswith(".cacnk")]

    assert made.summary == ended.summary == (0, "done"), ended.message
    assert ended.statistics["chunks_removed"] == 1
    assert ended.statistics["indexes_lately"] == 20
    assert len(chunks) == ended.statistics["chunks_kept"]
    assert len(published_of(far)) == left


def test_an_index_that_a_server_takes_is_noted_in_the_local_store_of_its_chunks(
    workspace: Workspace, images: str
) -> None:
    workspace.make("blob", b"x")
    flags = ("-l", "127.0.0.1:0", "-s", images, "-w", "--chunk-store", "store")
    with own_server("index-server", *flags, directory=workspace.path) as server:
        server.said("listening on ")
        put = ask(server.url, "/a%20b.caibx", "PUT", (workspace / "blob.caibx").read_bytes())
    store = DirectoryPlace("store", str(workspace / "store"))

    assert put.status == 200
    assert PublicationLists(store).urls((), time.time()) == [f"{images}/a%20b.caibx"]


def test_what_a_store_tells_of_is_no_index_itself_whatever_indexes_are_called(
    published: Workspace,
) -> None:
    published.make("all", blob("first") + blob("second"))
    (published / "1-index").hardlink_to(published / "all.caibx")
    ended = published.do(
        "prune", store="store", roots=[{"url": ".", "include": ["1*-*"]}], grace="0s"
    )

    assert ended.summary == (0, "done"), ended.message
    assert ended.statistics["chunks_removed"] > 0
