import errno
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from desync_jobs.execute.quarantine import QUARANTINE, Held, bring_back_unless_taken
from desync_jobs.stores.objects.directory import DirectoryPlace
from desync_jobs.testing.objects import MemoryPlace

HELD = Held("20261130T000000Z", "a.caibx")


class Late(MemoryPlace):
    """A place that does not show yet what is there."""

    def sizes(self, names: Sequence[str]) -> list[int | None]:
        return [None] * len(names)


def test_an_object_comes_back_where_nothing_has_its_name() -> None:
    place = MemoryPlace()
    place.objects[HELD.place] = b"old"

    assert bring_back_unless_taken(place, HELD)
    assert place.objects == {"a.caibx": b"old"}


def test_an_object_takes_nobodys_name_however_late_that_is_seen() -> None:
    place = Late()
    place.objects |= {HELD.place: b"old", "a.caibx": b"new"}

    assert not bring_back_unless_taken(place, HELD)
    assert place.objects == {HELD.place: b"old", "a.caibx": b"new"}


def test_an_object_comes_back_as_old_as_it_is_also_where_files_have_one_name_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    place = DirectoryPlace("images", str(tmp_path))
    for _ in range(2):
        path = tmp_path / HELD.place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"old")
        os.utime(path, (1e9, 1e9))

        assert bring_back_unless_taken(place, HELD)
        assert [(one.name, one.modified) for one in place.entries("")] == [("a.caibx", 1e9)]
        (tmp_path / "a.caibx").unlink()
        monkeypatch.setattr(os, "link", refused)
    assert not (tmp_path / QUARANTINE / HELD.below).exists()
