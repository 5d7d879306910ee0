"""Leases by the ledger: asked for, renewed while they are had, and never believed for too long.

By its own clock an owner knows how long it has been since the ledger had the lease for sure; it
stops acting on it long before others take it for over. Two clocks must agree on that: the one that
nobody sets stands still with a virtual machine.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from secrets import token_hex
from typing import Final

from desync_jobs.errors import LockedError
from desync_jobs.stores.leases.ledger import Entry, Ledger, Role
from desync_jobs.stores.leases.log import LedgerLog
from desync_jobs.stores.policy.values import Stopper

TIME_TO_LIVE: Final = 600.0
"""Seconds for which a lease is had without being renewed."""
_MARGIN: Final = 60.0
"""Seconds before its end in which a lease is not counted on: a request may take that long."""
_LOOK_AGAIN: Final = 5.0
"""Seconds between two looks while others are waited for."""


def _since_boot() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass(frozen=True, slots=True)
class Clock:
    """The two clocks of a machine, and how it waits."""

    now: Callable[[], float] = time.time
    """Seconds since 1970, as others have them, more or less."""
    passed: Callable[[], float] = _since_boot
    """Seconds that nobody sets, those of a suspended machine included."""


class LedgeredLease:
    """A `Lease` in the ledger of a store."""

    def __init__(self, store: str, log: LedgerLog, owner: str, clock: Clock) -> None:
        self.role = Role.WRITER
        self._store = store
        self._log = log
        self._clock = clock
        self._owner = owner
        self._id = token_hex(16)
        self._sure_until = clock.passed()
        self._until = clock.now()

    def take(self, role: Role, wait: float, stopper: Stopper, tell: Callable[[str], None]) -> None:
        """Return when the store may be used as `role`.

        Others are waited for, for at most `wait` seconds, after `tell` was told whom;
        `LockedError` where that was not enough.
        """
        end = self._clock.passed() + wait
        told = False
        while hindrances := self._ask(role):
            who = " and ".join(f"{one.owner} ({one.role.value})" for one in hindrances)
            if self._clock.passed() >= end:
                self.give_back()
                raise LockedError(
                    f"store {self._store} is in use by {who}; run again when that is done, or wait "
                    "for longer (lease_wait)"
                )
            if not told:
                tell(f"store {self._store} is in use by {who}; waiting for that to end")
                told = True
            stopper.pause(min(_LOOK_AGAIN, max(end - self._clock.passed(), 0)))

    def _ask(self, role: Role) -> list[Entry]:
        """Have the lease, or return those who hinder it; a collector is in line then."""
        hindrances: list[Entry] = []

        def next_state(ledger: Ledger) -> Ledger | None:
            now = self._clock.now()
            hindrances[:] = ledger.blocking(role, self._id, now)
            if not hindrances:
                return ledger.having(self._entry(role), now)
            if role is Role.COLLECTOR:
                return ledger.having(self._entry(Role.WAITING), now)
            return None

        asked = self._clock.passed()
        if self._log.change(next_state) is not None and not hindrances:
            self.role = role
            self._had_since(asked)
        return hindrances

    def renew(self) -> None:
        """Have the lease for longer; `LockedError` where it is lost."""
        self.check()
        asked = self._clock.passed()

        def next_state(ledger: Ledger) -> Ledger | None:
            # Whoever took it for over may have acted on that.
            if not ledger.has(self._id):
                return None
            return ledger.having(self._entry(self.role), self._clock.now())

        if self._log.change(next_state) is None:
            self._sure_until = asked
        else:
            self._had_since(asked)
        self.check()

    def _had_since(self, asked: float) -> None:
        """Believe that the ledger has it since `asked`, by the clock that nobody sets."""
        self._sure_until = asked + TIME_TO_LIVE
        self._until = self._clock.now() + TIME_TO_LIVE - (self._clock.passed() - asked)

    def check(self) -> None:
        passed, now = self._clock.passed() + _MARGIN, self._clock.now() + _MARGIN
        if passed >= self._sure_until or now >= self._until:
            raise LockedError(
                f"store {self._store}: this run's lease was lost, because it could not be renewed "
                "in time; others may have used the store since, so run again"
            )

    def published(self) -> tuple[str, ...]:
        return tuple(one.url for one in self._log.latest().published)

    def give_back(self, published: Iterable[str] = ()) -> None:
        urls = tuple(published)
        self._sure_until = self._clock.passed()
        self._log.change(
            lambda ledger: (
                ledger.without(self._id, urls, self._clock.now())
                if urls or ledger.has(self._id)
                else None
            )
        )

    def _entry(self, role: Role) -> Entry:
        until = self._clock.now() + TIME_TO_LIVE
        return Entry(id=self._id, role=role, owner=self._owner, until=until)
