"""The index server: every answer it gives, over real connections."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from desync_jobs.core.chunk import DigestAlgorithm
from desync_jobs.core.sizes import ChunkSizes, CutMode
from desync_jobs.formats.flags import blob_flags
from desync_jobs.formats.index_layout import index_header, index_rows, index_tail
from tests.blobs import blob
from tests.servers.own import OwnServer, ask, own_server
from tests.workspace import Workspace

FIRST = blob("first")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A directory with an index, a file that is none, and one above that is a secret."""
    workspace = Workspace(tmp_path_factory.mktemp("outer") / "indexes")
    workspace.path.mkdir()
    workspace.make("blob", FIRST)
    (workspace.path.parent / "secret.caibx").write_bytes((workspace / "blob.caibx").read_bytes())
    return workspace


def serving(place: Workspace, *flags: str, **environment: str) -> Iterator[OwnServer]:
    arguments = ("index-server", "-s", ".", "-l", "127.0.0.1:0", *flags)
    with own_server(*arguments, directory=place.path, environment=environment) as server:
        server.said("listening on ")
        yield server


@pytest.fixture(scope="module")
def reading(place: Workspace) -> Iterator[OwnServer]:
    yield from serving(place)


@pytest.fixture(scope="module")
def writable(place: Workspace) -> Iterator[OwnServer]:
    yield from serving(place, "-w", "--listing")


@pytest.fixture(scope="module")
def guarded(place: Workspace) -> Iterator[OwnServer]:
    yield from serving(place, "-w", "--listing", DESYNC_HTTP_AUTH="Bearer sesame")


@pytest.mark.parametrize("path", ["/blob.caibx", "/any/prefix/blob.caibx", "/blob.caibx?x=y"])
def test_an_index_is_sent(reading: OwnServer, place: Workspace, path: str) -> None:
    answer = ask(reading.url, path)
    known = ask(reading.url, path, If_None_Match=answer.headers["ETag"])

    assert (answer.status, answer.body) == (200, (place / "blob.caibx").read_bytes())
    assert answer.headers["Cache-Control"] == "no-cache"
    assert known.status == 304


def test_what_is_no_index_is_not_sent(reading: OwnServer) -> None:
    answer = ask(reading.url, "/blob")
    missing = ask(reading.url, "/other.caibx")

    assert (answer.status, answer.text) == (400, "failed to retrieve index")
    assert (missing.status, missing.text) == (404, "index not found")


def test_head_tells_whether_an_index_is_there(reading: OwnServer) -> None:
    found = [ask(reading.url, path, "HEAD").status for path in ("/blob.caibx", "/other.caibx")]

    assert found == [200, 404]


@pytest.mark.parametrize(
    "path",
    [
        "/..%5Csecret.caibx",
        "/..%2Fsecret.caibx",
        "/%2e%2e%2fsecret.caibx",
        "/%2e%2e",
        "/",
        "/.hidden.caibx",
        "/a%00b",
        "/%ff",
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT"])
def test_no_name_reaches_out_of_the_directory(
    reading: OwnServer, place: Workspace, path: str, method: str
) -> None:
    before = sorted(place.path.parent.rglob("*"))
    body = (place / "blob.caibx").read_bytes() if method == "PUT" else None
    answer = ask(reading.url, path, method, body)

    assert answer.status == 400
    assert sorted(place.path.parent.rglob("*")) == before


def test_a_server_that_is_only_read_refuses_indexes(reading: OwnServer, place: Workspace) -> None:
    answer = ask(reading.url, "/new.caibx", "PUT", (place / "blob.caibx").read_bytes())

    assert answer.status == 400
    assert "writing to upstream index store is not enabled" in answer.text
    assert not (place / "new.caibx").exists()


def test_an_index_is_made_into_a_writable_server(
    writable: OwnServer, place: Workspace, workspace: Workspace
) -> None:
    (workspace / "blob").write_bytes(FIRST)
    ended = workspace.do(
        "make",
        blob="blob",
        index=f"{writable.url}/made.caibx",
        store="store",
        chunk_size="2KiB:8KiB:32KiB",
    )

    assert ended.summary == (0, "done")
    assert place.index("made.caibx").blob_size == len(FIRST)
    assert "made.caibx" in ask(writable.url, "/").text.splitlines()


def test_junk_is_not_stored_as_an_index(writable: OwnServer, place: Workspace) -> None:
    answer = ask(writable.url, "/junk.caibx", "PUT", b"junk")

    assert answer.status == 415
    assert answer.text.startswith("invalid index: ")
    assert not (place / "junk.caibx").exists()


def test_names_are_told_only_where_that_is_asked_for(
    reading: OwnServer, writable: OwnServer
) -> None:
    assert ask(reading.url, "/").status == 400
    assert "blob.caibx" in ask(writable.url, "/").text.splitlines()


@pytest.mark.parametrize("path", ["/blob.caibx", "/", "/..%2fsecret.caibx", "/metrics"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT"])
def test_without_the_right_authorization_nothing_is_told_or_taken(
    guarded: OwnServer, place: Workspace, path: str, method: str
) -> None:
    """desync's index server asked for none once, though told to (its pull request 327)."""
    body = (place / "blob.caibx").read_bytes() if method == "PUT" else None
    before = sorted(place.path.rglob("*"))
    found = [
        ask(guarded.url, path, method, body, **given).status
        for given in ({}, {"Authorization": "Bearer sesam"}, {"Authorization": "Basic sesame"})
    ]

    assert found == [401] * 3
    assert sorted(place.path.rglob("*")) == before


def test_with_the_right_authorization_an_index_is_sent(guarded: OwnServer) -> None:
    assert ask(guarded.url, "/blob.caibx", Authorization="Bearer sesame").status == 200
    assert ask(guarded.url, "/healthz").status == 200


def large_index(count: int) -> bytes:
    """Return an index of many chunks of a byte each: 40 bytes a chunk."""
    ends = np.arange(1, count + 1, dtype=np.uint64)
    ids = np.zeros((count, 32), np.uint8)
    header = index_header(
        blob_flags(DigestAlgorithm.SHA512_256, CutMode.CASYNC), ChunkSizes(64, 256, 1024)
    )
    return header + index_rows(ends, ids) + index_tail(count)


def peak(server: OwnServer) -> int:
    """Return the most memory that a server has had, in bytes."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) << 10


def test_indexes_that_are_sent_and_asked_for_at_once_are_not_in_memory(
    writable: OwnServer, place: Workspace
) -> None:
    data = large_index(500_000)
    before = peak(writable)
    with ThreadPoolExecutor(16) as threads:
        put = threads.map(
            lambda number: ask(writable.url, f"/large{number}.caibx", "PUT", data).status,
            range(16),
        )
        statuses = list(put)
        got = list(threads.map(lambda _: ask(writable.url, "/large3.caibx").body, range(8)))

    assert statuses == [200] * 16
    assert got == [data] * 8
    assert (place / "large15.caibx").read_bytes() == data
    grown = peak(writable) - before
    # 320 MB came, 160 MB went.
    assert grown < 120 << 20, grown
