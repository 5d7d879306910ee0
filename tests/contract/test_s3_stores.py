"""The contract of stores in S3 buckets, on moto and on rclone, and on Ceph by `just test-ceph`."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count
from typing import Final

import pytest

from desync_jobs.codecs.form import Form
from desync_jobs.errors import StoreError
from desync_jobs.stores.forms import ChunkForms
from desync_jobs.stores.objects.base import ObjectPlace
from desync_jobs.testing.chunks import make_chunks
from desync_jobs.testing.store_contract import ids_of, plain_of
from tests.contract.remote_contract import RemoteContract
from tests.servers.ceph import running_ceph
from tests.servers.http_places import QUICK
from tests.servers.moto import running_moto
from tests.servers.rclone import running_rclone
from tests.servers.s3_places import ENVIRONMENT, S3Server, open_remote, remote_store

_PLACES: Final = count()


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="module")
def moto() -> Iterator[S3Server]:
    with running_moto() as server:
        yield server


@pytest.fixture(scope="module")
def rclone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with running_rclone(tmp_path_factory.mktemp("rclone") / "served") as server:
        yield server


@pytest.fixture(scope="module")
def ceph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with running_ceph(tmp_path_factory.mktemp("ceph")) as server:
        yield server


def new_place(server: S3Server) -> str:
    return server.place(f"place%20{next(_PLACES)}/%C3%BC%2541+")


class TestMoto(RemoteContract):
    @pytest.fixture
    def place(self, moto: S3Server) -> ObjectPlace:
        return open_remote(new_place(moto), self.policy)


class TestRclone(RemoteContract):
    exclusive = False

    @pytest.fixture
    def place(self, rclone: S3Server) -> ObjectPlace:
        return open_remote(new_place(rclone), self.policy)


class TestRclonePlain(TestRclone):
    forms = ChunkForms(Form.PLAIN)


class TestRcloneOneInFlight(TestRclone):
    policy = replace(QUICK, concurrency=1)


class TestCeph(RemoteContract):
    @pytest.fixture
    def place(self, ceph: S3Server) -> ObjectPlace:
        return open_remote(new_place(ceph), self.policy)


class TestCephPlain(TestCeph):
    forms = ChunkForms(Form.PLAIN)


class TestCephOneInFlight(TestCeph):
    policy = replace(QUICK, concurrency=1)


@pytest.fixture
def server(request: pytest.FixtureRequest) -> S3Server:
    """The server whose name a test is parametrized with."""
    running: S3Server = request.getfixturevalue(request.param)
    return running


@pytest.mark.parametrize("server", ["moto", "ceph"], indirect=True)
def test_more_objects_are_listed_than_a_page_has(server: S3Server) -> None:
    place = open_remote(new_place(server))
    names = {f"{number:04d}" for number in range(1100)}
    place.put([(name, b"") for name in names], "text/plain")
    before = place.traffic()

    assert {entry.name for entry in place.entries("")} == names
    after = place.traffic()
    # One of them to learn of the end; a busy machine may have some repeated.
    assert after.requests - before.requests == 3 + after.retries - before.retries


@pytest.mark.parametrize("server", ["moto", "rclone", "ceph"], indirect=True)
def test_a_bucket_that_is_not_there_is_an_error_and_not_a_missing_object(server: S3Server) -> None:
    place = open_remote(f"s3+{server.url}/nosuchbucket/x")

    with pytest.raises(StoreError, match=r"^store far: cannot read .*404 Not Found: NoSuchBucket"):
        place.get(["a"], 10)
    with pytest.raises(StoreError, match=r"^store far: cannot write .*NoSuchBucket"):
        place.put([("a", b"")], "text/plain")
    with pytest.raises(StoreError, match=r"^store far: cannot list .*NoSuchBucket"):
        list(place.entries(""))


@pytest.mark.parametrize("server", ["rclone", "ceph"], indirect=True)
def test_wrong_keys_are_an_error(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S3_SECRET_KEY", "0" * 40)
    place = open_remote(new_place(server))

    with pytest.raises(StoreError, match=r"^store far: cannot read .*HTTP 403 Forbidden"):
        place.get(["a"], 10)


@pytest.mark.parametrize("server", ["rclone", "ceph"], indirect=True)
def test_concurrent_writers_and_readers_of_several_stores_agree(server: S3Server) -> None:
    chunks = make_chunks(100)
    url = new_place(server)
    stores = [remote_store(open_remote(url), ChunkForms()) for _ in range(4)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: stores[number % 4].put(chunks), range(8)))
        answers = list(threads.map(lambda store: plain_of(store.fetch(ids_of(chunks))), stores))

    assert answers == [[chunk.plain for chunk in chunks]] * 4
    # rclone lists some of them twice when several writers put them at the same time.
    assert {entry.id for entry in stores[0].entries()} == set(ids_of(chunks))
