"""A directory as a place of objects keeps the contract of those that are elsewhere."""

from pathlib import Path

import pytest

from desync_jobs.errors import StoreError
from desync_jobs.stores.objects.base import ObjectPlace
from desync_jobs.stores.objects.directory import DirectoryPlace
from tests.contract.links import LINKED, linked, make_linked
from tests.contract.remote_contract import RemoteContract


class TestDirectory(RemoteContract):
    @pytest.fixture
    def place(self, tmp_path: Path) -> ObjectPlace:
        return DirectoryPlace("here", str(tmp_path))


@pytest.fixture
def place(tmp_path: Path) -> DirectoryPlace:
    return DirectoryPlace("here", str(tmp_path / "root"))


def test_a_directory_that_is_not_there_is_no_empty_place(place: DirectoryPlace) -> None:
    for ask in (
        lambda: place.get(["x"], 10),
        lambda: place.sizes(["x"]),
        lambda: list(place.entries("")),
        lambda: place.put([("x", b"")], ""),
        lambda: place.delete(["x"]),
    ):
        with pytest.raises(StoreError, match="root is not a directory"):
            ask()


def test_an_object_gets_another_name(place: DirectoryPlace, tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    place.put([("a/b", b"x")], "")

    place.rename("a/b", "c/d/e")
    place.rename("missing", "f")

    assert [entry.name for entry in place.entries("")] == ["c/d/e"]


def test_links_are_listed_with_what_they_lead_to(place: DirectoryPlace, tmp_path: Path) -> None:
    make_linked(tmp_path / "root")

    assert linked(place) == LINKED


def test_a_directory_behind_a_link_that_nobody_may_read_is_an_error(
    place: DirectoryPlace, tmp_path: Path
) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "far").symlink_to("x" * 300)

    with pytest.raises(StoreError, match=r"cannot look at .*/root/far: File name too long"):
        list(place.entries(""))


def test_a_write_that_fails_leaves_nothing(place: DirectoryPlace, tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "x").mkdir()

    with pytest.raises(StoreError, match="cannot write"):
        place.put([("x", b"data")], "")
    assert [path.name for path in (tmp_path / "root").rglob("*")] == ["x"]
