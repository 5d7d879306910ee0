"""The chunk server: every answer it gives, over real connections."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from desync_jobs.codecs.encode import ZstdEncoder
from desync_jobs.formats.index import Index
from tests.blobs import blob
from tests.servers.own import OwnServer, ask, chunk_server, path_of
from tests.workspace import Workspace, chunk_file, chunk_files, overwrite

FIRST = blob("first")
FOR_EVER = "public, max-age=31536000, immutable"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A blob with its index and store; no test changes them."""
    workspace = Workspace(tmp_path_factory.mktemp("source"))
    workspace.make("blob", FIRST)
    return workspace


@pytest.fixture(scope="module")
def index(source: Workspace) -> Index:
    return source.index("blob.caibx")


@pytest.fixture(scope="module")
def reading(source: Workspace) -> Iterator[OwnServer]:
    """A server of `store` that can only be read."""
    with chunk_server("-s", "store", directory=source.path) as server:
        yield server


@pytest.fixture(scope="module")
def writable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[OwnServer, Path]]:
    """A server that fills `store` in its directory."""
    directory = tmp_path_factory.mktemp("writable")
    with chunk_server("-s", "store", "-w", directory=directory) as server:
        yield server, directory / "store"


def test_a_chunk_is_sent_as_it_is_stored_and_may_be_kept_for_ever(
    reading: OwnServer, source: Workspace, index: Index
) -> None:
    answer = ask(reading.url, path_of(index.id(2)))

    assert answer.status == 200
    assert answer.body == chunk_file(source / "store", index.id(2)).read_bytes()
    assert answer.headers["Cache-Control"] == FOR_EVER
    assert answer.headers["ETag"] == f'"{index.id(2).hex()}"'
    assert answer.headers["Content-Type"] == "application/octet-stream"


def test_an_extraction_from_the_server_gives_the_blob(
    reading: OwnServer, source: Workspace, workspace: Workspace
) -> None:
    workspace.places["web"] = {"url": reading.url}
    ended = workspace.do("extract", index=str(source / "blob.caibx"), target="out", stores=["web"])

    assert ended.summary == (0, "done")
    assert (workspace / "out").read_bytes() == FIRST


def test_head_tells_the_size_and_get_a_part(
    reading: OwnServer, source: Workspace, index: Index
) -> None:
    path = path_of(index.id(2))
    whole = chunk_file(source / "store", index.id(2)).read_bytes()
    head = ask(reading.url, path, "HEAD")
    part = ask(reading.url, path, Range="bytes=10-19")
    beyond = ask(reading.url, path, Range="bytes=9999999-")
    known = ask(reading.url, path, If_None_Match=head.headers["ETag"])

    assert (head.status, head.headers["Content-Length"]) == (200, str(len(whole)))
    assert (part.status, part.body) == (206, whole[10:20])
    assert part.headers["Content-Range"] == f"bytes 10-19/{len(whole)}"
    assert (beyond.status, beyond.headers["Content-Range"]) == (416, f"bytes */{len(whole)}")
    assert (known.status, known.body) == (304, b"")


def test_an_unknown_chunk_is_not_found(reading: OwnServer) -> None:
    unknown = bytes(range(32))
    answer = ask(reading.url, path_of(unknown))
    head = ask(reading.url, path_of(unknown), "HEAD")

    assert (answer.status, answer.text) == (404, f"chunk {unknown.hex()} not found")
    assert answer.headers["Cache-Control"] == "no-store"
    assert head.status == 404


@pytest.mark.parametrize("path", ["/", "/x", "/abcd/efgh", "/../etc/passwd", "/%2e%2e/%2e%2e/etc"])
def test_any_other_path_is_refused(reading: OwnServer, path: str) -> None:
    assert ask(reading.url, path).status == 400


def test_a_chunk_in_another_form_is_refused_with_the_settings_that_differ(
    reading: OwnServer, index: Index
) -> None:
    plain = ask(reading.url, path_of(index.id(2), ""))
    sealed = ask(reading.url, path_of(index.id(2), ".cacnk.aes-256-gcm-630dcd29"))

    assert [plain.status, sealed.status] == [400, 400]
    assert "check the compression and encryption settings" in plain.text
    assert "check the compression and encryption settings" in sealed.text


def test_a_server_that_is_only_read_refuses_chunks(reading: OwnServer, index: Index) -> None:
    answer = ask(reading.url, path_of(index.id(2)), "PUT", b"x")

    assert answer.status == 400
    assert "writing to upstream chunk store is not enabled" in answer.text


@pytest.mark.parametrize("method", ["POST", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods_are_refused(reading: OwnServer, index: Index, method: str) -> None:
    answer = ask(reading.url, path_of(index.id(2)), method)

    assert (answer.status, answer.text) == (405, "only GET, PUT and HEAD are supported")


def test_a_blob_is_made_into_a_writable_server(
    writable: tuple[OwnServer, Path], workspace: Workspace
) -> None:
    server, store = writable
    workspace.places["web"] = {"url": server.url}
    index = workspace.make("blob", FIRST, store="web")
    ended = workspace.do("extract", index="blob.caibx", target="out", stores=["web"])

    assert ended.summary == (0, "done")
    assert (workspace / "out").read_bytes() == FIRST
    assert set(chunk_files(store)) >= {f"{path_of(index.id(at))[1:]}" for at in range(len(index))}


def test_what_has_another_digest_is_refused_and_not_stored(
    writable: tuple[OwnServer, Path],
) -> None:
    server, store = writable
    wrong = bytes(range(32, 64))
    answer = ask(server.url, path_of(wrong), "PUT", ZstdEncoder(3).encode(b"content"))
    garbage = ask(server.url, path_of(wrong), "PUT", b"garbage")

    assert [answer.status, garbage.status] == [400, 400]
    assert "is invalid" in answer.text
    assert not chunk_file(store, wrong).exists()


def test_a_body_that_is_too_large_is_refused(writable: tuple[OwnServer, Path]) -> None:
    server, _ = writable
    answer = ask(server.url, path_of(bytes(32)), "PUT", bytes(20 << 20))

    assert answer.status == 413


def test_health_and_metrics_are_told(reading: OwnServer, index: Index) -> None:
    ask(reading.url, path_of(index.id(2)))
    health = ask(reading.url, "/healthz")
    metrics = ask(reading.url, "/metrics").text.splitlines()
    figures = dict(line.rpartition(" ")[::2] for line in metrics if not line.startswith("#"))

    assert (health.status, health.text) == (200, "ok")
    assert int(figures['desync_run_requests_total{method="GET",status="200"}']) >= 1
    assert int(figures["desync_run_from_files_total"]) >= 1
    assert figures["desync_run_connections"] == "1"


def test_a_port_in_use_ends_the_server_with_one_message(
    reading: OwnServer, source: Workspace
) -> None:
    address = reading.url.removeprefix("http://")
    ended = source.do("serve-chunks", stores=["store"], listen=[address])

    assert ended.summary == (1, "failed")
    assert ended.message == f"cannot listen on {address}: address already in use"


def test_a_store_that_fails_is_not_a_store_that_has_nothing(tmp_path: Path, index: Index) -> None:
    workspace = Workspace(tmp_path)
    workspace.make("blob", FIRST, store="damaged")
    overwrite(chunk_file(tmp_path / "damaged", index.id(2)), b"garbage")
    arguments = ("-s", "damaged", "--verify-read")
    with chunk_server(*arguments, directory=tmp_path) as server:
        answer = ask(server.url, path_of(index.id(2)))
        server.said("is invalid")

    assert (answer.status, answer.text) == (500, "internal server error")
