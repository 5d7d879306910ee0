"""No chunk of a published index is ever removed, whoever does what when, and all ends well.

SIMULATIONS sets how many interleavings are tried.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

from tests.simulation.actors import Actor, Process
from tests.simulation.fleet import IMAGES, NAMES, Fleet, Work, simulated
from tests.simulation.world import DAY, World

SIMULATIONS: Final = int(os.environ.get("SIMULATIONS", "80"))
QUARANTINES: Final[tuple[Mapping[str, object], ...]] = (
    {},
    {"quarantine": True},
    {"quarantine": True, "quarantine_for": "1500s"},
)


def simulate(folder: Path, seed: int) -> None:
    world = World(seed)
    dice = world.random
    fleet = Fleet(folder, world, quarantine=dice.choice(QUARANTINES))
    strangers = dice.random() < 0.3
    with simulated():
        world.run(Actor.well(world, fleet.make("keep", 0)))
        world.settle()
        for number in range(3):
            actors = [Actor.of(world, one) for one in works(fleet, strangers=strangers)]
            if strangers:
                actors.append(fleet.stranger(f"strange{number}"))
            world.run(*actors)
            world.now += dice.choice([0.0, 100.0, 2000.0, DAY, DAY])
            fleet.check()
        converge(fleet)


def works(fleet: Fleet, *, strangers: bool) -> Iterator[Work]:
    """Yield what several do at the same time."""
    dice = fleet.world.random
    for _ in range(dice.randrange(1, 4)):
        yield fleet.make(dice.choice(NAMES), dice.randrange(4))
    for _ in range(dice.randrange(1, 3)):
        # What strangers do is over after that.
        grace = 3000 if strangers else dice.choice([0, 100, 1000])
        yield fleet.collect(grace, [f"{name}.*" for name in NAMES if dice.random() < 0.4])
    if fleet.put_aside or (fleet.quarantine and dice.random() < 0.4):
        yield fleet.bring_back()


def converge(fleet: Fleet) -> None:
    """Run everything once more without any trouble: then all is there, and nothing else."""
    world = fleet.world
    world.calm()
    # Where everybody may overwrite, a lease takes too many requests for that.
    world.slow = world.exclusive and world.random.random() < 0.4
    fleet.well(*(fleet.make(name, number) for number, name in enumerate(NAMES)))
    for name in NAMES:
        assert world.content(f"{IMAGES}/{name}.caibx") is not None
    world.settle()
    fleet.well(fleet.collect(1000, []))
    world.now += 2000.0
    for _ in range(2):  # the second one waits for nobody who is gone
        fleet.well(fleet.collect(1000, []))
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


def test_whoever_is_killed_has_told_of_what_listings_show_late(tmp_path: Path) -> None:
    told = 0
    for seed in range(80):
        world = World(seed)
        # A listing shows an index long after the lease of whoever published it is over.
        world.exclusive, world.lag = True, 3600.0
        world.failing = world.standing_still = 0.0
        fleet = Fleet(tmp_path, world)
        dying = Process(world, steps_to_live=8 + seed % 8)
        with simulated():
            world.run(*(Actor.well(world, fleet.make(*one)) for one in (("keep", 0), ("a", 1))))
            world.settle()
            world.run(Actor(world, fleet.make("b", 1), dying))
            for _ in ("marks", "sweeps"):
                world.run(Actor.well(world, fleet.collect(0, ["a.*"])))
            fleet.check()
        told += dying.dead and world.content(f"{IMAGES}/b.caibx") is not None

    assert told >= 10


def test_one_seed_is_one_interleaving(tmp_path: Path) -> None:
    worlds = []
    for _ in range(2):
        world = World(7)
        fleet = Fleet(tmp_path, world)
        with simulated():
            world.run(Actor.well(world, fleet.make("keep", 0)))
            world.run(
                *(Actor.of(world, fleet.make(name, 1)) for name in NAMES),
                Actor.of(world, fleet.collect(0, [])),
            )
        worlds.append(
            [
                (key, [(one.since, one.data is None) for one in history])
                for key, history in sorted(world.objects.items())
            ]
        )

    assert worlds[0] == worlds[1]
