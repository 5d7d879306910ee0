"""The ledger in a place of objects: one object a state, each made once.

Who has read the state with the number n makes the object n + 1, if nobody was faster: of several
that try, the place lets one succeed (`create`), so that there is one order of states without any
clock or listing. The object `latest` has a number to begin to look from.
A place that lets everybody succeed shows that when a state is made a second time. There, whoever
finds its own state after a while has made it, which is wrong where somebody's writing took longer
than that: then states are lost, and leases in them. So leases have flags there besides, by which
writers and collectors never meet. What may be lost is a place in line, and what was published
lately, which a collector is told whose listing may not show it yet.
"""

from collections.abc import Callable, Sequence
from typing import Final

from desync_jobs.errors import StoreError
from desync_jobs.stores.leases.flags import Flags
from desync_jobs.stores.leases.ledger import Ledger, parse_ledger
from desync_jobs.stores.leases.publications import PublicationLists
from desync_jobs.stores.objects.base import CreatingPlace
from desync_jobs.stores.policy.values import Stopper

OWN: Final = "desync-run/"
"""What names of objects begin with that are no chunks and no indexes, but this program's own."""
FOLDER: Final = f"{OWN}leases/"
_LATEST: Final = FOLDER + "latest"
_TYPE: Final = "application/json"
_LIMIT: Final = 16 << 20
"""Bytes of a state."""
_AHEAD: Final = 4
"""States looked for at a time."""
_KEPT: Final = 64
"""States that are left behind the latest, for those who have read an older number."""
_SETTLING: Final = 2.0
"""Seconds after which a state that is still there is taken to stay."""
_TRIES: Final = 100


class LedgerLog:
    """The states of the leases of one store."""

    def __init__(self, place: CreatingPlace, stopper: Stopper) -> None:
        self._place = place
        self._stopper = stopper
        self._from = 0
        """A number that is not above that of the latest state."""
        self.flags = Flags(place)
        self.lists = PublicationLists(place)
        self._exclusive: bool | None = None
        """Whether the place lets one succeed; None where that was not seen yet."""

    @property
    def exclusive(self) -> bool:
        """Whether states cannot be lost, as far as is known, which is when one was made."""
        return self._exclusive is True

    def latest(self) -> Ledger:
        """Return the state that holds; the first one where there was none."""
        if not self._from:
            self._from = self._noted()
        found = self._read(self._from) if self._from else Ledger()
        if found is None:
            raise StoreError(
                f"store {self._place.name}: the state {self._from} of its leases is gone, which "
                f"{_LATEST} names; remove {_LATEST} when nobody uses the store"
            )
        while True:
            numbers = range(found.number + 1, found.number + 1 + _AHEAD)
            newer = self._get([_name(number) for number in numbers])
            for number, data in zip(numbers, newer, strict=True):
                if data is None:
                    self._from = found.number
                    return found
                found = parse_ledger(data, self._where(number))

    def published(self, now: float) -> tuple[str, ...]:
        """Return the URLs of indexes that appeared lately; to be called by a collector, alone."""
        latest = self.latest()
        told = [*(one.url for one in latest.published), *self.lists.urls(latest.lists, now)]
        return tuple(dict.fromkeys(told))

    def change(self, next_state: Callable[[Ledger], Ledger | None]) -> Ledger | None:
        """Make what `next_state` returns of the latest state the next one, and return it.

        None where it returns None, which changes nothing.
        """
        for tried in range(_TRIES):
            wanted = next_state(self.latest())
            if wanted is None:
                return None
            state = self._relieved(wanted)
            if self._append(state):
                self._tidy(state.number)
                return state
            self._stopper.pause(min(0.01 * tried, 1.0))
        raise StoreError(
            f"store {self._place.name}: its leases changed {_TRIES} times while one was asked for"
        )

    def _relieved(self, state: Ledger) -> Ledger:
        """Have what does not belong into a state be in lists before it is made."""
        excess = state.excess()
        if not excess:
            return state
        until = max(one.until for one in excess)
        return state.relieved(self.lists.put((one.url for one in excess), until))

    def _append(self, state: Ledger) -> bool:
        name, data = _name(state.number), state.content()
        made = self._place.create(name, data, _TYPE)
        if self._exclusive is None and made:
            # Asked for once more, it must be refused.
            self._exclusive = not self._place.create(name, data, _TYPE)
        if made and not self._exclusive:
            self._stopper.pause(_SETTLING)
        # What looks refused may be ours: the answer to the first attempt was lost.
        return made if made and self._exclusive else self._get([name]) == [data]

    def _tidy(self, number: int) -> None:
        """Note where to begin, and remove what nobody begins at any more."""
        if number % _AHEAD == 1:
            self._place.put([(_LATEST, str(number).encode())], _TYPE)
        noted = self._noted() if number % _KEPT == 0 else 0
        old = range(max(noted - 2 * _KEPT, 1), noted - _KEPT)
        self._place.delete([_name(one) for one in old])

    def _noted(self) -> int:
        (data,) = self._get([_LATEST])
        if data is None:
            return 0
        if not data.isdigit():
            raise StoreError(f"store {self._place.name}: {_LATEST} is no number; remove it")
        return int(data)

    def _read(self, number: int) -> Ledger | None:
        (data,) = self._get([_name(number)])
        return None if data is None else parse_ledger(data, self._where(number))

    def _get(self, names: Sequence[str]) -> list[bytes | None]:
        found = self._place.get(names, _LIMIT)
        answers: list[bytes | None] = []
        for name, data in zip(names, found, strict=True):
            if data is not None and not isinstance(data, bytes):
                raise StoreError(f"store {self._place.name}: {name} cannot be read")
            answers.append(data)
        return answers

    def _where(self, number: int) -> str:
        return f"store {self._place.name}: {_name(number)}"


def _name(number: int) -> str:
    return f"{FOLDER}{number:012d}"
