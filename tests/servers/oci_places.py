"""Places in registries as tests want them: opened as a job opens them, with no long waits."""

from typing import Any

from desync_jobs.core.kernel import best
from desync_jobs.manifest.locations import parse_location
from desync_jobs.manifest.stores import StoreSpec
from desync_jobs.stores.endpoint import Endpoint
from desync_jobs.stores.forms import ChunkForms
from desync_jobs.stores.objects.store import ObjectStore
from desync_jobs.stores.oci.opening import open_place
from desync_jobs.stores.oci.place import OciPlace
from desync_jobs.stores.policy.hosts import Hosts
from desync_jobs.stores.policy.values import NeverStopped, Policy
from desync_jobs.stores.reader import Reader
from tests.servers.http_places import QUICK


def endpoint(url: str, policy: Policy = QUICK, **fields: Any) -> Endpoint:
    """Return the endpoint of a store with these keys in its manifest."""
    spec = StoreSpec.model_validate({"url": url, **fields})
    return Endpoint("hub", spec, parse_location(url), "/", policy, Hosts(), NeverStopped())


def oci_place(url: str, policy: Policy = QUICK, **fields: Any) -> OciPlace:
    return open_place(endpoint(url, policy, **fields))


def oci_store(
    url: str, forms: ChunkForms | None = None, policy: Policy = QUICK, **fields: Any
) -> ObjectStore:
    reader = Reader(best(), limit=1 << 20)
    return ObjectStore(oci_place(url, policy, **fields), reader, forms or ChunkForms(), policy)
