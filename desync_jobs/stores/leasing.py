"""From the name of a store to its lease: the kind that fits to where it is."""

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from desync_jobs.errors import DesyncRunError, InterruptedRunError
from desync_jobs.manifest.capability import Capability
from desync_jobs.manifest.stores import StoreSpec
from desync_jobs.stores.leases.base import Lease, StandingLease
from desync_jobs.stores.leases.directory import DirectoryLease
from desync_jobs.stores.leases.role import Role
from desync_jobs.stores.open import Surroundings, capabilities, open_objects
from desync_jobs.stores.places import Places

if TYPE_CHECKING:
    from desync_jobs.stores.leases.renewing import RenewedLease


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks for a lease of which store, and how patiently."""

    store: str
    """What the manifest calls it."""
    owner: str
    """Who has the lease then, in words for people."""
    wait: float
    """Seconds for which others are waited for."""


def take_lease(asking: Asking, role: Role, around: Surroundings) -> Lease | None:
    """Have the lease of a store; None for one that has no leases.

    Those have none that cannot make an object only where there is none, and those that are told
    not to. `LockedError` where others use the store for longer than is waited.
    """
    if not _leased(asking.store, around):
        return None
    if around.job.spec.place(asking.store).directory is None:
        return _remote(asking, role, around)
    lease = DirectoryLease(asking.store, around.job.location(asking.store))
    lease.take(role, asking.wait, around.stopper, around.notice)
    return lease


def take_standing_lease(
    asking: Asking, lasting: float, around: Surroundings
) -> StandingLease | None:
    """Have the lease of a store as a writer for others, who are promised `lasting` seconds.

    None and `LockedError` as for `take_lease`.
    """
    if not _leased(asking.store, around):
        return None
    if around.job.spec.place(asking.store).directory is None:
        return _remote(asking, Role.WRITER, around, lasting)
    # Whoever serves nothing does not need it.
    from desync_jobs.stores.leases.standing import StandingDirectoryLease

    location = around.job.location(asking.store)
    lease = StandingDirectoryLease(asking.store, location, asking.owner, lasting)
    lease.take(asking.wait, around.stopper, around.notice)
    return lease


def _leased(name: str, around: Surroundings) -> bool:
    spec = around.job.spec.place(name)
    if isinstance(spec, StoreSpec) and not spec.leases:
        return False
    return spec.directory is not None or Capability.CREATE in capabilities(name, around)


def _remote(
    asking: Asking, role: Role, around: Surroundings, lasting: float = 0.0
) -> "RenewedLease":
    # Stores on this machine need none of this.
    from desync_jobs.stores.leases.ledgered import TIME_TO_LIVE, Clock, LedgeredLease
    from desync_jobs.stores.leases.log import LedgerLog
    from desync_jobs.stores.leases.renewing import RenewedLease
    from desync_jobs.stores.objects.base import CreatingPlace
    from desync_jobs.stores.policy.parting import Parting

    spec = around.job.spec.place(asking.store)

    def ledger(by: Surroundings) -> LedgerLog:
        place = cast("CreatingPlace", open_objects(asking.store, spec, spec.location, by))
        return LedgerLog(place, by.stopper)

    def parting() -> LedgerLog:
        return ledger(replace(around, stopper=Parting(around.stopper), places=Places()))

    # So long after its last renewal, too, what was promised until then is kept.
    lasting += TIME_TO_LIVE
    lease = LedgeredLease(asking.store, ledger(around), asking.owner, Clock(), lasting)
    try:
        lease.take(role, asking.wait, around.stopper, around.notice)
    except InterruptedRunError:
        with suppress(DesyncRunError):  # a place in line ends by itself, later
            lease.through(parting())
            lease.give_back()
        raise
    return RenewedLease(lease, parting)
