"""What the ledger of a store elsewhere says."""

from typing import cast

from desync_jobs.stores.leases.log import LedgerLog
from desync_jobs.stores.objects.base import CreatingPlace
from desync_jobs.stores.policy.values import NeverStopped
from tests.servers.s3_places import open_remote


def published(url: str) -> list[str]:
    """Return the URLs of indexes that collectors of the store at `url` are told of."""
    place = cast("CreatingPlace", open_remote(url))
    return [one.url for one in LedgerLog(place, NeverStopped()).latest().published]
