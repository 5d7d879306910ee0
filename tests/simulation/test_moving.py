"""A whole store that was moved is all there, whoever dies or collects at its new place meanwhile.

SIMULATIONS sets how many interleavings are tried.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from threading import local
from typing import Any, Final

import pytest

from desync_jobs.execute import migration_progress
from desync_jobs.execute.migrating import Migrating
from desync_jobs.stores.leases.role import Role
from tests.simulation.actors import Actor, Process
from tests.simulation.fleet import IMAGES, NAMES, STORE, Fleet, Work, simulated
from tests.simulation.world import DAY, World

SIMULATIONS: Final = int(os.environ.get("SIMULATIONS", "30"))
WHOLE: Final = "whole"
ANCHORED: Final = "anchored"
"""A place with one index, without which nobody may collect."""


def move(fleet: Fleet, form: dict[str, Any]) -> Work:
    """Return the work of moving the store; all that it had is there when that is done."""
    operation = {"kind": "migrate", "stores": [STORE], "store": WHOLE, **form}

    def work(actor: Actor) -> None:
        there = _histories(fleet.world)

        def check() -> None:
            now = _histories(fleet.world)
            lacking = {
                name
                for name, versions in there.items()
                if now.get(name) == versions
                and fleet.world.content(f"{WHOLE}/{name}.cacnk") is None
            }
            assert not lacking, f"{WHOLE} lacks {sorted(lacking)} at {fleet.world.now}"
            fleet.watch.alone(actor, WHOLE, Role.WRITER)

        _MOVING.check = check
        fleet.whatever(actor, operation)

    return work


def _histories(world: World) -> dict[str, int]:
    """Return how many versions there were of each chunk of the store that every listing shows."""
    return {
        name: len(world.objects[key])
        for name in world.names(STORE)
        for key in [f"{STORE}/{name}"]
        if "desync-run/" not in name and world.objects[key][-1].seen <= world.now
    }


_MOVING: Final = local()


@contextmanager
def looked_at() -> Iterator[None]:
    """Look at what was moved while the lease is had, and have files of progress tell at once."""
    plainly = Migrating.finish

    def finish(migrating: Migrating) -> None:
        plainly(migrating)
        check: Callable[[], None] = getattr(_MOVING, "check", lambda: None)
        check()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Migrating, "finish", finish)
        patch.setattr(migration_progress, "_EVERY", 1)
        yield


def anchor(fleet: Fleet) -> Work:
    """Return the work of having one index at the new place."""
    operation = {
        "kind": "migrate",
        "stores": [STORE],
        "store": WHOLE,
        "indexes": [f"memory://{IMAGES}/keep.caibx"],
        "indexes_to": f"memory://{ANCHORED}/",
    }
    return lambda actor: fleet.whatever(actor, operation)


def simulate(folder: Path, seed: int) -> None:
    world = World(seed)
    fleet = Fleet(folder, world, {STORE: "", WHOLE: ".cacnk"}, {IMAGES: STORE, ANCHORED: WHOLE})
    for number in range(4):  # with so many chunks that a move is somewhere when it is killed
        (folder / f"blob{number}").write_bytes(Random(number).randbytes(1500))
    dice = world.random
    form = dice.choice([{}, {"progress": "progress"}, {"progress": "progress"}])
    with simulated(), looked_at():
        for number, name in enumerate(("keep", "a", "b")):
            world.run(Actor.well(world, fleet.make(name, number)))
        world.run(Actor.well(world, anchor(fleet)))
        world.settle()
        for _ in range(3):
            # Most are killed on their way, and what they copied is collected.
            killed = Process(world, steps_to_live=dice.randrange(15, 80))
            world.run(Actor(world, move(fleet, form), killed))
            world.now += dice.choice([0.0, 100.0, 2000.0, DAY, DAY])
            world.run(Actor.of(world, fleet.collect(0, [], WHOLE)))
            world.run(*(Actor.of(world, one) for one in works(fleet, form, dice)))
            world.now += dice.choice([0.0, 100.0, 2000.0, DAY, DAY])
            fleet.check()
        converge(fleet, form)


def works(fleet: Fleet, form: dict[str, Any], dice: Random) -> list[Work]:
    """Return what several do at the same time."""

    def collect() -> Work:
        return fleet.collect(dice.choice([0, 0, 1000]), [], WHOLE)

    others: tuple[Callable[[], Work], ...] = (
        lambda: move(fleet, form),
        lambda: fleet.make(dice.choice(NAMES), dice.randrange(4)),
        collect,
        lambda: fleet.collect(0, [f"{dice.choice(NAMES)}.*"]),
    )
    return [
        move(fleet, form),
        collect(),
        *(dice.choice(others)() for _ in range(dice.randrange(3))),
    ]


def converge(fleet: Fleet, form: dict[str, Any]) -> None:
    """Move everything once more without any trouble: then all is there."""
    world = fleet.world
    world.calm()
    for number, name in enumerate(NAMES):
        fleet.well(fleet.make(name, number))
    world.settle()
    fleet.well(move(fleet, form))
    fleet.check()
    assert fleet.chunks(WHOLE) >= fleet.chunks()
    assert not (fleet.folder / "progress").exists()


@pytest.mark.parametrize("batch", range(10))
def test_a_store_that_was_moved_is_all_there(tmp_path: Path, batch: int) -> None:
    for seed in range(batch, SIMULATIONS, 10):
        try:
            simulate(tmp_path / str(seed), seed)
        except BaseException as error:
            error.add_note(f"in the interleaving {seed}")
            raise
