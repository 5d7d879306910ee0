"""The drivers of places that are elsewhere, by the kind of place.

A driver is a module with a function `open_place(endpoint) -> ObjectPlace`, or, where chunks are no
objects, `open_store(endpoint, reader, forms) -> ChunkStore` and a constant `CAPABILITIES`. It is
imported when the first place of its kind is opened. Opening sends nothing and looks up no secret.

A driver keeps as many requests in flight as its policy allows, over all threads, so a run needs no
more threads than cores: 100 MiB in chunks of 64 KiB from a server that takes 20 ms came in 3.0 s
with 16 requests in flight and 2 threads, in 2.7 s with 8; with 64 in flight in 1.2 s and 1.1 s.
Without a delay (300 MiB from nginx on the same 2 cores) 2 threads took 0.9 s, 16 took 1.2 s.
"""

from importlib import import_module
from typing import Any, Final, NamedTuple

from desync_jobs.errors import UsageError
from desync_jobs.manifest.capability import Capability
from desync_jobs.manifest.locations import Kind
from desync_jobs.stores.base import ChunkStore
from desync_jobs.stores.endpoint import Endpoint
from desync_jobs.stores.extras import need
from desync_jobs.stores.forms import ChunkForms
from desync_jobs.stores.objects.base import ObjectPlace
from desync_jobs.stores.reader import Reader


class Driver(NamedTuple):
    """How one kind of place is driven."""

    module: str
    """Has `open_place` or `open_store`."""
    library: str
    """What it needs and what may be missing; empty where nothing is."""
    extra: str
    """The optional dependencies that have it."""


OBJECT_DRIVERS: Final = {
    Kind.HTTP: Driver("desync_jobs.stores.http.opening", "pycurl", "http"),
    Kind.S3: Driver("desync_jobs.stores.objects.s3_opening", "obstore", "s3"),
    Kind.OCI: Driver("desync_jobs.stores.oci.opening", "pycurl", "http"),
    Kind.GS: Driver("desync_jobs.stores.objects.gcs_opening", "fsspec", "gcs"),
    Kind.SFTP: Driver("desync_jobs.stores.objects.sftp_opening", "asyncssh", "sftp"),
    Kind.OTHER: Driver("desync_jobs.stores.objects.fsspec_opening", "fsspec", "fsspec"),
}
"""Drivers of places of objects."""

STORE_DRIVERS: Final = {
    Kind.SSH: Driver("desync_jobs.stores.casync_ssh.opening", "", ""),
}
"""Drivers of stores whose chunks are no objects."""


def open_place(endpoint: Endpoint) -> ObjectPlace:
    """Open a place of objects; `UsageError` where its kind is not known, or a library missing."""
    place: ObjectPlace = _module(OBJECT_DRIVERS, endpoint).open_place(endpoint)
    return place


def open_other_store(endpoint: Endpoint, reader: Reader, forms: ChunkForms) -> ChunkStore:
    """Open a store whose chunks are no objects; raises as `open_place` does."""
    store: ChunkStore = _module(STORE_DRIVERS, endpoint).open_store(endpoint, reader, forms)
    return store


def capabilities_of(endpoint: Endpoint) -> frozenset[Capability]:
    """Return what a store whose chunks are no objects can do: its module's `CAPABILITIES`."""
    found: frozenset[Capability] = _module(STORE_DRIVERS, endpoint).CAPABILITIES
    return found


def _module(drivers: dict[Kind, Driver], endpoint: Endpoint) -> Any:
    location = endpoint.location
    what = f"{endpoint.label}: {location.scheme}"
    if location.kind not in drivers:
        raise UsageError(f"{endpoint.label}: this version does not know {location.scheme}://")
    driver = drivers[location.kind]
    if driver.library:
        need(driver.library, driver.extra, what)
    return import_module(driver.module)
