"""A world in which publishers and collectors run the real program, one step of one at a time.

Every call that an actor makes of a place of objects is a step, and before it a seeded scheduler
chooses who goes on; so one seed is one interleaving. The places list what was there a while ago,
fail where the dice say so, and stop obeying an actor that has died. Time passes with each step;
each actor has a clock that is wrong by an amount of its own.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from threading import Condition, Thread
from typing import Any, Final

from desync_jobs.assembly.cancel import Cancel
from desync_jobs.errors import StoreError
from desync_jobs.manifest.capability import Capability
from desync_jobs.stores.leases.ledger import SKEW
from desync_jobs.stores.leases.ledgered import Clock
from desync_jobs.stores.objects.base import ObjectEntry, TooLarge, Traffic

LAG: Final = 120.0
"""Seconds by which a listing may be late."""
_EPOCH: Final = 1.8e9


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

    def __init__(self, seed: int, failing: float = 0.01) -> None:
        self.random = Random(seed)
        self.now = 0.0
        self.objects: dict[str, list[Version]] = {}
        """The history of each object, by place and name."""
        self.watch: Callable[[str], None] = lambda _: None
        """Told of each object that was removed."""
        self._failing = failing
        self.standing_still = 0.02
        """How often somebody does nothing for a long time."""
        self._turn = Condition()
        self._actors: list[Actor] = []
        self._current: Actor | None = None

    def run(self, *actors: "Actor") -> None:
        """Let actors act until all are done; raises what a check found."""
        self._actors = list(actors)
        threads = [Thread(target=one.main, daemon=True) for one in actors]
        for thread in threads:
            thread.start()
        with self._turn:
            self._choose()
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive(), "an actor hangs"
        for one in actors:
            if one.error is not None:
                raise one.error

    def step(self, actor: "Actor") -> None:
        """Wait for the actor's turn; then time has passed."""
        with self._turn:
            if self._current is actor:
                self._choose()
            self._turn.wait_for(lambda: self._current is actor)
            self.now += self.random.uniform(0.0, 20.0)
            if actor.steps_to_live is not None:
                actor.steps_to_live -= 1
            if actor.dead:
                raise Died

    def leave(self, actor: "Actor") -> None:
        """Let the others go on without an actor."""
        with self._turn:
            self._actors.remove(actor)
            self._choose()

    def _choose(self) -> None:
        self._current = self.random.choice(self._actors) if self._actors else None
        self._turn.notify_all()

    def fails(self) -> bool:
        """Throw the dice for a request."""
        return self.random.random() < self._failing

    def content(self, key: str) -> bytes | None:
        """Return what an object is now."""
        history = self.objects.get(key)
        return history[-1].data if history else None

    def set(self, key: str, data: bytes | None) -> None:
        """Make an object something else."""
        seen = self.now + self.random.choice([0.0, 0.0, self.random.uniform(0, LAG)])
        self.objects.setdefault(key, []).append(Version(self.now, seen, data))
        if data is None:
            self.watch(key)

    def listed(self, beginning: str) -> Iterator[tuple[str, Version]]:
        """Yield what a listing shows: of each object some version that may be old."""
        for key, history in sorted(self.objects.items()):
            shown = [one for one in history if one.seen <= self.now]
            if key.startswith(beginning) and shown and shown[-1].data is not None:
                yield key, shown[-1]


@dataclass
class Actor:
    """Somebody who does `work`, in steps that others come between."""

    world: World
    work: Callable[["Actor"], None]
    skew: float = 0.0
    """Seconds by which its clock is ahead."""
    steps_to_live: int | None = None
    error: BaseException | None = None
    started: float = field(default=0.0)

    @classmethod
    def of(cls, world: World, work: Callable[["Actor"], None]) -> "Actor":
        """Return an actor with a wrong clock, who may die on the way."""
        dice = world.random
        lives = dice.randrange(1, 60) if dice.random() < 0.3 else None
        return cls(world, work, dice.uniform(-SKEW / 2, SKEW / 2), lives)

    @property
    def dead(self) -> bool:
        return self.steps_to_live is not None and self.steps_to_live <= 0

    def main(self) -> None:
        try:
            self.world.step(self)
            self.work(self)
        except Died:
            pass
        except BaseException as error:  # noqa: BLE001 - raised again where the world ends
            self.error = error
        finally:
            self.world.leave(self)

    @property
    def clock(self) -> Clock:
        return Clock(self.time, lambda: self.world.now)

    def time(self) -> float:
        return _EPOCH + self.world.now + self.skew


class Waiting(Cancel):
    """A token that is never set, whose pauses let others act."""

    def __init__(self, actor: Actor) -> None:
        super().__init__()
        self._actor = actor

    def check(self) -> None:
        # Wherever the program looks whether it is to stop, it may have stood still.
        world = self._actor.world
        if world.random.random() < world.standing_still:
            world.step(self._actor)
            # Longer than a lease lasts that nobody renews.
            world.now += world.random.uniform(0.0, 2000.0)

    def pause(self, seconds: float) -> None:
        self._actor.world.step(self._actor)
        self._actor.world.now += seconds


class SimulatedPlace:
    """An `ObjectPlace` of the world, as one actor reaches it."""

    capabilities = frozenset(Capability)

    def __init__(self, actor: Actor, name: str) -> None:
        self.name = name
        self._actor = actor
        self._world = actor.world

    def get(self, names: Sequence[str], limit: int) -> list[bytes | TooLarge | None]:
        self._step()
        found = [self._world.content(self._key(name)) for name in names]
        return [one if one is None or len(one) <= limit else TooLarge(len(one)) for one in found]

    def sizes(self, names: Sequence[str]) -> list[int | None]:
        self._step()
        found = [self._world.content(self._key(name)) for name in names]
        return [None if one is None else len(one) for one in found]

    def put(self, objects: Sequence[tuple[str, bytes]], content_type: str) -> None:
        del content_type
        for name, data in objects:
            self._step()
            self._world.set(self._key(name), data)

    def create(self, name: str, data: bytes, content_type: str) -> bool:
        del content_type
        self._step()
        if self._world.content(self._key(name)) is not None:
            return False
        self._world.set(self._key(name), data)
        if self._world.fails():
            raise StoreError("the answer was lost")
        return True

    def delete(self, names: Sequence[str]) -> None:
        for name in names:
            self._step()
            if self._world.content(self._key(name)) is not None:
                self._world.set(self._key(name), None)

    def entries(self, prefix: str) -> Iterator[ObjectEntry]:
        self._step()
        begin = self._key("")
        for key, version in list(self._world.listed(self._key(prefix))):
            yield ObjectEntry(key[len(begin) :], len(version.data or b""), _EPOCH + version.since)

    def traffic(self) -> Traffic:
        return Traffic()

    def _key(self, name: str) -> str:
        return f"{self.name}/{name}"

    def _step(self) -> None:
        if self._actor.dead:
            raise Died
        self._world.step(self._actor)
        if self._world.fails():
            raise StoreError(f"store {self.name}: the request failed")


def settings_of(actor: Actor) -> dict[str, Any]:
    """Return how a run of an actor is told apart from a real one."""
    return {"cancel": Waiting(actor)}
