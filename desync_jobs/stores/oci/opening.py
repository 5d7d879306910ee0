"""The driver of `oci+https://` and `oci+http://` places."""

import os
from dataclasses import replace
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from desync_jobs.stores.endpoint import Endpoint
from desync_jobs.stores.http.client import HttpClient
from desync_jobs.stores.http.opening import options_of
from desync_jobs.stores.http.options import Credentials, HttpOptions
from desync_jobs.stores.oci.access import RegistryAccess
from desync_jobs.stores.oci.lookup import find_login
from desync_jobs.stores.oci.place import OciPlace
from desync_jobs.stores.policy.hosts import Budget

_HUB: Final = "docker.io"
_HUB_SERVER: Final = "registry-1.docker.io"


def open_place(endpoint: Endpoint) -> OciPlace:
    """Open a repository; nothing is sent yet, and no secret looked up."""
    nobody = options_of(endpoint, Credentials())
    server = endpoint.location.endpoint or ""
    if urlsplit(server).hostname == _HUB:
        server = server.replace(_HUB, _HUB_SERVER)
    budget = endpoint.budget()

    def opened(options: HttpOptions, budget: Budget) -> HttpClient:
        client = HttpClient(endpoint.label, options, budget, endpoint.stopper)
        endpoint.at_end(client.close)
        return client

    @lru_cache(maxsize=4)
    def client_for(host: str) -> HttpClient:
        return opened(nobody, endpoint.hosts.budget(host, endpoint.policy))

    access = RegistryAccess(
        endpoint.label,
        find_login(endpoint, urlsplit(server).netloc, os.environ),
        client_for,
        secure=server.startswith("https:"),
    )
    options = replace(nobody, credentials=access)
    client, stranger = opened(options, budget), opened(nobody, budget)
    repository = f"{server}/v2/{endpoint.location.path}"
    return OciPlace(endpoint.name, repository, client, stranger)
