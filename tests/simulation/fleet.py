"""Who publishes, migrates, forgets and collects in a world, by the real program."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final, TypeVar

import pytest

from desync_jobs.api import Settings, run
from desync_jobs.archive.encoding import Bytes
from desync_jobs.archive.piping import Piped, piped
from desync_jobs.assembly.workers import Workers
from desync_jobs.errors import DesyncRunError
from desync_jobs.execute import recutting
from desync_jobs.execute.operations import prune
from desync_jobs.execute.quarantine import QUARANTINE
from desync_jobs.execute.result import Result
from desync_jobs.formats.index import parse_index
from desync_jobs.manifest.load import job_from_document
from desync_jobs.stores import leasing
from desync_jobs.stores import open as opening
from desync_jobs.stores.leases import ledgered, renewing
from desync_jobs.stores.leases.log import OWN
from desync_jobs.stores.policy import parting
from tests.simulation.actors import (
    Actor,
    Alarm,
    Process,
    Renewer,
    Waiting,
    WorldTime,
    act_as,
    current,
)
from tests.simulation.places import SimulatedPlace
from tests.simulation.watching import Watch, WatchedLease
from tests.simulation.world import World

R = TypeVar("R")
T = TypeVar("T")
Work = Callable[[Actor], None]
STORE: Final = "store"
IMAGES: Final = "images"
NAMES: Final = ("a", "b", "c")


def content(number: int) -> bytes:
    """Return one of a few blobs, whose parts occur in the others too."""
    parts = [bytes([65 + part]) * 700 + b"end" for part in range(6)]
    return b"".join(parts[number:] + parts[: number // 2])


@dataclass
class Fleet:
    """Everybody who acts in a world, and what must hold in it."""

    folder: Path
    world: World
    suffixes: Mapping[str, str] = field(default_factory=lambda: {STORE: ""})
    """The stores, and how names of their chunks end."""
    indexes: Mapping[str, str] = field(default_factory=lambda: {IMAGES: STORE})
    """Places of indexes, and the store of each."""
    mirrors: Mapping[str, str] = field(default_factory=dict)
    """Places of indexes, and those of which they have what is there."""

    quarantine: Mapping[str, object] = field(default_factory=dict)
    """What whoever collects says of a quarantine."""

    _must_succeed: bool = False

    def __post_init__(self) -> None:
        self.watch = Watch(self.world, self.suffixes, self.indexes, self.mirrors)
        self.world.watch = self.watch.changed
        self.folder.mkdir(exist_ok=True)
        for number in range(4):
            (self.folder / f"blob{number}").write_bytes(content(number))

    def job(self, actor: Actor, operation: dict[str, Any]) -> Result:
        """Run one operation as one actor."""
        document = {
            "version": 1,
            # Where nobody dies, everybody gives back what he has.
            "lease_wait": "1min" if self._must_succeed else "30min",
            "engine": {"kind": "local", "workers": 1},
            "limits": {"max_deletion_share": "100%"},
            "stores": {
                name: {
                    "url": f"memory://{name}",
                    "compression": "zstd" if suffix else "none",
                    "leases": actor.process.leased,
                    "reads": "own",
                }
                for name, suffix in self.suffixes.items()
            },
            "index_stores": {name: {"url": f"memory://{name}/"} for name in self.indexes},
            "operations": {"it": operation},
        }
        job = job_from_document(document, str(self.folder), "simulated")
        return run(job, Settings(cancel=Waiting()))

    def make(self, name: str, number: object) -> Work:
        """Return the work of publishing a blob."""
        operation = {
            "kind": "make",
            "blob": f"blob{number}",
            "index": f"memory://images/{name}.caibx",
            "store": STORE,
            "chunk_size": "64B:256B:1024B",
        }
        return lambda actor: self.whatever(actor, operation)

    def stranger(self, name: str) -> Actor:
        """Return who publishes what nobody else has, and knows nothing of leases."""
        (self.folder / f"blob.{name}").write_bytes(Random(name).randbytes(1500))
        return Actor(self.world, self.make(name, f".{name}"), Process(self.world, leased=False))

    def collect(self, grace: int, tombstones: list[str], store: str = STORE) -> Work:
        """Return the work of removing garbage."""
        roots = [
            {"url": f"memory://{place}/", "tombstones": tombstones, "golden": ["keep.*"]}
            for place, of in self.indexes.items()
            if of == store
        ]
        operation = {
            "kind": "prune",
            "store": store,
            "roots": roots,
            "grace": f"{grace}s",
            **self.quarantine,
        }

        def work(actor: Actor) -> None:
            actor.process.grace = grace
            if self.world.failing:
                actor.process.blind = self.world.random.choice(["", "", "/a.caibx", "/b.caibx"])
            if self.quarantine:
                length = str(self.quarantine.get("quarantine_for", "inf"))
                actor.process.quarantine = float(length.removesuffix("s"))
            self.whatever(actor, operation)

        return work

    @property
    def put_aside(self) -> bool:
        """Whether anything is in quarantine."""
        return any(
            QUARANTINE in key and self.world.content(key) is not None for key in self.world.objects
        )

    def bring_back(self, store: str = STORE) -> Work:
        """Return the work of bringing back what was collected."""
        places = [f"memory://{place}/" for place, of in self.indexes.items() if of == store]
        operation = {"kind": "unprune", "store": store, "indexes_of": places}

        def work(actor: Actor) -> None:
            actor.process.brings_back = True
            self.whatever(actor, operation)

        return work

    def whatever(self, actor: Actor, operation: dict[str, Any]) -> None:
        """Run an operation, which may fail in any way that is told."""
        allowed = (0,) if self._must_succeed else (0, 1, 4, 5, 7, 143)
        try:
            result = self.job(actor, operation)
        except DesyncRunError:
            assert not self._must_succeed, operation
            return
        assert result.exit_code in allowed, result.outcomes

    def well(self, *works: Work) -> None:
        """Have some work at the same time whom nothing disturbs, and who must succeed."""
        self._must_succeed = True
        self.world.run(*(Actor.well(self.world, work) for work in works))
        self._must_succeed = False

    def check(self) -> None:
        """Check that every index that is published has all its chunks."""
        self.watch.whole()

    def chunks(self, store: str = STORE) -> set[str]:
        """Return the IDs of the chunks that are in a store."""
        return {
            name.rpartition("/")[2].removesuffix(self.suffixes[store])
            for name in self.world.names(store)
            if OWN not in name
        }

    def needed(self, store: str = STORE) -> set[str]:
        """Return the IDs of the chunks that the indexes of a store need."""
        needed = set()
        for place in (place for place, of in self.indexes.items() if of == store):
            for name in self.world.names(place):
                if name.endswith(".caibx") and OWN not in name:
                    index = parse_index(self.world.content(f"{place}/{name}") or b"", name)
                    needed |= {index.id(position).hex() for position in range(len(index))}
        return needed


@contextmanager
def simulated() -> Iterator[None]:
    """Let every place of the program be one of the world, and every clock an actor's."""

    def open_objects(
        name: str, _spec: object, location: Any, around: opening.Surroundings
    ) -> SimulatedPlace:
        del name
        where = location.text.removeprefix("memory://").strip("/")
        return SimulatedPlace(current(), where, around.stopper)

    def at_once(workers: Workers, function: Callable[[T], R], item: T) -> "Future[R]":
        """Do a batch in the thread of its actor: two of them would not take turns."""
        future: Future[R] = Future()
        try:
            workers.cancel.check()
            future.set_result(function(item))
        except BaseException as error:  # noqa: BLE001 - raised again for the result
            future.set_exception(error)
        return future

    @contextmanager
    def before(produce: Callable[[Callable[[Bytes], None]], None]) -> Iterator[Piped]:
        """Have everything in the pipe, which is large enough, before it is read."""
        actor = current()

        def produced(write: Callable[[Bytes], None]) -> None:
            act_as(actor)
            produce(write)

        with piped(produced) as pipe:
            pipe.finish()
            yield pipe

    class Time:
        @staticmethod
        def time() -> float:
            return current().process.time()

    with pytest.MonkeyPatch.context() as patch:
        for module in (opening, leasing):
            patch.setattr(module, "open_objects", open_objects)
        patch.setattr(ledgered, "Clock", lambda: current().process.clock)
        patch.setattr(ledgered, "LedgeredLease", WatchedLease)
        patch.setattr(ledgered, "_LOOK_AGAIN", 40.0)  # as often as the simulation takes steps
        patch.setattr(ledgered, "_MANY", 2)  # so that indexes are told in both ways
        patch.setattr(renewing, "Thread", Renewer)
        patch.setattr(renewing, "Event", Alarm)
        patch.setattr(prune, "time", Time)
        patch.setattr(parting, "time", WorldTime)
        patch.setattr(Workers, "submit", at_once)
        patch.setattr(recutting, "piped", before)
        yield
