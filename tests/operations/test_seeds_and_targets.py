"""Seeds that are the target, or are overwritten with it; and what moves within one file."""

import os
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.operations.seeded import NEW, OLD, Expected, declare, extract, index_file, put_pair
from tests.vectors.inputs import ctr
from tests.workspace import Ended, Workspace, ids_of

# Names under which the target is declared as a seed.
NAMES: dict[str, Callable[[Path, Path], object]] = {
    "itself": lambda target, name: target.rename(name),
    "hard link": lambda target, name: name.hardlink_to(target),
    "symbolic link": lambda target, name: name.symlink_to(target.name),
}


def named(workspace: Workspace, how: str, blob: bytes) -> None:
    """Put `blob` at `copy`, and declare it as the seed `self` under some name."""
    put_pair(workspace / "copy", blob)
    name = "copy" if how == "itself" else "other-name"
    if how != "itself":
        NAMES[how](workspace / "copy", workspace / name)
    workspace.seeds["self"] = {"blob": name, "index": "copy.caibx"}


def in_place(workspace: Workspace, policy: str = "fail") -> Ended:
    return extract(workspace, seeds=["self"], in_place=True, invalid_seeds=policy)


@pytest.mark.parametrize("how", NAMES)
def test_the_old_target_is_a_seed_of_the_new_one_beside_it(
    release: Workspace, asked: Counter[bytes], how: str
) -> None:
    named(release, how, OLD)
    held = set(ids_of(release.index("copy.caibx")))
    expected = Expected(release.index("new.caibx"), NEW, held)
    ended = extract(release, seeds=["self"])

    assert ended.summary == (0, "done")
    assert (release / "copy").read_bytes() == NEW
    assert asked == dict.fromkeys(expected.fetched, 1)


@pytest.mark.parametrize("how", NAMES)
@pytest.mark.parametrize("policy", ["fail", "skip", "regenerate"])
def test_the_target_is_a_seed_of_itself_in_place(
    release: Workspace, asked: Counter[bytes], how: str, policy: str
) -> None:
    named(release, how, OLD)
    held = set(ids_of(release.index("copy.caibx")))
    expected = Expected(release.index("new.caibx"), NEW, held, OLD)
    inode = (release / "copy").stat().st_ino
    ended = in_place(release, policy)

    assert ended.summary == (0, "done")
    assert ended.warnings == []
    assert (release / "copy").read_bytes() == NEW
    assert (release / "copy").stat().st_ino == inode
    assert asked == dict.fromkeys(expected.fetched, 1)
    assert expected.statistics.items() <= ended.statistics.items()
    assert sorted(os.listdir(release.path)) == sorted(
        {"copy", "copy.caibx", "new.caibx", *(["other-name"] if how != "itself" else [])}
    )


BLOCK = 4096
A, B, C = (ctr(length, name) for length, name in ((150_000, b"A"), (120_000, b"B"), (90_000, b"C")))

# What stands in the target, and what it is to become: everything is there, but elsewhere.
MOVES: dict[str, tuple[bytes, bytes]] = {
    "a block later": (A + B + C, bytes(BLOCK) + A + B + C),
    "a block earlier": (bytes(BLOCK) + A + B + C, A + B + C),
    "a byte later": (A + B + C, b"!" + A + B + C),
    "a byte earlier": (b"!" + A + B + C, A + B + C),
    "places changed": (A + B + C, C + A + B),
    "turned round": (A + B + C, C + B + A),
    "only the end": (A + B + C, C),
    "only the end, twice": (A + C, C + C),
    "the middle left out": (A + B + C, A + C),
    "the first again at the end": (A + B, A + B + A),
}


@pytest.mark.parametrize("policy", ["fail", "skip"])
@pytest.mark.parametrize("move", MOVES)
def test_what_moved_within_the_target_is_not_fetched(
    workspace: Workspace, asked: Counter[bytes], move: str, policy: str
) -> None:
    old, new = MOVES[move]
    workspace.make("new", new)
    named(workspace, "itself", old)
    held = set(ids_of(workspace.index("copy.caibx")))
    expected = Expected(workspace.index("new.caibx"), new, held, old)
    ended = in_place(workspace, policy)

    assert ended.summary == (0, "done")
    assert ended.warnings == []
    assert (workspace / "copy").read_bytes() == new
    assert asked == dict.fromkeys(expected.fetched, 1)
    # Chunks at seams, and around what was put in before.
    assert len(expected.fetched) <= 6


