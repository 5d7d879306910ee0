"""Places and stores over HTTP as tests want them: no long waits."""

from urllib.parse import urlsplit

from desync_jobs.core.kernel import best
from desync_jobs.stores.forms import ChunkForms
from desync_jobs.stores.http.client import HttpClient
from desync_jobs.stores.http.options import Credentials, HttpOptions, Tls
from desync_jobs.stores.http.place import HttpPlace
from desync_jobs.stores.objects.store import ObjectStore
from desync_jobs.stores.policy.hosts import Hosts
from desync_jobs.stores.policy.values import NeverStopped, Policy, Stopper
from desync_jobs.stores.reader import Reader

QUICK = Policy(attempts=3, backoff=0.001, backoff_max=5.0, timeout=20.0)


def http_client(
    url: str,
    policy: Policy = QUICK,
    *,
    stopper: Stopper | None = None,
    credentials: Credentials | None = None,
    tls: Tls | None = None,
) -> HttpClient:
    options = HttpOptions(policy, tls or Tls(), credentials or Credentials())
    budget = Hosts().budget(urlsplit(url).netloc, policy)
    return HttpClient("store web", options, budget, stopper or NeverStopped())


def http_place(url: str, policy: Policy = QUICK, *, stopper: Stopper | None = None) -> HttpPlace:
    return HttpPlace("web", url, http_client(url, policy, stopper=stopper))


def http_store(url: str, forms: ChunkForms | None = None, policy: Policy = QUICK) -> ObjectStore:
    return ObjectStore(
        http_place(url, policy), Reader(best(), limit=1 << 20), forms or ChunkForms(), policy
    )
