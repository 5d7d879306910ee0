"""Seeds and targets that are different files or devices, and stand on the same storage."""

import os
import struct
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO

import pytest

from desync_jobs.execute import storage
from desync_jobs.execute.storage import same_storage
from tests.filesystems.mounting import attached_file
from tests.operations.seeded import NEW, OLD, extract, index_file
from tests.workspace import Workspace

SECTOR = 512
SIZE = -(-max(len(OLD), len(NEW)) // SECTOR) * SECTOR
FIRST = 2048 * SECTOR
"""Where the first partition begins."""

Attach = Callable[..., str]


@pytest.fixture
def attach() -> Iterator[Attach]:
    """Return a function that makes a device of a file, with options of losetup."""
    with ExitStack() as devices:
        yield lambda path, *options: devices.enter_context(attached_file(path, *options))


def same(left: Path | str, right: Path | str) -> bool:
    with open(left, "rb") as one, open(right, "rb") as other:
        found = same_storage(one.fileno(), other.fileno())
        assert same_storage(other.fileno(), one.fileno()) is found
    return found


def filled(path: Path, *parts: bytes) -> Path:
    """Write `parts` into a file, each filled up to SIZE."""
    path.write_bytes(b"".join(part + bytes(SIZE - len(part)) for part in parts))
    return path


def disk(path: Path, *parts: bytes) -> Path:
    """Make a disk of partitions of SIZE bytes that hold `parts`, with a table as of MS-DOS."""
    entries = [
        struct.pack("<B3xB3xII", 0, 0x83, (FIRST + at * SIZE) // SECTOR, SIZE // SECTOR)
        for at in range(len(parts))
    ]
    table = bytes(446) + b"".join(entries).ljust(64, b"\0") + b"\x55\xaa"
    filled(path, *parts)
    path.write_bytes(table.ljust(FIRST, b"\0") + path.read_bytes())
    return path


@pytest.fixture
def partitioned(tmp_path: Path, attach: Attach) -> str:
    """A disk of two partitions that hold OLD and nothing."""
    device = attach(disk(tmp_path / "disk", OLD, b""), "--partscan")
    if not os.path.exists(f"{device}p2"):
        pytest.skip("loop devices have no partitions here")
    return device


def test_a_loop_device_is_its_backing_file(tmp_path: Path, attach: Attach) -> None:
    backing, other = filled(tmp_path / "one", OLD), filled(tmp_path / "other", OLD)
    device, again, another = attach(backing), attach(backing), attach(other)
    above = attach(Path(device))

    assert same(device, backing)
    assert same(device, again)
    assert same(above, backing)
    assert same(backing, backing)
    assert not same(device, other)
    assert not same(above, another)
    assert not same(backing, other)


def test_stretches_of_one_file_are_the_same_where_they_overlap(
    tmp_path: Path, attach: Attach
) -> None:
    backing = filled(tmp_path / "backing", OLD, OLD, OLD)

    def stretch(begin: int, size: int) -> str:
        return attach(backing, "--offset", str(begin), "--sizelimit", str(size))

    first, second = stretch(0, SIZE), stretch(SIZE, SIZE)
    across = stretch(SIZE - SECTOR, 2 * SECTOR)

    assert not same(first, second)
    assert same(first, across)
    assert same(second, across)
    assert same(second, backing)


def test_a_partition_is_a_part_of_its_disk(
    partitioned: str, tmp_path: Path, attach: Attach
) -> None:
    second = attach(tmp_path / "disk", "--offset", str(FIRST + SIZE), "--sizelimit", str(SIZE))

    assert same(partitioned, f"{partitioned}p1")
    assert same(tmp_path / "disk", f"{partitioned}p2")
    assert same(second, f"{partitioned}p2")
    assert not same(second, f"{partitioned}p1")
    assert not same(f"{partitioned}p1", f"{partitioned}p2")


def number(device: str) -> str:
    found = os.stat(device).st_rdev
    return f"{os.major(found)}:{os.minor(found)}"


def described(folder: Path, device: str, **values: int) -> Path:
    """Describe a device in `folder` as sysfs does."""
    folder.mkdir(parents=True)
    (folder / "dev").write_text(number(device) + "\n")
    for name, value in values.items():
        (folder / name).write_text(f"{value}\n")
    return folder


def test_what_lies_under_a_device_mapper_is_taken_whole(
    tmp_path: Path, attach: Attach, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a tree as the kernel makes it: not every kernel has a device mapper."""
    upper, lower, other = (attach(filled(tmp_path / name, OLD)) for name in ("u", "l", "o"))
    tree = tmp_path / "sys"
    mapped, under, _ = (
        described(tree / number(device), device, size=8) for device in (upper, lower, other)
    )
    (mapped / "slaves").mkdir()
    (mapped / "slaves" / "lower").symlink_to(under)
    monkeypatch.setattr(storage, "_DISKS", str(tree))

    assert same(upper, lower)
    assert not same(upper, other)


def test_partitions_are_stretches_of_their_disk(
    tmp_path: Path, attach: Attach, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a tree as the kernel makes it: not everywhere can a loop device be partitioned."""
    whole, one, two = (attach(filled(tmp_path / name, OLD)) for name in ("w", "1", "2"))
    tree = tmp_path / "sys"
    folder = described(tmp_path / "disk", whole, size=100)
    first = described(folder / "p1", one, partition=1, start=10, size=20)
    second = described(folder / "p2", two, partition=2, start=30, size=20)
    tree.mkdir()
    for device, place in ((whole, folder), (one, first), (two, second)):
        (tree / number(device)).symlink_to(place)
    monkeypatch.setattr(storage, "_DISKS", str(tree))
    apart = same(one, two)
    (second / "start").write_text("29\n")

    assert same(whole, one)
    assert same(whole, two)
    assert not apart
    assert same(one, two)


@pytest.mark.parametrize("seed", ["file", "device"])
def test_a_device_and_its_backing_file_are_updated_from_each_other(
    release: Workspace,
    tmp_path: Path,
    attach: Attach,
    seed: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The end comes to the front: what a seed has is overwritten before it is wanted.

    The caches of both hide that from blobs as small as this, so what is set aside is counted.
    """
    set_aside = []
    plainly = tempfile.TemporaryFile

    def counted(**where: str | None) -> IO[bytes]:
        file = plainly(dir=where["dir"])
        set_aside.append(file.fileno())
        return file

    monkeypatch.setattr(tempfile, "TemporaryFile", counted)
    turned = OLD[len(OLD) // 2 :] + OLD[: len(OLD) // 2]
    release.make("turned", turned)
    backing = filled(tmp_path / "backing", OLD)
    device = attach(backing)
    (release / "old.caibx").write_bytes(index_file(OLD))
    places = [str(backing), device]
    blob, target = places if seed == "file" else reversed(places)
    release.seeds["old"] = {"blob": blob, "index": "old.caibx"}
    fields = {"index": "turned.caibx", "target": target, "seeds": ["old"], "in_place": True}
    ended = extract(release, **fields)
    with open(target, "rb") as file:
        content = file.read(len(turned))

    assert (ended.summary, ended.warnings) == ((0, "done"), [])
    assert content == turned
    assert len(set_aside) == 1
