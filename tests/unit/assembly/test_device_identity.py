"""Devices as sysfs describes them, in a tree made for it."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from desync_jobs.assembly.device_identity import stable_identity
from desync_jobs.assembly.journal_place import state_folder

DISK, PART = os.makedev(8, 0), os.makedev(8, 3)


def tree(root: Path, disk: Mapping[str, str], part: Mapping[str, str] | None = None) -> str:
    """Make a sysfs with a disk and, in its folder, a partition; return where."""
    for number, folder, files in (("8:0", "sda", disk), ("8:3", "sda/sda3", part or {})):
        node = root / "devices" / folder
        node.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (node / name).parent.mkdir(parents=True, exist_ok=True)
            (node / name).write_text(f"{content}\n")
        link = root / "dev/block" / number
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(node)
    return str(root)


def part(uevent: str, start: int = 2048) -> dict[str, str]:
    return {"partition": "3", "start": str(start), "size": "1000", "uevent": uevent}


@pytest.mark.parametrize(
    ("disk", "expected"),
    [
        ({"dm/uuid": "LVM-abc"}, "dm/uuid LVM-abc"),
        ({"md/uuid": "1-2"}, "md/uuid 1-2"),
        ({"wwid": "eui.01", "device/serial": "S1"}, "wwid  eui.01"),
        ({"device/cid": "cid1"}, "device/cid  cid1"),
        ({"device/model": "M", "device/serial": "S1"}, "device/serial M S1"),
        ({"serial": "virtio1"}, "serial  virtio1"),
        ({"dm/uuid": "", "diskseq": "4"}, None),
        ({"loop/backing_file": "/nowhere/at/all (deleted)", "serial": "x"}, None),
    ],
)
def test_a_disk_is_known_by_the_first_that_says_anything(
    tmp_path: Path, disk: Mapping[str, str], expected: str | None
) -> None:
    assert stable_identity(DISK, tree(tmp_path, disk)) == expected


def test_a_partition_is_known_by_its_uuid_place_and_disk(tmp_path: Path) -> None:
    named = part("PARTN=3\nPARTNAME=rootfs\nPARTUUID=aa-bb")

    assert stable_identity(PART, tree(tmp_path, {"wwid": "w"}, named)) == (
        "partition aa-bb at 2048 1000 of wwid  w"
    )


def test_a_partition_without_uuid_needs_its_disk(tmp_path: Path) -> None:
    named = part("PARTN=3\nPARTNAME=rootfs")
    known = stable_identity(PART, tree(tmp_path / "one", {"serial": "s"}, named))
    unknown = stable_identity(PART, tree(tmp_path / "two", {}, named))

    assert known == "partition 3 rootfs at 2048 1000 of serial  s"
    assert unknown is None


def test_a_loop_device_is_known_by_its_file(tmp_path: Path) -> None:
    found = []
    for number, name in enumerate(["one", "other", "one"]):
        (tmp_path / name).touch()
        loop = {
            "loop/backing_file": str(tmp_path / name),
            "loop/offset": "0",
            "loop/sizelimit": "0",
        }
        found.append(stable_identity(DISK, tree(tmp_path / str(number), loop)))

    assert found[0] == found[2]
    assert found[0] != found[1]


def test_a_device_that_sysfs_does_not_have_is_not_known(tmp_path: Path) -> None:
    assert stable_identity(DISK, str(tmp_path)) is None


@pytest.mark.parametrize(
    ("variable", "user", "expected"),
    [
        ("/state", 0, "/state/desync-run/journals"),
        ("", 0, "/var/lib/desync-run/journals"),
        ("relative", 0, "/var/lib/desync-run/journals"),
        ("", 1000, "/home/u/.local/state/desync-run/journals"),
    ],
)
def test_journals_of_devices_have_a_folder_of_their_own(
    monkeypatch: pytest.MonkeyPatch, variable: str, user: int, expected: str
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", variable)
    monkeypatch.setenv("HOME", "/home/u")
    monkeypatch.setattr(os, "geteuid", lambda: user)

    assert state_folder() == expected
