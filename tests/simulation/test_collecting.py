"""No chunk of a published index is ever removed, whoever does what when, and all ends well.

SIMULATIONS sets how many interleavings are tried.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import local
from typing import Any, Final

import pytest

from desync_jobs.api import Settings, run
from desync_jobs.errors import DesyncRunError
from desync_jobs.execute.operations import prune
from desync_jobs.execute.result import Result
from desync_jobs.formats.index import parse_index
from desync_jobs.manifest.load import job_from_document
from desync_jobs.stores import open as opening
from desync_jobs.stores.leases import ledgered
from tests.simulation.world import Actor, SimulatedPlace, Waiting, World

SIMULATIONS: Final = int(os.environ.get("SIMULATIONS", "100"))
STORE: Final = "store"
IMAGES: Final = "images"
NAMES: Final = ("a", "b", "c")


def content(number: int) -> bytes:
    """Return one of a few blobs, whose parts occur in the others too."""
    parts = [bytes([65 + part]) * 700 + b"end" for part in range(6)]
    return b"".join(parts[number:] + parts[: number // 2])


class Fleet:
    """Who publishes, forgets and collects, by the real program."""

    def __init__(self, folder: Path, world: World) -> None:
        self.world = world
        self._folder = folder
        world.watch = self.check
        for number in range(4):
            (folder / f"blob{number}").write_bytes(content(number))

    def job(self, actor: Actor, operation: dict[str, Any]) -> Result:
        """Run one operation as one actor."""
        document = {
            "version": 1,
            "lease_wait": "30min",
            "engine": {"kind": "local", "workers": 1},
            "limits": {"max_deletion_share": "100%"},
            "stores": {STORE: {"url": "memory://store", "compression": "none", "reads": "own"}},
            "index_stores": {IMAGES: {"url": "memory://images/"}},
            "operations": {"it": operation},
        }
        _ACTORS.current = actor
        job = job_from_document(document, str(self._folder), "simulated")
        return run(job, Settings(cancel=Waiting(actor)))

    def publish(self, name: str, number: int) -> Callable[[Actor], None]:
        """Return the work of publishing a blob."""
        operation = {
            "kind": "make",
            "blob": f"blob{number}",
            "index": f"memory://images/{name}.caibx",
            "store": STORE,
            "chunk_size": "64B:256B:1024B",
        }
        return lambda actor: self._whatever(actor, operation)

    def collect(self, grace: int, tombstones: list[str]) -> Callable[[Actor], None]:
        """Return the work of removing garbage."""
        root = {"url": "memory://images/", "tombstones": tombstones, "golden": ["keep.*"]}
        operation = {"kind": "prune", "store": STORE, "roots": [root], "grace": f"{grace}s"}
        return lambda actor: self._whatever(actor, operation)

    def _whatever(self, actor: Actor, operation: dict[str, Any]) -> None:
        """Run an operation, which may fail in any way that is told."""
        try:
            result = self.job(actor, operation)
        except DesyncRunError:
            return
        assert result.exit_code in (0, 1, 4, 5, 7), result.outcomes

    def check(self, _removed: str = "") -> None:
        """Check that every index that is published has all its chunks."""
        for key in sorted(self.world.objects):
            data = self.world.content(key)
            if data is None or not key.startswith(f"{IMAGES}/") or "desync-run/" in key:
                continue
            index = parse_index(data, key)
            for position in range(len(index)):
                name = index.id(position).hex()
                chunk = self.world.content(f"{STORE}/{name[:4]}/{name}")
                assert chunk is not None, f"{key} lacks {name} at {self.world.now}"

    def chunks(self) -> set[str]:
        beginning = f"{STORE}/"
        return {
            key[len(beginning) + 5 :]
            for key in self.world.objects
            if key.startswith(beginning)
            and "desync-run/" not in key
            and self.world.content(key) is not None
        }

    def needed(self) -> set[str]:
        found = set()
        for key in self.world.objects:
            data = self.world.content(key)
            if data is not None and key.startswith(f"{IMAGES}/") and "desync-run/" not in key:
                index = parse_index(data, key)
                found |= {index.id(position).hex() for position in range(len(index))}
        return found


_ACTORS = local()


@contextmanager
def simulated() -> Iterator[None]:
    """Let every place of the program be one of the world, and every clock an actor's."""

    def open_objects(name: str, _spec: object, location: Any, _around: object) -> SimulatedPlace:
        del name
        return SimulatedPlace(_ACTORS.current, location.text.removeprefix("memory://").strip("/"))

    class Time:
        @staticmethod
        def time() -> float:
            now: float = _ACTORS.current.time()
            return now

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opening, "open_objects", open_objects)
        patch.setattr(ledgered, "Clock", lambda: _ACTORS.current.clock)
        patch.setattr(prune, "time", Time)
        yield


def simulate(folder: Path, seed: int) -> None:
    world = World(seed)
    fleet = Fleet(folder, world)
    dice = world.random
    calm = Actor(world, fleet.publish("keep", 0))
    with simulated():
        world.run(calm)
        for _ in range(3):
            actors = [
                Actor.of(world, fleet.publish(dice.choice(NAMES), dice.randrange(4)))
                for _ in range(dice.randrange(1, 4))
            ]
            actors += [
                Actor.of(
                    world,
                    fleet.collect(
                        dice.choice([0, 100, 1000]),
                        [f"{name}.*" for name in NAMES if dice.random() < 0.4],
                    ),
                )
                for _ in range(dice.randrange(1, 3))
            ]
            world.run(*actors)
            world.now += dice.choice([0.0, 100.0, 2000.0])
            fleet.check()
        converge(fleet)


def converge(fleet: Fleet) -> None:
    """Run everything once more without any trouble: then all is there, and nothing else."""
    world = fleet.world
    world.fails = lambda: False  # type: ignore[method-assign]
    world.standing_still = 0.0
    world.now += 5000.0  # leases of the dead are over, and listings show what there is
    for number, name in enumerate(NAMES):
        world.run(Actor(world, fleet.publish(name, number)))
        assert world.content(f"{IMAGES}/{name}.caibx") is not None
    world.now += 5000.0
    world.run(Actor(world, fleet.collect(0, [])))
    fleet.check()
    assert fleet.chunks() == fleet.needed()


@pytest.mark.parametrize("batch", range(10))
def test_no_chunk_of_a_published_index_is_ever_removed(tmp_path: Path, batch: int) -> None:
    for seed in range(batch, SIMULATIONS, 10):
        try:
            simulate(tmp_path, seed)
        except BaseException as error:
            error.add_note(f"in the interleaving {seed}")
            raise


def test_one_seed_is_one_interleaving(tmp_path: Path) -> None:
    worlds = []
    for _ in range(2):
        world = World(7)
        fleet = Fleet(tmp_path, world)
        with simulated():
            world.run(Actor(world, fleet.publish("keep", 0)))
            world.run(
                *(Actor.of(world, fleet.publish(name, 1)) for name in NAMES),
                Actor.of(world, fleet.collect(0, [])),
            )
        worlds.append(
            [
                (key, [(one.since, one.data is None) for one in history])
                for key, history in sorted(world.objects.items())
            ]
        )

    assert worlds[0] == worlds[1]
