"""Who acts in a world: processes, and the threads that each of them has."""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from threading import Semaphore, local
from typing import Final

from desync_jobs.assembly.cancel import Cancel
from desync_jobs.errors import InterruptedRunError, StoreError
from desync_jobs.stores.leases.ledgered import Clock
from tests.simulation.world import EPOCH, Died, World

_UNGUARDED: Final = 50.0
"""Seconds that may be between a look at a lease and the request that it is for: the program leaves
a minute for that."""
_LATE: Final = 400.0
"""Seconds for which what others may see is under way, at the most."""
_CURRENT: Final = local()


def current() -> "Actor":
    """Return who this thread is of."""
    actor: Actor = _CURRENT.actor
    return actor


def act_as(actor: "Actor") -> None:
    """Let this thread do what is that actor's, who waits for it."""
    _CURRENT.actor = actor


@dataclass(eq=False)
class Process:
    """A process, with the clocks of its machine."""

    world: World
    skew: float = 0.0
    """Seconds by which its clock is ahead."""
    steps_to_live: int | None = None
    """How many requests it makes before it is killed."""
    steps_to_signal: int | None = None
    """How many requests it makes before it is asked to end."""
    pace: float = 1.0
    """Seconds that most of its requests take."""
    restless: bool = False
    """Whether it may still stand still once."""
    failing_renewals: float = 0.0
    """How often a request fails that is to renew a lease."""
    blind: str = ""
    """How what it can never read is called at its end."""
    leased: bool = True
    """Whether it heeds leases."""
    grace: float = 0.0
    """Seconds for which it leaves garbage where it is."""
    dawdling: bool = False
    """Whether what it tells everybody of may be late by minutes."""
    quarantine: float | None = None
    """Seconds for which it leaves in quarantine what it puts there; None without one."""
    brings_back: bool = False
    """Whether it brings back what is in quarantine."""
    began: float = field(init=False)
    until: float = 0.0
    """When it goes on after it was stopped."""
    guarded: "dict[Actor, float]" = field(default_factory=dict)
    """Threads that have looked at a lease and not yet done what for, and the seconds left."""
    _behind: float = 0.0
    """Seconds in which the machine was suspended."""

    def __post_init__(self) -> None:
        self.began = self.world.now

    @classmethod
    def any(cls, world: World) -> "Process":
        """Return one with a wrong clock, who may die, stand still, or lose its leases."""
        dice = world.random
        return cls(
            world,
            skew=wrong(dice, world.skew),
            steps_to_live=dice.randrange(1, 80) if dice.random() < 0.3 else None,
            steps_to_signal=dice.randrange(1, 80) if dice.random() < 0.2 else None,
            pace=dice.choice([0.1, 1.0, 1.0, 5.0, 15.0]),
            restless=dice.random() < 0.6,
            dawdling=not world.exclusive and dice.random() < 0.7,
            failing_renewals=dice.choice([0.0, 0.3, 1.0]),
        )

    @property
    def dead(self) -> bool:
        return self.steps_to_live is not None and self.steps_to_live <= 0

    @property
    def told_to_end(self) -> bool:
        return self.steps_to_signal is not None and self.steps_to_signal <= 0

    def live(self) -> None:
        """Raise `Died` where it is dead."""
        if self.dead:
            raise Died

    @property
    def stopped(self) -> bool:
        """Whether it stands still now."""
        return self.until > self.world.now

    def stop(self) -> None:
        """Stand still for a long time; clocks may be something else after that."""
        dice = self.world.random
        longest = dice.choice([100.0, 500.0, 600.0, 1200.0, 1500.0, 3000.0])
        seconds = dice.uniform(0.7, 1.0) * longest
        self.until = self.world.now + seconds
        if dice.random() < 0.5:
            # The machine is virtual: what counts its seconds stands still, too.
            self._behind += seconds
        else:
            self.skew = wrong(dice, self.world.skew)

    def time(self) -> float:
        """Return seconds since 1970, as they are set on the machine."""
        return EPOCH + self.world.now + self.skew

    @property
    def clock(self) -> Clock:
        return Clock(self.time, lambda: self.world.now - self._behind)


def wrong(dice: Random, most: float) -> float:
    """Return by how much a clock is wrong: often as much as is allowed."""
    return dice.choice([-most, most, dice.uniform(-most, most)])


