"""The contract of stores on file systems of fsspec: memory, Google Cloud Storage, WebDAV."""

import gc
import warnings
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from typing import Final

import pytest

from desync_jobs.errors import StoreError
from desync_jobs.stores.objects.base import ObjectPlace
from desync_jobs.testing.programs import require_module
from tests.contract.remote_contract import RemoteContract
from tests.servers.gcs import running_gcs
from tests.servers.http_places import QUICK
from tests.servers.rclone import running_webdav
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


@pytest.fixture(scope="module")
def webdav(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    require_module("webdav4")
    with running_webdav(tmp_path_factory.mktemp("webdav") / "root") as url:
        yield url
        with warnings.catch_warnings(action="ignore", category=ResourceWarning):
            gc.collect()


# httpx leaves the connections of a client that nobody needs any more to the collector of garbage.
@pytest.mark.filterwarnings("ignore:.*socket:pytest.PytestUnraisableExceptionWarning")
class TestWebdav(RemoteContract):
    """WebDAV lists and deletes where plain HTTP cannot, so its stores are verified and pruned."""

    # The server locks what a request writes, and the folders above, for its moment.
    policy = replace(QUICK, concurrency=1)

    @pytest.fixture
    def place(self, webdav: str) -> ObjectPlace:
        return open_remote(
            f"webdav://place{next(_PLACES)}/x", self.policy, options={"base_url": webdav}
        )

    @pytest.mark.parametrize("name", ["ab12/x.cacnk.aes-256-gcm-630dcd29", "'\"<>\\^`{|}~"])
    def test_any_name_is_one_object(self, place: ObjectPlace, name: str) -> None:
        """Of names with `?`, `#`, `%` or two slashes the library makes others."""
        super().test_any_name_is_one_object(place, name)

    def test_of_many_that_create_an_object_one_succeeds(self, place: ObjectPlace) -> None:
        del place
        pytest.skip("the library does not say that a file is to be a new one")


def test_a_bucket_that_is_not_there_is_an_error(gcs: None) -> None:
    del gcs
    place = open_remote("gs://nosuchbucket/x", credentials={"anonymous": True})

    with pytest.raises(StoreError, match=r"^store far: cannot write gs://nosuchbucket/x/a: "):
        place.put([("a", b"")], "text/plain")
