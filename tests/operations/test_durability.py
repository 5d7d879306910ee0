"""What `durability` syncs: all, the file alone, or nothing."""

import os
from collections.abc import Callable

import pytest

from tests.operations.seeded import NEW, OLD, declare, extract
from tests.workspace import Workspace


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of files and folders synced, in order."""
    names: list[str] = []

    def noting(plainly: Callable[[int], None]) -> Callable[[int], None]:
        def sync(fd: int) -> None:
            names.append(os.path.basename(os.readlink(f"/proc/self/fd/{fd}")))
            plainly(fd)

        return sync

    for name in ("fsync", "fdatasync"):
        monkeypatch.setattr(os, name, noting(getattr(os, name)))
    return names


@pytest.mark.parametrize(
    ("durability", "expected"),
    [
        (None, ["HIDDEN", "FOLDER"]),
        ("full", ["HIDDEN", "FOLDER"]),
        ("rename", ["HIDDEN"]),
        ("none", []),
    ],
)
def test_a_new_file_is_synced_as_asked(
    release: Workspace, synced: list[str], durability: str | None, expected: list[str]
) -> None:
    names = {"HIDDEN": ".copy.desync-run.tmp", "FOLDER": release.path.name}
    seeds = declare(release, [OLD])
    synced.clear()
    ended = extract(release, seeds=seeds, durability=durability)

    assert ended.summary == (0, "done")
    assert (release / "copy").read_bytes() == NEW
    assert synced == [names[one] for one in expected]


@pytest.mark.parametrize("durability", ["full", "rename"])
@pytest.mark.parametrize("there", [None, OLD])
def test_a_target_in_place_is_synced_last_but_for_its_folder(
    release: Workspace, synced: list[str], durability: str, there: bytes | None
) -> None:
    if there is not None:
        (release / "copy").write_bytes(there)
    seeds = declare(release, [OLD])
    synced.clear()
    ended = extract(release, seeds=seeds, durability=durability, in_place=True)
    of_target = [at for at, name in enumerate(synced) if name == "copy"]

    assert ended.summary == (0, "done")
    assert (release / "copy").read_bytes() == NEW
    assert of_target
    assert set(synced[of_target[-1] + 1 :]) <= {release.path.name}
    if durability == "full" and there is None:
        assert synced[-1] == release.path.name


@pytest.mark.parametrize("there", [None, OLD])
def test_a_target_in_place_is_not_synced_where_that_is_not_wanted(
    release: Workspace, synced: list[str], there: bytes | None
) -> None:
    if there is not None:
        (release / "copy").write_bytes(there)
    seeds = declare(release, [OLD])
    synced.clear()
    ended = extract(release, seeds=seeds, durability="none", in_place=True)

    assert ended.summary == (0, "done")
    assert "copy" not in synced


@pytest.mark.parametrize("durability", ["full", "rename", "none"])
@pytest.mark.parametrize("in_place", [False, True])
def test_every_durability_makes_the_same_file(
    release: Workspace, durability: str, in_place: bool
) -> None:
    (release / "copy").write_bytes(OLD)
    (release / "copy").chmod(0o640)
    seeds = declare(release, [OLD])
    fields = {"seeds": seeds, "durability": durability, "in_place": in_place}
    ended = extract(release, **fields)
    again = extract(release, **fields)

    assert (ended.summary, again.summary) == ((0, "done"), (0, "unchanged"))
    assert (release / "copy").read_bytes() == NEW
    assert (release / "copy").stat().st_mode & 0o7777 == 0o640
    assert not list(release.path.glob(".*"))