@dataclass(eq=False)
class Actor:
    """A thread that does `work`, in steps that others come between."""

    world: World
    work: Callable[["Actor"], None]
    process: Process
    renews: bool = False
    """Whether it does nothing but renew a lease."""
    wakes: float = 0.0
    awaited_by: "Actor | None" = None
    turn: Semaphore = field(default_factory=lambda: Semaphore(0))

    @classmethod
    def well(cls, world: World, work: Callable[["Actor"], None]) -> "Actor":
        """Return one whom nothing happens to, in a process of its own."""
        return cls(world, work, Process(world, pace=15.0 if world.slow else 1.0))

    @classmethod
    def of(cls, world: World, work: Callable[["Actor"], None]) -> "Actor":
        """Return one to whom anything may happen, in a process of its own."""
        return cls(world, work, Process.any(world))

    @property
    def due(self) -> float:
        """When it has something to do."""
        return max(self.wakes, self.process.until)

    def main(self) -> None:
        """Do the work, in a thread of its own; when that begins makes no difference."""
        act_as(self)
        self.turn.acquire()
        try:
            self.process.live()
            self.work(self)
        except Died:
            pass
        except BaseException as error:  # noqa: BLE001 - raised again where the world ends
            self.world.found(error)
        finally:
            self.process.guarded.pop(self, None)
            self.world.leave(self)

    def guard(self) -> None:
        """Take note that it has looked at a lease: what it does next must not take long."""
        self.process.guarded[self] = _UNGUARDED

    def send(self, name: str, *, late: bool = False) -> None:
        """Wait until a request of the place called `name` arrives; `StoreError` where it fails.

        Most of those that are `late` take minutes, where no lease depends on them.
        """
        process, dice = self.process, self.world.random
        process.live()
        seconds = dice.uniform(0.0, 2 * process.pace if dice.random() < 0.9 else _UNGUARDED)
        if late and dice.random() < 0.6:
            seconds = dice.uniform(0.0, _LATE)
        if self in process.guarded:
            seconds = min(seconds, process.guarded[self])
            process.guarded[self] -= seconds
        self.world.sleep(self, seconds)
        if process.steps_to_live is not None:
            process.steps_to_live -= 1
            process.live()
        if process.steps_to_signal is not None:
            process.steps_to_signal -= 1
        if self.world.fails(self.failing):
            raise StoreError(f"store {name}: the request failed")

    @property
    def failing(self) -> float:
        """How often its requests fail."""
        often = self.world.failing
        return max(often, self.process.failing_renewals) if self.renews else often

    def done(self, name: str, times: int = 1) -> None:
        """Have done what a lease was looked at for; `StoreError` where the answer is lost."""
        self.process.guarded.pop(self, None)
        if self.world.fails(self.failing / 2):
            raise StoreError(f"store {name}: the answer was lost")
        self.rest(times)

    def rest(self, times: int = 1) -> None:
        """Have the whole process stand still for long, sometimes, or so many times as often."""
        process, often = self.process, times * self.world.standing_still
        if process.restless and not process.guarded and self.world.fails(often):
            process.restless = False
            process.stop()
            self.world.sleep(self, 0.0)


class Waiting(Cancel):
    """A token that is set where the process is asked to end, whose pauses let others act."""

    def check(self) -> None:
        # Whoever asks whether to go on has done what was to be done quickly.
        process = current().process
        process.guarded.pop(current(), None)
        if process.told_to_end:
            raise InterruptedRunError("SIGTERM")

    def pause(self, seconds: float) -> None:
        self.check()
        current().world.sleep(current(), seconds)
        self.check()


class WorldTime:
    """In place of the module `time`, for what counts seconds of the world."""

    @staticmethod
    def monotonic() -> float:
        return current().world.now

    @staticmethod
    def sleep(seconds: float) -> None:
        current().world.sleep(current(), seconds)


class Renewer:
    """In place of a `Thread`, one of the process whose actor makes it."""

    def __init__(self, target: Callable[[], None], name: str, daemon: bool) -> None:
        del name, daemon
        owner = current()
        self._actor = Actor(owner.world, lambda _: target(), owner.process, renews=True)

    def start(self) -> None:
        self._actor.world.join_in(self._actor)

    def join(self) -> None:
        self._actor.world.wait_for(current(), self._actor)


class Alarm:
    """In place of an `Event`, one that is waited for by the clock of the world."""

    def __init__(self) -> None:
        self._set = False
        self._waiting: Actor | None = None

    def set(self) -> None:
        self._set = True
        if self._waiting is not None:
            self._waiting.world.wake(self._waiting)

    def wait(self, seconds: float) -> bool:
        actor = current()
        actor.process.guarded.pop(actor, None)
        if not self._set:
            self._waiting = actor
            actor.world.sleep(actor, seconds)
            self._waiting = None
        return self._set