@pytest.mark.parametrize(("first", "last"), [("other", "self"), ("self", "other")])
def test_the_target_is_one_seed_of_several(
    release: Workspace, asked: Counter[bytes], first: str, last: str
) -> None:
    named(release, "itself", OLD)
    declare(release, [NEW[:200_000]])
    release.seeds["other"] = release.seeds.pop("seed1")
    held = set(ids_of(release.index("copy.caibx"))) | set(ids_of(release.index("seed1.blob.caibx")))
    expected = Expected(release.index("new.caibx"), NEW, held, OLD)
    ended = extract(release, seeds=[first, last], in_place=True)

    assert ended.summary == (0, "done")
    assert (release / "copy").read_bytes() == NEW
    assert asked == dict.fromkeys(expected.fetched, 1)


def test_what_is_set_aside_finds_its_place_where_the_folder_takes_no_file(
    release: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The target can be written, its folder cannot."""
    named(release, "itself", OLD)
    plainly = os.access

    def access(path: object, mode: int) -> bool:
        return path != str(release.path) and plainly(str(path), mode)

    monkeypatch.setattr(os, "access", access)
    ended = in_place(release)

    assert ended.summary == (0, "done")
    assert (release / "copy").read_bytes() == NEW


def test_a_target_that_failed_in_place_keeps_what_it_had_more(release: Workspace) -> None:
    """A larger target is cut to its size only when everything else is done."""
    tail = ctr(300_000, b"tail")
    (release / "copy").write_bytes(NEW[:100_000] + bytes(len(NEW) - 100_000) + tail)
    (release / "empty").mkdir()
    failed = extract(release, in_place=True, stores=["empty"])
    after = (release / "copy").read_bytes()
    ended = extract(release, in_place=True)

    assert failed.summary == (5, "failed")
    assert after[len(NEW) :] == tail
    assert ended.summary == (0, "done")
    assert (release / "copy").read_bytes() == NEW


def test_an_update_in_place_that_was_cut_short_goes_on_with_what_is_left_of_the_seed(
    release: Workspace,
) -> None:
    """The seed is not what its index says any more, which is nobody's fault."""
    named(release, "itself", OLD)
    (release / "copy").write_bytes(NEW[:440_000] + OLD[440_000:])
    ended = in_place(release)

    assert ended.summary == (0, "done")
    assert (release / "copy").read_bytes() == NEW
    assert len(ended.warnings) == 1
    assert ended.statistics["damaged_seed_chunks"] > 0


def test_the_old_version_is_kept_where_the_new_one_fails_beside_it(release: Workspace) -> None:
    named(release, "itself", OLD)
    (release / "empty").mkdir()
    ended = extract(release, seeds=["self"], stores=["empty"])

    assert ended.summary == (5, "failed")
    assert (release / "copy").read_bytes() == OLD
    assert not list(release.path.glob(".*"))


def test_an_update_again_and_again_with_the_last_version_as_seed(workspace: Workspace) -> None:
    """The pattern of everybody who updates one file: seed and target are the same name."""
    versions = [OLD, NEW, NEW[:300_000], OLD + NEW, b"", OLD]
    workspace.seeds["self"] = {"blob": "copy", "index": "copy.caibx"}
    put_pair(workspace / "copy", b"first")
    for number, version in enumerate(versions):
        workspace.make("new", version)
        fields = {"seeds": ["self"], "in_place": bool(number % 2)}
        ended = extract(workspace, **fields)
        (workspace / "copy.caibx").write_bytes(index_file(version))

        assert ended.summary == (0, "done")
        assert (workspace / "copy").read_bytes() == version


def test_a_seed_beside_the_target_with_the_name_of_its_temporary_file_is_safe(
    release: Workspace,
) -> None:
    """Nothing is truncated that somebody declared as a seed."""
    put_pair(release / "copy.old", OLD)
    shutil.copy(release / "copy.old", release / "copy")
    release.seeds["old"] = {"blob": "copy.old", "index": "copy.old.caibx"}
    ended = extract(release, seeds=["old"])

    assert ended.summary == (0, "done")
    assert (release / "copy.old").read_bytes() == OLD
