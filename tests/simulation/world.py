"""A world in which actors run the real program, one of them at any time.

Each request that an actor makes of a place of objects takes a while, by seeded dice, in which
others act; so one seed is one interleaving. The clock goes on to when the next one has something
to do. No two worlds are alike: in some listings are late, requests fail, processes stand still for
longer than leases last, or the server lets everybody overwrite.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from threading import Semaphore, Thread
from typing import TYPE_CHECKING, Final

from desync_jobs.stores.leases.ledger import SKEW

if TYPE_CHECKING:
    from tests.simulation.actors import Actor
    from tests.simulation.watching import WatchedLease

_LAGS: Final = (0.0, 600.0, 600.0, 1800.0)
DAY: Final = 100_000.0
"""Seconds after which nobody remembers what was published lately."""
EPOCH: Final = 1.8e9
"""The time at which worlds begin."""
NEVER: Final = float("inf")
_HANGS: Final = 60
"""Seconds after which a world hangs, by the clock on the wall."""


class Died(BaseException):
    """An actor's process has ended without another word."""


@dataclass(frozen=True, slots=True)
class Version:
    """What an object was from some time on; None where it was not there."""

    since: float
    seen: float
    """From when on listings show it."""
    data: bytes | None


class World:
    """All objects, all actors, and whose turn it is."""

    def __init__(self, seed: int) -> None:
        self.random = dice = Random(seed)
        self.now = 0.0
        self.objects: dict[str, list[Version]] = {}
        """The history of each object, by place and name."""
        self.watch: Callable[[Actor, str], None] = lambda _actor, _key: None
        """Told of each object that has become something else, and by whom."""
        self.leases: list[WatchedLease] = []
        """All that anybody ever had, in the order in which he got them."""
        self.exclusive = dice.random() < 0.65
        """Whether the server makes an object only for who is first."""
        self.failing = dice.choice([0.0, 0.0, 0.003, 0.01, 0.03])
        """How often a request fails."""
        self.standing_still = dice.choice([0.0, 0.01, 0.03])
        """How often a process does nothing for a long time after a request."""
        self.skew = dice.choice([0.0, SKEW / 2, SKEW / 2])
        """Seconds by which clocks may be wrong."""
        self.slow = False
        """Whether whoever begins now takes a long time for everything."""
        # A server that lets everybody overwrite must list what was written at once.
        self.lag = dice.choice(_LAGS) if self.exclusive else 0.0
        """Seconds by which a listing may be late."""
        self._actors: list[Actor] = []
        self._over = Semaphore(0)
        self._errors: list[BaseException] = []

    def run(self, *actors: "Actor") -> None:
        """Let actors act until all are done; raises what a check found."""
        for actor in actors:
            self.join_in(actor, self.random.uniform(0.0, self.random.choice([5.0, 300.0])))
        self._hand_over(None)
        assert self._over.acquire(timeout=_HANGS), "an actor hangs"
        if self._errors:
            raise self._errors[0]

    def join_in(self, actor: "Actor", seconds: float = 0.0) -> None:
        """Let one more act, in some seconds."""
        actor.wakes = self.now + seconds
        self._actors.append(actor)
        Thread(target=actor.main, daemon=True).start()

    def sleep(self, actor: "Actor", seconds: float) -> None:
        """Let others act for `seconds`; `Died` where the actor's process is dead then."""
        actor.wakes = self.now + seconds
        self._hand_over(actor)
        actor.process.live()

    def wait_for(self, actor: "Actor", other: "Actor") -> None:
        """Let others act until `other` is done."""
        if other in self._actors:
            other.awaited_by = actor
            self.sleep(actor, NEVER)

    def wake(self, actor: "Actor") -> None:
        """Have an actor that sleeps go on now."""
        actor.wakes = self.now

    def leave(self, actor: "Actor") -> None:
        """Let the others go on without an actor."""
        self._actors.remove(actor)
        if actor.awaited_by is not None:
            self.wake(actor.awaited_by)
        if self._actors:
            self._hand_over(None)
        else:
            self._over.release()

    def found(self, error: BaseException) -> None:
        """Keep an error that shows that something is wrong."""
        self._errors.append(error)

    def _hand_over(self, actor: "Actor | None") -> None:
        following = min(self._actors, key=lambda one: one.due)
        if following.due == NEVER:
            self.found(AssertionError("all wait for each other"))
            self._over.release()
        else:
            self.now = max(self.now, following.due)
        if following is not actor:
            following.turn.release()
            if actor is not None:
                actor.turn.acquire()

    def fails(self, often: float) -> bool:
        """Throw the dice for a request."""
        return self.random.random() < often

    def settle(self) -> None:
        """Let listings show all that is there, and leases be over that nobody has."""
        # Where everybody may overwrite, it may be lost that one was given back.
        self.now += self.lag if self.exclusive else 5000.0

    def calm(self) -> None:
        """Have no trouble from now on; leases of the dead are over, and listings are right."""
        self.failing = 0.0
        self.standing_still = 0.0
        self.now += 5000.0

    def content(self, key: str) -> bytes | None:
        """Return what an object is now."""
        history = self.objects.get(key)
        return history[-1].data if history else None

    def set(self, actor: "Actor", key: str, data: bytes | None) -> None:
        """Make an object something else."""
        late = self.random.choice([0.0, 0.0, self.random.uniform(0, self.lag)])
        self.objects.setdefault(key, []).append(Version(self.now, self.now + late, data))
        try:
            self.watch(actor, key)
        except AssertionError as error:
            self.found(error)
            raise

    def names(self, place: str) -> list[str]:
        """Return the names of the objects that are in a place now."""
        every = (
            key.partition("/") for key in sorted(self.objects) if self.content(key) is not None
        )
        return [name for at, _, name in every if at == place]

    def listed(self, beginning: str) -> Iterator[tuple[str, Version]]:
        """Yield what a listing shows: of each object some version that may be old."""
        for key, history in sorted(self.objects.items()):
            if key.startswith(beginning):
                shown = [one for one in history if one.seen <= self.now]
                if shown and shown[-1].data is not None:
                    yield key, shown[-1]
