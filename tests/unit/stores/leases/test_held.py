"""What appears under leases."""

from collections.abc import Sequence

import pytest

from desync_jobs.errors import LockedError
from desync_jobs.stores.leases.held import HeldLeases
from desync_jobs.stores.leases.role import Role


class Losing:
    """A lease that is lost while collectors are told of what appears."""

    role = Role.WRITER

    def __init__(self) -> None:
        self.told: list[str] = []

    def check(self) -> None:
        if self.told:
            raise LockedError("store s: this run's lease was lost")

    def published(self) -> tuple[str, ...]:
        return ()

    def publishes(self, urls: Sequence[str]) -> None:
        self.told += urls

    def give_back(self) -> None: ...


def test_no_index_appears_where_the_lease_was_lost_while_collectors_were_told_of_it() -> None:
    lease = Losing()
    leases = HeldLeases()
    leases["s"] = lease

    leases.index_appears("/srv/images/first.caibx")
    with pytest.raises(LockedError, match="this run's lease was lost"):
        leases.index_appears("s3://bucket/second.caibx")

    assert lease.told == ["s3://bucket/second.caibx"]
