"""What was migrated or published elsewhere is whole there, whoever dies or collects meanwhile.

SIMULATIONS sets how many interleavings are tried.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest

from tests.simulation.actors import Actor
from tests.simulation.fleet import IMAGES, NAMES, STORE, Fleet, Work, simulated
from tests.simulation.world import DAY, World

SIMULATIONS: Final = int(os.environ.get("SIMULATIONS", "60"))
MIRROR: Final = "mirror"
MIRRORED: Final = "mirrored"
PUBLIC: Final = "public"
WHOLE: Final = "whole"
SUFFIXES: Final = {STORE: "", MIRROR: ".cacnk", WHOLE: ".cacnk", "again": ".cacnk"}
INDEXES: Final = {IMAGES: STORE, MIRRORED: MIRROR, PUBLIC: MIRROR, "anew": "again"}
FORMS: Final[tuple[dict[str, Any], ...]] = (
    {},
    {},
    {"digest": "sha256", "id_map": "ids"},
    {"chunk_size": "128B:512B:2048B"},
)
"""What becomes of chunks on their way."""


def mirror(fleet: Fleet, form: dict[str, Any], store: str = MIRROR, to: str = MIRRORED) -> Work:
    """Return the work of a mirror: new indexes, and without those that are gone."""
    operation = {
        "kind": "migrate",
        "stores": [STORE],
        "store": store,
        "roots": [{"url": f"memory://{IMAGES}/"}],
        "indexes_to": f"memory://{to}/",
        "remove_gone": True,
        "report": f"report.{store}",
        **form,
    }
    return lambda actor: fleet.whatever(actor, operation)


def move(fleet: Fleet) -> Work:
    """Return the work of moving a whole store, which says how far it is."""
    operation = {"kind": "migrate", "stores": [STORE], "store": WHOLE, "progress": "progress"}
    return lambda actor: fleet.whatever(actor, operation)


def publish(fleet: Fleet, name: str) -> Work:
    """Return the work of publishing an index, as what is current."""
    operation = {
        "kind": "publish",
        "indexes": [f"memory://{IMAGES}/{name}.caibx"],
        "stores": [STORE],
        "store": MIRROR,
        "indexes_to": f"memory://{PUBLIC}/",
        "aliases": {"latest.caibx": f"{name}.caibx"},
        "head": "head.json",
    }
    return lambda actor: fleet.whatever(actor, operation)


def simulate(folder: Path, seed: int) -> World:
    world = World(seed)
    fleet = Fleet(folder, world, SUFFIXES, INDEXES, {MIRRORED: IMAGES})
    dice = world.random
    form = dice.choice(FORMS)
    with simulated():
        for number, name in enumerate(("keep", "a", "b")):
            world.run(Actor.well(world, fleet.make(name, number)))
        for work in (mirror(fleet, form), publish(fleet, "keep")):
            world.run(Actor.well(world, work))
        world.settle()
        for _ in range(3):
            world.run(*(Actor.of(world, one) for one in works(fleet, form, dice)))
            world.now += dice.choice([0.0, 100.0, 2000.0, DAY, DAY])
            fleet.check()
        converge(fleet, form)
    return world


def works(fleet: Fleet, form: dict[str, Any], dice: Random) -> list[Work]:
    """Return what several do at the same time: some of it on both sides of the migration."""

    def collect(store: str) -> Work:
        gone = [f"{name}.*" for name in NAMES if dice.random() < 0.6]
        return fleet.collect(dice.choice([0, 0, 1000]), gone, store)

    filling: tuple[Callable[[], Work], ...] = (
        lambda: mirror(fleet, form),
        lambda: mirror(fleet, form),
        lambda: publish(fleet, dice.choice(("keep", "a", "b"))),
        lambda: move(fleet),
    )
    others: tuple[Callable[[], Work], ...] = (
        *filling,
        lambda: fleet.make(dice.choice(NAMES), dice.randrange(4)),
        lambda: collect(MIRROR),
        lambda: collect(STORE),
    )
    more = [dice.choice(others)() for _ in range(dice.randrange(3))]
    if dice.random() < 0.4:  # what is copied becomes something else meanwhile
        more.append(fleet.make(dice.choice(("a", "b")), dice.randrange(4)))
    if dice.random() < 0.3:  # or is gone
        more.append(fleet.collect(0, [f"{dice.choice(NAMES)}.*"]))
    return [dice.choice(filling)(), collect(MIRROR), *more]


def converge(fleet: Fleet, form: dict[str, Any]) -> None:
    """Run everything once more without any trouble: then all is there, and nothing else."""
    world = fleet.world
    world.calm()
    for number, name in enumerate(NAMES):
        fleet.well(fleet.make(name, number))
    world.settle()
    for work in (mirror(fleet, form), move(fleet), publish(fleet, "b")):
        fleet.well(work)
    world.settle()
    fleet.well(fleet.collect(0, [], MIRROR))
    fleet.check()
    assert fleet.chunks(MIRROR) == fleet.needed(MIRROR)
    assert fleet.chunks(WHOLE) >= fleet.chunks()
    _as_undisturbed(fleet, form)
    latest = world.content(f"{PUBLIC}/latest.caibx")
    assert latest == world.content(f"{PUBLIC}/b.caibx") == world.content(f"{IMAGES}/b.caibx")
    (named,) = json.loads(world.content(f"{PUBLIC}/head.json") or b"")["indexes"]
    assert named["name"] == "b.caibx"


def _as_undisturbed(fleet: Fleet, form: dict[str, Any]) -> None:
    """Check that indexes and report are those of a mirror that nothing ever happened to."""
    world = fleet.world
    (fleet.folder / "ids").unlink(missing_ok=True)
    fleet.well(mirror(fleet, form, "again", "anew"))
    reports = [
        json.loads((fleet.folder / f"report.{one}").read_text()) for one in (MIRROR, "again")
    ]
    assert {**reports[0], "store": "again"} == reports[1]
    found = [
        {key: world.content(f"{place}/{key}") for key in world.names(place)}
        for place in (MIRRORED, "anew")
    ]
    assert found[0] == found[1]
    assert list(found[0]) == world.names(IMAGES)


@pytest.mark.parametrize("batch", range(10))
def test_what_was_migrated_is_whole_and_stays_so(tmp_path: Path, batch: int) -> None:
    for seed in range(batch, SIMULATIONS, 10):
        try:
            simulate(tmp_path / str(seed), seed)
        except BaseException as error:
            error.add_note(f"in the interleaving {seed}")
            raise


def test_one_seed_is_one_interleaving_of_migrations(tmp_path: Path) -> None:
    worlds = [simulate(tmp_path / name, 5) for name in ("one", "other")]
    histories = [
        [(key, [one.since for one in history]) for key, history in sorted(world.objects.items())]
        for world in worlds
    ]

    assert histories[0] == histories[1]
