from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from tests.filesystems.mounting import attached, mounted

SHARING = ["xfs", "btrfs"]
COPYING = ["ext4", "tmpfs"]


@dataclass(frozen=True, slots=True)
class Disk:
    kind: str
    folder: Path
    """Empty, on a file system of its own."""

    @property
    def shares(self) -> bool:
        return self.kind in SHARING


@pytest.fixture(scope="session", params=[*SHARING, *COPYING])
def mount(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Disk]:
    """One file system of each kind after the other, kept for all tests that take it."""
    kind: str = request.param
    place = tmp_path_factory.mktemp("filesystems")
    with mounted(kind, place / kind, 320) as folder:
        yield Disk(kind, folder)
    for image in place.glob("*.img"):
        image.unlink()  # hundreds of megabytes


@pytest.fixture
def disk(mount: Disk, tmp_path: Path) -> Disk:
    """An empty folder on each kind of file system."""
    folder = mount.folder / tmp_path.name
    folder.mkdir()
    return Disk(mount.kind, folder)


@pytest.fixture
def attach(tmp_path: Path) -> Iterator[Callable[[bytes], str]]:
    """Return a function that makes a block device of some bytes, a multiple of a sector."""
    with ExitStack() as devices:
        names = (tmp_path / f"backing{number}" for number in count())
        yield lambda content: devices.enter_context(attached(next(names), content))
