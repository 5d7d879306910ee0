"""The contract of stores on file systems of fsspec: in memory, and on Google Cloud Storage."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from typing import Final

import pytest

from desync_jobs.errors import StoreError
from desync_jobs.stores.objects.base import ObjectPlace
from tests.contract.remote_contract import RemoteContract
from tests.servers.gcs import running_gcs
from tests.servers.http_places import QUICK
from tests.servers.s3_places import open_remote

_PLACES: Final = count()


@pytest.fixture(scope="module")
def gcs() -> Iterator[None]:
    with running_gcs() as url, pytest.MonkeyPatch.context() as patch:
        patch.setenv("STORAGE_EMULATOR_HOST", url)
        yield


class TestMemory(RemoteContract):
    @pytest.fixture
    def place(self) -> ObjectPlace:
        return open_remote(f"memory://contract/place{next(_PLACES)}")


class TestGcs(RemoteContract):
    exclusive = False  # the emulator does not heed ifGenerationMatch

    policy = replace(QUICK, concurrency=1)  # the emulator is slow with several connections

    @pytest.fixture
    def place(self, gcs: None) -> ObjectPlace:
        del gcs
        url = f"gs://bucket/place%20{next(_PLACES)}/%C3%BC%2541+"
        return open_remote(url, self.policy, credentials={"anonymous": True})


def test_a_bucket_that_is_not_there_is_an_error(gcs: None) -> None:
    del gcs
    place = open_remote("gs://nosuchbucket/x", credentials={"anonymous": True})

    with pytest.raises(StoreError, match=r"^store far: cannot write gs://nosuchbucket/x/a: "):
        place.put([("a", b"")], "text/plain")
