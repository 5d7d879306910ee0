"""The contract of stores in OCI registries, on Docker's own registry."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlsplit

import pytest

from desync_jobs.codecs.aead import Cipher, CipherAlgorithm
from desync_jobs.codecs.decode import Decoder
from desync_jobs.codecs.form import Form
from desync_jobs.errors import ChunkInvalidError, StoreError
from desync_jobs.stores.base import Chunk, ChunkStore
from desync_jobs.stores.forms import ChunkForms
from desync_jobs.stores.oci.layout import digest_of, write_manifest
from desync_jobs.testing.chunks import make_chunk, make_chunks
from desync_jobs.testing.store_contract import StoreContract, ids_of, plain_of
from tests.servers.certificates import Authority
from tests.servers.http_places import QUICK
from tests.servers.oci_places import oci_place, oci_store
from tests.servers.registry import Registry, running_registry
from tests.servers.scripted import Reply, scripted_server

_REPOSITORIES: Final = count()


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with running_registry(tmp_path_factory.mktemp("registry") / "open") as server:
        yield server


class OciContract(StoreContract):
    forms = ChunkForms()
    policy = QUICK

    @pytest.fixture(autouse=True)
    def _place(self, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DOCKER_CONFIG", "/nowhere")
        self.url = f"oci+http://{registry.server}/tests/chunks{next(_REPOSITORIES)}"

    @pytest.fixture
    def store(self) -> ChunkStore:
        return oci_store(self.url, self.forms, self.policy)

    def overwrite(self, store: ChunkStore, chunk: Chunk, data: bytes) -> None:
        del store
        oci_place(self.url).put([(self.forms.own.name(chunk.id), data)], "any")


class TestOciZstd(OciContract):
    pass


class TestOciPlainEncryptedFewInFlight(OciContract):
    forms = ChunkForms(
        Form.PLAIN, layer=Cipher(CipherAlgorithm.XCHACHA20_POLY1305, bytes(range(32)))
    )
    policy = replace(QUICK, concurrency=2)


def test_an_artifact_is_what_desync_makes_byte_for_byte(registry: Registry) -> None:
    chunk = make_chunks(1)[0]
    repository = "deep/er/tests"
    oci_store(f"oci+http://{registry.server}/{repository}/").put([chunk])

    tag = f"{chunk.id.hex()}.cacnk"
    blob = registry.blob(repository, tag)
    assert registry.tags(repository) == [tag]
    assert Decoder().decode(Form.ZSTD, blob, 1 << 20) == chunk.plain
    assert registry.manifest(repository, tag) == write_manifest(tag, digest_of(blob), len(blob))


def test_a_blob_that_is_damaged_on_the_disk_of_the_registry_is_invalid(registry: Registry) -> None:
    chunk = make_chunk(b"content of no other test")
    url = f"oci+http://{registry.server}/damaged"
    store = oci_store(url, ChunkForms(Form.PLAIN))
    store.put([chunk])
    registry.file_of(digest_of(bytes(chunk.plain))).write_bytes(b"content of another chunk")

    (invalid,) = store.fetch([chunk.id])
    assert isinstance(invalid, ChunkInvalidError)
    assert "its content has the digest" in str(invalid)


def test_removing_leaves_what_others_keep_in_the_repository(registry: Registry) -> None:
    chunk = make_chunks(1)[0]
    url = f"oci+http://{registry.server}/shared"
    mine = oci_store(url, ChunkForms(reads_both=False))
    other = oci_store(url, ChunkForms(Form.PLAIN, reads_both=False))
    mine.put([chunk])
    other.put([chunk])

    for entry in list(mine.entries()):
        mine.remove(entry)

    assert list(mine.entries()) == []
    assert registry.tags("shared") == [chunk.id.hex()]
    assert plain_of(other.fetch([chunk.id])) == [chunk.plain]


SESAME: Final = "open: sesame"
HTPASSWD: Final = "ali:$2b$04$abcdefghijklmnopqrstuuLI5ZYefvaTAWJ5swj72N0TQyxmUyIh."


def test_a_registry_with_tls_and_a_password_is_written_and_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path / "authority")
    issued = authority.ca.issue_cert("127.0.0.1")
    issued.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "server.pem"))
    (tmp_path / "htpasswd").write_text(f"{HTPASSWD}\n")
    more = (
        f"  tls: {{ certificate: {tmp_path}/server.pem, key: {tmp_path}/server.pem }}\n"
        f"auth: {{ htpasswd: {{ realm: tests, path: {tmp_path}/htpasswd }} }}\n"
    )
    monkeypatch.setenv("ALI", SESAME)
    monkeypatch.setenv("NAME", "ali")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    tls = {"ca": authority.file}
    login = {"username": {"env": "NAME"}, "password": {"env": "ALI"}}
    chunks = make_chunks(10)
    with running_registry(tmp_path / "secret", more) as server:
        url = f"oci+https://{server.server}/a"
        store = oci_store(url, tls=tls, credentials=login)
        store.put(chunks)

        assert plain_of(store.fetch(ids_of(chunks))) == [chunk.plain for chunk in chunks]
        assert len(list(store.entries())) == 10
        with pytest.raises(StoreError, match=r"HTTP 401 .*; give credentials, or log in"):
            oci_store(url, tls=tls).fetch(ids_of(chunks))
        monkeypatch.setenv("ALI", "another")
        with pytest.raises(StoreError, match=r"HTTP 401 "):
            oci_store(url, tls=tls, credentials=login).fetch(ids_of(chunks))


def test_a_registry_that_wants_a_token_says_whose_and_what_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Docker's registry has an authentication for tests, which takes any token."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    chunks = make_chunks(3)
    with scripted_server(otherwise=Reply(body=b'{"token": "any"}')) as tokens:
        more = f"auth: {{ silly: {{ realm: {tokens.url}/token, service: tests }} }}\n"
        with running_registry(tmp_path / "silly", more) as server:
            store = oci_store(f"oci+http://{server.server}/deep/er")
            store.put(chunks)

            assert plain_of(store.fetch(ids_of(chunks))) == [chunk.plain for chunk in chunks]
            assert len(list(store.entries())) == 3

    assert [parse_qs(urlsplit(one.target).query) for one in tokens.received] == [
        {"service": ["tests"], "scope": ["repository:deep/er:pull"]}
    ]
