"""A session by itself, in this process, with what it shows made for the test."""

import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from desync_jobs.assembly.blob_reader import BlobReader
from desync_jobs.errors import MountError
from desync_jobs.mount import session as session_module
from desync_jobs.mount import unmounting
from desync_jobs.mount.image import ImageContent, Owner
from desync_jobs.mount.session import MountPlace, Session
from desync_jobs.mount.telling import Failures
from desync_jobs.testing.memory import MemoryStore
from tests.mounts.mounting import require_fuse
from tests.unit.assembly.indexes import index_of

EMPTY = index_of([])


def session(place: Path, name: str = "empty") -> Session:
    require_fuse()
    blob = BlobReader(EMPTY, MemoryStore())
    content = ImageContent(name, blob, Owner(0, 0, 0))
    return Session(content, MountPlace(str(place), "a name, with a comma\\"), Failures(print))


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "mnt").mkdir()
    yield tmp_path / "mnt"
    unmounting.detach(str(tmp_path / "mnt"))


@pytest.fixture
def _not_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is not root is refused by the system call, and asks the helper."""
    monkeypatch.setattr(unmounting, "_umount", lambda _place, _flags: errno.EPERM)


def test_an_empty_blob_is_an_empty_file_and_the_table_of_mounts_has_the_name(place: Path) -> None:
    with session(place) as mounted:
        mounted.start(print)
        assert (place / "empty").read_bytes() == b""
        assert (place / "empty").stat().st_size == 0
        table = Path("/proc/mounts").read_text()
        assert f"a\\040name,\\040with\\040a\\040comma\\134 {place} fuse.desync-run ro," in table
        assert mounted.end(10)
        assert mounted.ended
    assert os.listdir(place) == []


@pytest.mark.usefixtures("_not_root")
def test_who_is_not_root_unmounts_with_the_helper_of_libfuse(place: Path) -> None:
    with session(place) as mounted:
        mounted.start(print)
        file = os.open(place / "empty", os.O_RDONLY)
        assert not unmounting.unmount(str(place))
        os.close(file)
        assert mounted.end(10)
    assert os.listdir(place) == []


@pytest.mark.usefixtures("_not_root")
def test_who_is_not_root_takes_away_what_is_used(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "_LET_GO", 0.1)
    gave_up = list[bool]()
    with session(place) as mounted:
        mounted.start(print)
        file = os.open(place / "empty", os.O_RDONLY)
        assert not mounted.end(0, lambda: gave_up.append(True))
        os.close(file)  # now libfuse sees the end, too
        assert mounted.wait(10)
    assert gave_up == [True]
    assert os.listdir(place) == []


def test_what_was_mounted_before_at_the_same_place_stays(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "_LET_GO", 0.1)
    require_fuse()
    subprocess.run(["mount", "-t", "tmpfs", "none", place], check=True)
    (place / "below").touch()
    with session(place) as mounted:
        mounted.start(print)
        file = os.open(place / "empty", os.O_RDONLY)
        subprocess.run(["umount", "--lazy", place], check=True)  # which leaves it to its users
        assert os.listdir(place) == ["below"]
        mounted.leave()
        assert not mounted.end(0)
        assert os.listdir(place) == ["below"]
        os.close(file)
        assert mounted.wait(10)
    subprocess.run(["umount", place], check=True)


def test_leaving_the_block_ends_it_whoever_uses_it(place: Path) -> None:
    with session(place) as mounted:
        mounted.start(print)
        file = os.open(place / "empty", os.O_RDONLY)
    assert mounted.ended
    assert os.listdir(place) == []
    with pytest.raises(OSError, match=os.strerror(errno.ENOTCONN)):
        os.close(file)


def test_a_place_that_cannot_be_mounted_at_is_told_with_the_reason(tmp_path: Path) -> None:
    before = os.getcwd()
    (tmp_path / "file").touch()
    with (
        pytest.raises(MountError, match=r"none: cannot be mounted: bad mount point"),
        session(tmp_path / "none") as mounted,
    ):
        mounted.start(print)
    assert os.getcwd() == before
