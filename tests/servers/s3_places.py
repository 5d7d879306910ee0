"""Places and stores in S3 buckets as tests want them: no long waits, keys that all servers take."""

from dataclasses import dataclass
from typing import Any, Final

from desync_jobs.core.kernel import best
from desync_jobs.manifest.stores import EndpointSpec
from desync_jobs.stores.drivers import open_place
from desync_jobs.stores.endpoint import Endpoint
from desync_jobs.stores.forms import ChunkForms
from desync_jobs.stores.objects.base import ObjectPlace
from desync_jobs.stores.objects.store import ObjectStore
from desync_jobs.stores.policy.hosts import Hosts
from desync_jobs.stores.policy.values import NeverStopped, Policy, Stopper
from desync_jobs.stores.reader import Reader
from tests.servers.http_places import QUICK

ACCESS_KEY: Final = "ABCDEFGHIJKLMNOPQRST"
SECRET_KEY: Final = "0123456789012345678901234567890123456789"  # noqa: S105 - of test servers
ENVIRONMENT: Final = {"S3_ACCESS_KEY": ACCESS_KEY, "S3_SECRET_KEY": SECRET_KEY}


@dataclass(frozen=True, slots=True)
class S3Server:
    """A running server with a bucket."""

    url: str
    bucket: str

    def place(self, path: str) -> str:
        """Return the URL of a place in the bucket."""
        return f"s3+{self.url}/{self.bucket}/{path}"


def open_remote(
    url: str,
    policy: Policy = QUICK,
    *,
    stopper: Stopper | None = None,
    notices: list[str] | None = None,
    directory: str = "/",
    policy_table: dict[str, str] | None = None,
    **fields: Any,
) -> ObjectPlace:
    """Open the place called `far` at any URL; `fields` are those of the manifest.

    `policy` is what is obeyed, and `policy_table` what the manifest says of it.
    """
    spec = EndpointSpec.model_validate({"url": url, "policy": policy_table or {}, **fields})
    stopper = stopper or NeverStopped()
    told = [] if notices is None else notices
    return open_place(
        Endpoint("far", spec, spec.location, directory, policy, Hosts(), stopper, told.append)
    )


def remote_store(place: ObjectPlace, forms: ChunkForms, policy: Policy = QUICK) -> ObjectStore:
    return ObjectStore(place, Reader(best(), limit=1 << 20), forms, policy)
