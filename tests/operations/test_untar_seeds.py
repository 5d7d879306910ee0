"""`untar` takes chunks from trees at hand, the one that it replaces among them."""

import os
import shutil
from collections import Counter
from random import Random
from typing import Any

import pytest

from desync_jobs.errors import EXIT_USAGE
from tests.conftest import Run
from tests.operations.versions import archived, missing
from tests.trees import grow, need_root
from tests.workspace import SMALL, Ended, Workspace, ids_of


def unpack(workspace: Workspace, **fields: Any) -> Ended:
    given = {"index": "new.caidx", "stores": ["store"], "target": "out", **fields}
    ended = workspace.do("untar", **given)
    assert ended.summary == (0, "done"), ended.message
    return ended


def is_new(workspace: Workspace, directory: str) -> bool:
    ended = workspace.do("tar", directory=directory, archive="found.catar")
    assert ended.result.exit_code == 0, ended.message
    return (workspace / "found.catar").read_bytes() == archived(workspace)


@pytest.mark.parametrize("how", ["atomic", "delete"])
def test_an_update_fetches_exactly_what_the_target_lacks(
    versions: Workspace, asked: Counter[bytes], how: str
) -> None:
    """As casync does, the tree that is there is a seed without being named."""
    index, lacking = versions.index("new.caidx"), missing(versions)
    ended = unpack(versions, target="old", **{how: True})
    sources = ended.statistics["sources"]

    assert is_new(versions, "old")
    assert asked == Counter(lacking)
    assert sources["target"]["chunks"] == len(index) - len(lacking)
    assert ended.statistics["stores"]["store"]["chunks"] == len(lacking)
    assert ended.warnings == []


@pytest.mark.parametrize(
    ("fields", "seeded"),
    [
        ({}, False),
        ({"seed_target": True}, True),
        ({"atomic": True, "seed_target": False}, False),
        ({"delete": True, "seed_target": False}, False),
    ],
)
def test_whether_the_target_is_a_seed_can_be_said(
    versions: Workspace, asked: Counter[bytes], fields: dict[str, bool], seeded: bool
) -> None:
    ended = unpack(versions, target="old", **fields)

    assert ("target" in ended.statistics["sources"]) is seeded
    assert asked.keys() == (
        missing(versions) if seeded else set(ids_of(versions.index("new.caidx")))
    )


def test_a_named_tree_serves_a_target_that_is_not_there(
    versions: Workspace, asked: Counter[bytes]
) -> None:
    ended = unpack(versions, seeds=["running"], atomic=True)

    assert is_new(versions, "out")
    assert asked == Counter(missing(versions))
    assert "target" not in ended.statistics["sources"]


def test_a_second_update_needs_nothing(versions: Workspace, asked: Counter[bytes]) -> None:
    unpack(versions, target="old", atomic=True)
    asked.clear()
    shutil.rmtree(versions / "store")
    (versions / "store").mkdir()
    unpack(versions, target="old", atomic=True)

    assert is_new(versions, "old")
    assert not asked


@pytest.mark.parametrize("target", ["old/inside", "old", "around"])
@pytest.mark.parametrize("atomic", [False, True])
def test_a_seed_may_be_around_the_target_or_in_it(
    versions: Workspace, asked: Counter[bytes], target: str, atomic: bool
) -> None:
    if target == "around":
        (versions / "around").mkdir()
        (versions / "old").rename(versions / "around" / "old")
        versions.seeds["running"] = {"tree": "around/old"}
    unpack(versions, target=target, seeds=["running"], atomic=atomic)
    if target == "around" and not atomic:
        shutil.rmtree(versions / "around" / "old")
        time = (versions / "new").stat().st_mtime_ns
        os.utime(versions / "around", ns=(time, time))

    assert (target == "old" and not atomic) or is_new(versions, target)
    # The directory around has another time and one entry more.
    assert missing(versions) <= set(asked)
    assert len(asked) <= len(missing(versions)) + 3


def test_a_tree_moved_within_the_target_is_found_again(
    versions: Workspace, asked: Counter[bytes]
) -> None:
    (versions / "new" / "d4").rename(versions / "new" / "d9")
    versions.do("tar", directory="new", index="new.caidx", chunk_size=SMALL, store="store")
    unpack(versions, target="old", atomic=True)

    assert is_new(versions, "old")
    assert asked == Counter(missing(versions))


@pytest.mark.parametrize("seed", range(4))
def test_any_tree_is_right_whatever_trees_are_its_seeds(workspace: Workspace, seed: int) -> None:
    need_root()
    random = Random(seed)
    names = ["one", "two", "three"]
    for number, name in enumerate(names):
        grow(workspace / name, random.choice([seed, seed + 100 + number]))
        workspace.seeds[name] = {"tree": name}
    fields = {"chunk_size": SMALL, "store": "store"}
    made = workspace.do("tar", directory="one", index="new.caidx", **fields)
    ended = unpack(workspace, seeds=names[1:], target="three", atomic=True)
    workspace.do("tar", directory="one", archive="right.catar")
    workspace.do("tar", directory="three", archive="found.catar")

    assert made.result.exit_code == 0, made.message
    assert ended.warnings == []
    assert (workspace / "found.catar").read_bytes() == (workspace / "right.catar").read_bytes()


def test_seeding_from_the_target_makes_no_sense_for_a_whole_archive(desync_run: Run) -> None:
    ran = desync_run("untar", "--seed-target", "x.catar", "out")

    assert ran.returncode == EXIT_USAGE
    assert b"is for the chunks of an index" in ran.stderr


def test_links_need_a_seed_to_lead_to(desync_run: Run) -> None:
    ran = desync_run("untar", "--hardlink", "-s", "store", "x.caidx", "out")

    assert ran.returncode == EXIT_USAGE
    assert b"links lead to files of seeds" in ran.stderr


def test_the_command_takes_casyncs_seeds(versions: Workspace, desync_run: Run) -> None:
    arguments = ("-q", "--seed", "old", "-s", "store", "new.caidx", "out")
    ran = desync_run("untar", *arguments)
    updated = desync_run(
        "untar", "-q", "--atomic", "--no-seed-target", "-s", "store", "new.caidx", "old"
    )

    assert (ran.returncode, ran.stderr) == (0, b"")
    assert (updated.returncode, updated.stderr) == (0, b"")
    assert is_new(versions, "out")
    assert is_new(versions, "old")
