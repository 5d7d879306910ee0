"""The contract of stores over HTTP, on a real nginx with WebDAV."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Final
from urllib.parse import quote

import pytest

from desync_jobs.codecs.aead import Cipher, CipherAlgorithm
from desync_jobs.codecs.form import Form
from desync_jobs.manifest.capability import Capability
from desync_jobs.stores.base import Chunk, ChunkStore, StoredEntry
from desync_jobs.stores.forms import ChunkForms
from desync_jobs.testing.chunks import make_chunks
from desync_jobs.testing.store_contract import StoreContract, ids_of, plain_of
from tests.servers.http_places import QUICK, http_place, http_store
from tests.servers.nginx import Nginx, running_nginx

_PLACES: Final = count()


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    with running_nginx(tmp_path_factory.mktemp("nginx") / "full") as server:
        yield server


@pytest.fixture(scope="module")
def strict_nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    """One that makes no directories for what is put."""
    directory = tmp_path_factory.mktemp("nginx") / "strict"
    with running_nginx(directory, full_put_path=False) as server:
        yield server


class HttpContract(StoreContract):
    capabilities = frozenset(Capability) - {Capability.LIST}
    forms = ChunkForms()
    policy = QUICK

    @pytest.fixture(autouse=True)
    def _place(self, nginx: Nginx) -> None:
        self.path = f"place {next(_PLACES)}/ü%41+"
        self.server = nginx

    @pytest.fixture
    def store(self) -> ChunkStore:
        return http_store(f"{self.server.url}/{quote(self.path)}/", self.forms, self.policy)

    def overwrite(self, store: ChunkStore, chunk: Chunk, data: bytes) -> None:
        del store
        (self.root / self.forms.own.name(chunk.id)).write_bytes(data)

    def listed(self, store: ChunkStore) -> list[StoredEntry]:
        del store
        parsed = [
            (self.forms.parse(str(file.relative_to(self.root))), file) for file in self._files()
        ]
        return [
            StoredEntry(one[0], one[1].form, file.stat().st_size) for one, file in parsed if one
        ]

    @property
    def root(self) -> Path:
        return self.server.root / self.path

    def _files(self) -> list[Path]:
        return [file for file in self.root.glob("*/*") if file.is_file()]


class TestHttpZstd(HttpContract):
    pass


class TestHttpPlain(HttpContract):
    forms = ChunkForms(Form.PLAIN)


class TestHttpEncrypted(HttpContract):
    forms = ChunkForms(layer=Cipher(CipherAlgorithm.XCHACHA20_POLY1305, bytes(range(32))))


class TestHttpOneInFlight(HttpContract):
    policy = replace(QUICK, concurrency=1)


class TestHttpManyInFlight(HttpContract):
    policy = replace(QUICK, concurrency=64)


class TestHttpWithoutDirectories(HttpContract):
    """On a server that answers 500 to a PUT into a directory that does not exist."""

    @pytest.fixture(autouse=True)
    def _strict(self, strict_nginx: Nginx, _place: None) -> None:
        self.server = strict_nginx


def test_directories_are_made_when_a_put_fails_and_first_from_then_on(strict_nginx: Nginx) -> None:
    place = http_place(f"{strict_nginx.url}/made/for it")
    before = len(strict_nginx.requests())

    place.put([("a/b.x", b"1")], "text/plain")
    place.put([("c/d.x", b"2"), ("c/e.x", b"3")], "text/plain")
    place.put([("c/f.x", b"4")], "text/plain")

    assert strict_nginx.requests()[before:] == [
        "PUT /made/for%20it/a/b.x 500",
        "MKCOL /made/for%20it/a/ 409",
        "MKCOL /made/for%20it/ 409",
        "MKCOL /made/ 201",
        "MKCOL /made/for%20it/ 201",
        "MKCOL /made/for%20it/a/ 201",
        "PUT /made/for%20it/a/b.x 201",
        "MKCOL /made/for%20it/c/ 201",
        "PUT /made/for%20it/c/d.x 201",
        "PUT /made/for%20it/c/e.x 201",
        "PUT /made/for%20it/c/f.x 201",
    ]
    assert (strict_nginx.root / "made/for it/c/f.x").read_bytes() == b"4"


@pytest.mark.parametrize("name", ["a b/ü%41+.x", "x?y#z;&=", "'\"<>\\^`{|}~", "plain"])
def test_any_name_is_one_object(nginx: Nginx, name: str) -> None:
    place = http_place(f"{nginx.url}/odd names")

    place.put([(name, b"content")], "text/plain")

    assert (nginx.root / "odd names" / name).read_bytes() == b"content"
    assert place.get([name], 100) == [b"content"]
    assert place.sizes([name, name + "+"]) == [7, None]
    place.delete([name, name])
    assert place.get([name], 100) == [None]


def test_concurrent_writers_and_readers_of_several_stores_agree(nginx: Nginx) -> None:
    chunks = make_chunks(100)
    url = f"{nginx.url}/many"
    stores = [http_store(url) for _ in range(4)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: stores[number % 4].put(chunks), range(8)))
        answers = list(threads.map(lambda store: plain_of(store.fetch(ids_of(chunks))), stores))

    assert answers == [[chunk.plain for chunk in chunks]] * 4
    assert len(list((nginx.root / "many").glob("*/*"))) == 100
