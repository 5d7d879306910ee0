"""Leases by the ledger: asked for, renewed while they are had, and never believed for too long.

By its own clock an owner knows how long it has been since the ledger had the lease for sure; it
stops acting on it long before others take it for over. Two clocks must agree on that: the one that
nobody sets stands still with a virtual machine.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from secrets import token_hex
from typing import Final

from desync_jobs.errors import LockedError
from desync_jobs.stores.leases.ledger import REMEMBERED, Entry, Ledger
from desync_jobs.stores.leases.log import LedgerLog
from desync_jobs.stores.leases.role import Role
from desync_jobs.stores.policy.values import Stopper

TIME_TO_LIVE: Final = 600.0
"""Seconds for which a lease is had without being renewed, unless it is to last longer."""
_MARGIN: Final = 60.0
"""Seconds before its end in which a lease is not counted on: a request may take that long."""
_MANY: Final = 16
"""Indexes that are worth a list of their own, so that states stay short."""
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

    def __init__(
        self,
        store: str,
        log: LedgerLog,
        owner: str,
        clock: Clock,
        lasting: float = TIME_TO_LIVE,
    ) -> None:
        self.role = Role.WRITER
        self._store = store
        self._log = log
        self._clock = clock
        self._owner = owner
        self._lasting = lasting
        """Seconds for which it is had without being renewed."""
        self._id = token_hex(16)
        # Keys of dictionaries, in their order: two threads may tell the ledger at the same time.
        self._published: dict[str, None] = {}
        """URLs of indexes that appeared or are about to, of which the ledger does not tell yet."""
        self._lists: dict[str, None] = {}
        """Names of lists of such URLs."""
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

        asked, said = self._clock.passed(), self._clock.now()
        if self._log.change(next_state) is not None and not hindrances:
            hindrances += self._flagged(role)
            if not hindrances:
                self.role = role
                self._had_since(asked, said)
        return hindrances

    def _flagged(self, role: Role) -> list[Entry]:
        """Raise a flag where the ledger alone excludes nobody; not if that shows somebody else."""
        if self._log.exclusive:
            return []
        hindrances: list[Entry] | None = None
        try:
            self._log.flags.up(self._entry(role))
            hindrances = self._log.flags.hindering(role, self._id, self._clock.now())
        finally:
            if hindrances != []:
                self.give_back()
        return hindrances

    def renew(self) -> None:
        """Have the lease for longer, and tell of what appears; `LockedError` where it is lost."""
        self.check()
        before, asked, said = self._sure_until, self._clock.passed(), self._clock.now()
        if not self._log.exclusive:
            self._log.flags.up(self._entry(self.role))

        # What a state tells that may be lost is told when the lease is given back.
        urls, lists = self._untold() if self._log.exclusive else ((), ())

        def next_state(ledger: Ledger) -> Ledger | None:
            # Whoever took it for over may have acted on that; where a state can be lost, the flag
            # has kept him from it.
            if self._log.exclusive and not ledger.has(self._id):
                return None
            now = self._clock.now()
            return ledger.having(self._entry(self.role), now).telling(urls, lists, now)

        changed = self._log.change(next_state) is not None
        if changed:
            self._told(urls, lists)
        if not changed or self._clock.passed() >= before:
            self._sure_until = asked
        else:
            self._had_since(asked, said)
        self.check()

    def _had_since(self, asked: float, said: float) -> None:
        """Believe that the ledger has it since `asked`, when the clock that is set said `said`."""
        # The machine may have been suspended since, which only that clock has counted.
        self._sure_until = asked + self._lasting
        self._until = said + self._lasting

    def check(self) -> None:
        passed, now = self._clock.passed() + _MARGIN, self._clock.now() + _MARGIN
        if passed >= self._sure_until or now >= self._until:
            raise LockedError(
                f"store {self._store}: this run's lease was lost, because it could not be renewed "
                "in time; others may have used the store since, so run again"
            )

    def published(self) -> tuple[str, ...]:
        return self._log.published(self._clock.now())

    def publishes(self, urls: Sequence[str]) -> None:
        if len(urls) < _MANY:
            self._published |= dict.fromkeys(urls)
        else:
            names = self._log.lists.put(urls, self._clock.now() + REMEMBERED)
            self._lists |= dict.fromkeys(names)
        # Whoever dies from here on has told of them, however late listings are.
        if self._log.exclusive:
            self.renew()

    def _untold(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        return tuple(self._published), tuple(self._lists)

    def _told(self, urls: tuple[str, ...], lists: tuple[str, ...]) -> None:
        """Take note that the ledger tells of them, perhaps for the second time."""
        for url in urls:
            self._published.pop(url, None)
        for name in lists:
            self._lists.pop(name, None)

    def through(self, log: LedgerLog) -> None:
        """Go on with the same ledger as `log` reaches it."""
        self._log = log

    def give_back(self) -> None:
        urls, lists = self._untold()
        self._sure_until = self._clock.passed()

        def next_state(ledger: Ledger) -> Ledger | None:
            if not (urls or lists or ledger.has(self._id)):
                return None
            now = self._clock.now()
            return ledger.without(self._id, now).telling(urls, lists, now)

        self._log.change(next_state)
        if not self._log.exclusive:
            self._log.flags.down(self._id)

    def _entry(self, role: Role) -> Entry:
        until = self._clock.now() + self._lasting
        return Entry(id=self._id, role=role, owner=self._owner, until=until)
