"""What a place in a registry makes of odd registries."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from desync_jobs.codecs.aead import Cipher, CipherAlgorithm
from desync_jobs.codecs.form import Form
from desync_jobs.errors import ChunkInvalidError, ChunkMissingError, InvalidDataError, StoreError
from desync_jobs.stores.base import Chunk, Presence, Stored
from desync_jobs.stores.forms import ChunkForms
from desync_jobs.stores.objects.base import TooLarge, Unusable
from desync_jobs.stores.objects.indexes import read_index_object
from desync_jobs.stores.oci.layout import digest_of, write_manifest
from desync_jobs.testing.chunks import make_chunks
from desync_jobs.testing.store_contract import ids_of, plain_of
from tests.servers.certificates import Authority
from tests.servers.fake_registry import FakeRegistry
from tests.servers.http_places import QUICK
from tests.servers.oci_places import oci_place, oci_store
from tests.servers.scripted import End, Received, Reply, ScriptedServer, scripted_server

ONE_FORM = ChunkForms(reads_both=False)


@pytest.fixture
def registry() -> FakeRegistry:
    return FakeRegistry()


@pytest.fixture
def server(registry: FakeRegistry) -> Iterator[ScriptedServer]:
    with scripted_server(otherwise=registry) as running:
        yield running


@pytest.fixture
def url(server: ScriptedServer) -> str:
    return f"oci+http://127.0.0.1:{server.port}/any/chunks"


def name_of(chunk: Chunk) -> str:
    return ONE_FORM.own.name(chunk.id)


def tag_of(chunk: Chunk) -> str:
    return f"{chunk.id.hex()}.cacnk"


def asked(server: ScriptedServer) -> list[str]:
    """Return what was asked so far as `GET blobs/sha256:…`, with long names shortened."""
    return [
        f"{one.method} {one.target.removeprefix('/v2/any/chunks/').partition('?')[0]}"
        for one in server.received
    ]


def kinds(server: ScriptedServer) -> list[str]:
    return [one.partition("/")[0] for one in asked(server)]


def with_manifest(chunk: Chunk, **layer: object) -> bytes:
    manifest: dict[str, Any] = json.loads(write_manifest(tag_of(chunk), digest_of(b"x"), 1))
    manifest["layers"][0].update(layer)
    return json.dumps(manifest).encode()


def test_a_chunk_is_missing_then_put_then_there(
    registry: FakeRegistry, server: ScriptedServer, url: str
) -> None:
    chunk = make_chunks(1)[0]
    store = oci_store(url, ONE_FORM)

    assert [type(one) for one in store.fetch([chunk.id])] == [ChunkMissingError]
    stored = store.put([chunk])
    assert store.presence([chunk.id]) == [Presence.YES]
    assert plain_of(store.fetch([chunk.id])) == [chunk.plain]
    assert list(registry.tags) == [tag_of(chunk)]
    content = registry.blobs[json.loads(registry.tags[tag_of(chunk)])["layers"][0]["digest"]]
    assert content.startswith(b"\x28\xb5\x2f\xfd")
    assert stored == Stored(1, len(content))
    assert registry.tags[tag_of(chunk)] == write_manifest(
        tag_of(chunk), digest_of(content), len(content)
    )
    assert {one.headers["user-agent"].partition("/")[0] for one in server.received} == {
        "desync-run"
    }


def test_requests_are_as_few_as_can_be(server: ScriptedServer, url: str) -> None:
    chunks = make_chunks(3)
    store = oci_store(url, ONE_FORM)
    store.put(chunks[:1])
    store.put(chunks[1:])

    first, second = kinds(server)[:8], kinds(server)[8:]
    # The empty config is sent once.
    assert first == [
        "GET manifests",
        *["HEAD blobs", "POST blobs", "PUT blobs"] * 2,
        "PUT manifests",
    ]
    assert sorted(second) == sorted(
        ["GET manifests", "HEAD blobs", "POST blobs", "PUT blobs", "PUT manifests"] * 2
    )
    before = len(server.received)
    store.stored_sizes(ids_of(chunks))
    assert set(kinds(server)[before:]) == {"GET manifests"}
    before = len(server.received)
    store.fetch(ids_of(chunks))
    assert kinds(server)[before:] == ["GET manifests"] * 3 + ["GET blobs"] * 3


def test_content_that_is_there_already_is_not_sent_again(
    registry: FakeRegistry, server: ScriptedServer, url: str
) -> None:
    chunk = make_chunks(1)[0]
    oci_store(url, ONE_FORM).put([chunk])
    registry.tags.clear()
    before = len(server.received)

    assert oci_store(url, ONE_FORM).put([chunk]).chunks == 1
    assert kinds(server)[before:] == ["GET manifests", *["HEAD blobs"] * 2, "PUT manifests"]
    assert list(registry.tags) == [tag_of(chunk)]


def test_many_requests_are_in_flight(registry: FakeRegistry, server: ScriptedServer) -> None:
    def slow(request: Received) -> Reply | None:
        return replace(registry_answer(request), after=0.03) if request.method == "GET" else None

    chunks = make_chunks(32)
    place = f"oci+http://127.0.0.1:{server.port}/any"
    oci_store(place).put(chunks)
    registry_answer = FakeRegistry(blobs=registry.blobs, tags=registry.tags)
    registry.first = slow
    server.most_at_once = 0

    oci_store(place, policy=replace(QUICK, concurrency=16)).fetch(ids_of(chunks))
    assert 8 < server.most_at_once <= 16


def test_tags_carry_the_algorithm_and_the_key_of_encrypted_chunks(
    registry: FakeRegistry, url: str
) -> None:
    cipher = Cipher(CipherAlgorithm.XCHACHA20_POLY1305, bytes(32))
    chunk = make_chunks(1)[0]
    oci_store(url, ChunkForms(layer=cipher)).put([chunk])

    assert list(registry.tags) == [f"{tag_of(chunk)}{cipher.suffix}"]
    assert cipher.suffix.startswith(".xchacha20-poly1305-")
    assert len(cipher.suffix.rpartition("-")[2]) == 8


def test_the_blob_of_a_plain_chunk_is_the_chunk(registry: FakeRegistry, url: str) -> None:
    chunk = make_chunks(1)[0]
    oci_store(url, ChunkForms(Form.PLAIN)).put([chunk])

    assert list(registry.tags) == [chunk.id.hex()]
    assert registry.blobs[digest_of(bytes(chunk.plain))] == chunk.plain


def test_a_foreign_artifact_is_not_there_and_stays(registry: FakeRegistry, url: str) -> None:
    chunk = make_chunks(1)[0]
    foreign = json.dumps({"artifactType": "application/vnd.other", "layers": []}).encode()
    registry.tags = {tag_of(chunk): foreign, "latest": foreign}
    store, place = oci_store(url, ONE_FORM), oci_place(url)

    assert [type(one) for one in store.fetch([chunk.id])] == [ChunkMissingError]
    assert store.presence([chunk.id]) == [Presence.NO]
    assert list(store.entries()) == []
    place.delete([name_of(chunk)])
    assert len(registry.tags) == 2


def test_a_manifest_over_the_limit_is_foreign(registry: FakeRegistry, url: str) -> None:
    chunk = make_chunks(1)[0]
    registry.tags = {tag_of(chunk): with_manifest(chunk) + b" " * (4 << 20)}

    assert oci_place(url).sizes([name_of(chunk)]) == [None]


def test_a_manifest_without_its_blob_is_a_missing_chunk(registry: FakeRegistry, url: str) -> None:
    chunk = make_chunks(1)[0]
    oci_store(url, ONE_FORM).put([chunk])
    registry.blobs.clear()

    assert [type(one) for one in oci_store(url).fetch([chunk.id])] == [ChunkMissingError]


@pytest.mark.parametrize("size", [-1, 0, 1 << 62, "1"])
def test_an_absurd_size_makes_its_chunk_invalid_and_no_other(
    registry: FakeRegistry, server: ScriptedServer, url: str, size: object
) -> None:
    chunks = make_chunks(2)
    store = oci_store(url, ONE_FORM)
    store.put(chunks)
    registry.tags[tag_of(chunks[0])] = with_manifest(chunks[0], size=size)
    before = len(server.received)

    invalid, whole = store.fetch(ids_of(chunks))
    assert isinstance(invalid, ChunkInvalidError)
    assert "its manifest says that its size is" in str(invalid)
    assert plain_of([whole]) == [chunks[1].plain]
    assert kinds(server)[before:] == ["GET manifests"] * 2 + ["GET blobs"]
    # It can be put right.
    assert store.put(chunks).chunks == 1
    assert plain_of(store.fetch(ids_of(chunks))) == [chunk.plain for chunk in chunks]


def test_a_size_over_the_limit_is_told_without_asking_for_the_blob(
    registry: FakeRegistry, server: ScriptedServer, url: str
) -> None:
    chunk = make_chunks(1)[0]
    registry.tags = {tag_of(chunk): with_manifest(chunk, size=1 << 30)}

    assert oci_place(url).get([name_of(chunk)], 1 << 20) == [TooLarge(1 << 30)]
    assert kinds(server) == ["GET manifests"]


def test_a_blob_longer_than_its_manifest_says_is_not_read_beyond_the_limit(
    registry: FakeRegistry, url: str
) -> None:
    chunk = make_chunks(1)[0]
    registry.add(tag_of(chunk), b"x", with_manifest(chunk))
    registry.blobs[digest_of(b"x")] = bytes(5000)

    assert oci_place(url).get([name_of(chunk)], 4999) == [TooLarge(5000)]


def test_other_wrong_manifests_are_unusable(registry: FakeRegistry, url: str) -> None:
    chunk = make_chunks(1)[0]
    registry.tags = {tag_of(chunk): with_manifest(chunk, digest="sha256:../..")}
    place = oci_place(url)

    assert place.get([name_of(chunk)], 10) == [Unusable("its manifest names no blob")]
    assert place.sizes([name_of(chunk)]) == [0]
    with pytest.raises(InvalidDataError, match=r"^hub: index .*: its manifest names no blob$"):
        read_index_object(place, name_of(chunk), 10)
    place.delete([name_of(chunk)])
    assert registry.tags == {}


def test_a_blob_that_is_damaged_is_asked_for_again_and_invalid(
    registry: FakeRegistry, server: ScriptedServer, url: str
) -> None:
    chunk = make_chunks(1)[0]
    store = oci_store(url, ONE_FORM)
    store.put([chunk])
    digest = json.loads(registry.tags[tag_of(chunk)])["layers"][0]["digest"]
    content = registry.blobs[digest]
    registry.blobs[digest] = content[:-9] + bytes([content[-9] ^ 1]) + content[-8:]
    before = len(server.received)

    assert [type(one) for one in store.fetch([chunk.id])] == [ChunkInvalidError]
    assert kinds(server)[before:] == ["GET manifests", "GET blobs"] * 3


def test_a_removed_chunk_is_gone_and_removing_it_again_does_nothing(
    registry: FakeRegistry, server: ScriptedServer, url: str
) -> None:
    chunks = make_chunks(2)
    store = oci_store(url, ONE_FORM)
    store.put(chunks)
    entry = next(one for one in store.entries() if one.id == chunks[0].id)
    manifest = digest_of(registry.tags[tag_of(chunks[0])])

    store.remove(entry)
    before = len(server.received)
    store.remove(entry)

    assert f"DELETE manifests/{manifest}" in asked(server)
    assert list(registry.tags) == [tag_of(chunks[1])]
    assert kinds(server)[before:] == ["GET manifests"]


def test_a_registry_that_does_not_delete_says_so(registry: FakeRegistry, url: str) -> None:
    chunk = make_chunks(1)[0]
    oci_store(url).put([chunk])
    registry.first = lambda one: Reply(405, b"unsupported") if one.method == "DELETE" else None

    with pytest.raises(StoreError, match=r"HTTP 405 .*be told that deleting is allowed$"):
        oci_place(url).delete([name_of(chunk)])


def test_tags_are_listed_page_by_page(
    registry: FakeRegistry, server: ScriptedServer, url: str
) -> None:
    registry.page = 7
    chunks = make_chunks(40)
    store = oci_store(url, ONE_FORM)
    store.put(chunks)
    registry.tags |= {"latest": b"{}", "0" * 63: b"{}", f"{'0' * 64}.other": b"{}"}
    before = len(server.received)

    entries = list(store.entries())

    targets = [one.target for one in server.received[before:]]
    lists = [one for one in targets if "/tags/list" in one]
    assert sorted(entry.id for entry in entries) == sorted(ids_of(chunks))
    sizes = {one.size for one in store.stored_sizes(ids_of(chunks))}
    assert {entry.size for entry in entries} == sizes
    assert lists[0] == "/v2/any/chunks/tags/list?n=1000"
    assert len(lists) == 7
    # Of what is no chunk, only what might be one is looked at.
    assert len(targets) - len(lists) == 41


@pytest.mark.parametrize(
    "link",
    ["http://127.0.0.1:1/v2/any/tags/list?last=x", "/v2/any/chunks/tags/list?n=1000", "//[x"],
)
def test_a_list_that_goes_on_elsewhere_or_for_ever_is_an_error(
    registry: FakeRegistry, url: str, link: str
) -> None:
    headers = {"Link": f'<{link}>; rel="next"'}
    registry.first = lambda _: Reply(body=b'{"tags": []}', headers=headers)

    with pytest.raises(StoreError, match=r"^store hub: the list of tags goes on at "):
        list(oci_place(url).entries(""))


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"tags": 7}', b"[" * 100_000])
def test_what_is_no_list_of_tags_is_an_error(registry: FakeRegistry, url: str, body: bytes) -> None:
    registry.first = lambda _: Reply(body=body)

    with pytest.raises(StoreError, match=r"the answer is not a list of tags$"):
        list(oci_place(url).entries(""))


@pytest.mark.parametrize("reply", [Reply(404), Reply(body=b'{"name": "any", "tags": null}')])
def test_a_repository_without_tags_is_empty(registry: FakeRegistry, url: str, reply: Reply) -> None:
    registry.first = lambda _: reply

    assert list(oci_place(url).entries("")) == []


def first_time(reply: Reply, method: str) -> Callable[[Received], Reply | None]:
    """Answer `reply` to the first request with `method`."""
    replies = [reply]
    return lambda one: replies.pop() if replies and one.method == method else None


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT"])
@pytest.mark.parametrize(
    "reply", [Reply(raw=b"", end=End.RESET), Reply(429, headers={"Retry-After": "0"}), Reply(500)]
)
def test_what_fails_once_is_tried_again(
    registry: FakeRegistry, url: str, method: str, reply: Reply
) -> None:
    chunk = make_chunks(1)[0]
    registry.first = first_time(reply, method)
    store = oci_store(url, ONE_FORM)

    assert store.put([chunk]).chunks == 1
    assert plain_of(store.fetch([chunk.id])) == [chunk.plain]
    # libcurl itself repeats a request once on a kept connection that was closed.
    silently = reply.end is End.RESET and method != "GET"
    assert store.counts()["hub"].retries == (0 if silently else 1)


def test_retry_after_is_waited_for_as_long_as_the_policy_allows(
    registry: FakeRegistry, url: str
) -> None:
    registry.first = lambda _: Reply(429, headers={"Retry-After": "60"})

    with pytest.raises(StoreError, match=r"come back in 60 s, and waiting is limited to 5 s"):
        oci_place(url).sizes(["0000/x"])


def test_an_upload_of_which_nobody_knows_how_far_it_came_is_begun_anew(
    registry: FakeRegistry, server: ScriptedServer, url: str
) -> None:
    """As after a PUT that arrived in part: the registry no longer takes the whole there."""
    chunk = make_chunks(1)[0]
    store = oci_store(url, ONE_FORM)
    registry.first = first_time(Reply(416), "PUT")

    store.put([chunk])

    assert plain_of(store.fetch([chunk.id])) == [chunk.plain]
    assert kinds(server)[:8] == [
        "GET manifests",
        *["HEAD blobs", "POST blobs", "PUT blobs"] * 2,
        "HEAD blobs",
    ]


def test_an_upload_that_arrived_and_was_not_confirmed_is_found(
    registry: FakeRegistry, server: ScriptedServer, url: str
) -> None:
    def lost(request: Received) -> Reply | None:
        if request.method != "PUT" or "/uploads/" not in request.target:
            return None
        FakeRegistry(blobs=registry.blobs)(request)
        registry.first = first_time(Reply(404), "PUT")
        return Reply(raw=b"", end=End.RESET)

    registry.first = lost
    oci_place(url).put([("0000/x", b"content")], "any")

    assert kinds(server)[:5] == [
        "HEAD blobs",
        "POST blobs",
        "PUT blobs",
        "PUT blobs",
        "HEAD blobs",
    ]
    assert list(registry.tags) == ["x"]


def test_an_upload_that_is_always_refused_is_an_error(
    registry: FakeRegistry, server: ScriptedServer, url: str
) -> None:
    registry.first = lambda one: Reply(400, b"no") if one.method == "PUT" else None

    with pytest.raises(StoreError, match=r"^store hub: cannot write .*: HTTP 400 Bad Request: no$"):
        oci_place(url).put([("0000/x", b"content")], "any")
    assert kinds(server).count("PUT blobs") == 3


def test_an_upload_goes_where_the_registry_says(
    registry: FakeRegistry, server: ScriptedServer, url: str
) -> None:
    registry.location = f"http://127.0.0.1:{server.port}/else/where/blobs/uploads/9"
    oci_place(url).put([("0000/x", b"content")], "any")

    puts = [one.target for one in server.received if one.method == "PUT"]
    digest = digest_of(b"content")
    assert puts[1] == f"/else/where/blobs/uploads/9?digest={digest.replace(':', '%3A')}"
    assert registry.blobs[digest] == b"content"


@pytest.mark.parametrize("location", ["ftp://x/y", "http://u:p@x/y", "//[x", "/a b", "http://x:y/"])
def test_an_upload_that_goes_nowhere_is_an_error(
    registry: FakeRegistry, url: str, location: str
) -> None:
    registry.location = location

    with pytest.raises(StoreError, match=r"does not say where to send the content$"):
        oci_place(url).put([("0000/x", b"content")], "any")


def test_content_does_not_leave_tls(
    registry: FakeRegistry, server: ScriptedServer, authority: Authority
) -> None:
    registry.location = f"{server.url}/v2/any/blobs/uploads/1"
    with scripted_server(otherwise=registry, tls=authority.server()) as secure:
        place = oci_place(f"oci+https://localhost:{secure.port}/any", tls={"ca": authority.file})
        with pytest.raises(StoreError, match=r"says to send the content without TLS$"):
            place.put([("0000/x", b"content")], "any")

    assert server.received == []


def test_a_certificate_of_nobody_is_refused(registry: FakeRegistry, authority: Authority) -> None:
    with scripted_server(otherwise=registry, tls=authority.server()) as secure:
        url = f"oci+https://localhost:{secure.port}/any"
        with pytest.raises(StoreError, match=r"certificate.* \(curl 60\)$"):
            oci_place(url).sizes(["0000/x"])

        assert oci_place(url, tls={"trust_insecure": True}).sizes(["0000/x"]) == [None]


def test_nothing_is_asked_for_nothing(server: ScriptedServer, url: str) -> None:
    place = oci_place(url)
    place.put([], "any")
    place.delete([])

    assert (place.get([], 1), place.sizes([])) == ([], [])
    assert server.received == []


def test_a_slash_at_the_end_of_a_url_makes_no_difference(registry: FakeRegistry, url: str) -> None:
    oci_place(f"{url}/").put([("0000/x", b"content")], "any")

    assert oci_place(url).get(["0000/x"], 10) == [b"content"]
    assert list(registry.tags) == ["x"]
