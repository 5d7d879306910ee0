import os
from pathlib import Path

import pytest

from desync_jobs.execute import disks
from desync_jobs.execute.disks import disk_facts


def table(tmp_path: Path, *mounts: tuple[str, str]) -> str:
    """Write a mount table of points and types, in the form of proc_pid_mountinfo(5)."""
    lines = [f"36 35 98:0 / {point} rw - {kind} /dev/sda rw\n" for point, kind in mounts]
    (tmp_path / "mountinfo").write_text("".join(lines))
    return str(tmp_path / "mountinfo")


def test_what_is_not_there_yet_is_on_the_disk_of_the_nearest_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    found = [disk_facts(str(tmp_path / name)) for name in (".", "file", "new", "new/deeper/file")]

    free = os.statvfs(tmp_path)
    for one in found:
        assert one is not None
        assert (one.path, one.device) == (str(tmp_path), tmp_path.stat().st_dev)
        assert one.free is not None
        assert abs(one.free - free.f_bfree * free.f_frsize) < 1 << 30


@pytest.mark.parametrize(
    ("mounts", "shares", "compresses"),
    [
        ([("/", "ext4")], False, False),
        ([("/", "ext4"), ("HERE", "xfs")], True, False),
        ([("HERE", "btrfs"), ("/", "ext4")], True, True),
        ([("HERE", "xfs"), ("HERE", "tmpfs")], False, False),
        ([("/", "xfs"), ("HERE/other", "ext4"), ("HEREAFTER", "ext4")], True, False),
        ([], False, False),
    ],
)
def test_the_kind_is_that_of_the_nearest_mount(
    mounts: list[tuple[str, str]],
    *,
    shares: bool,
    compresses: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path / "with blank"
    folder.mkdir()
    here = str(folder).replace(" ", "\\040")
    named = [(point.replace("HERE", here), kind) for point, kind in mounts]
    monkeypatch.setattr(disks, "_MOUNTS", table(tmp_path, *named))
    found = disk_facts(str(folder / "file"))

    assert found is not None
    assert (found.shares, found.compresses) == (shares, compresses)


def test_without_a_mount_table_nothing_is_promised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disks, "_MOUNTS", str(tmp_path / "none"))
    found = disk_facts(str(tmp_path))

    assert found is not None
    assert (found.shares, found.compresses) == (False, False)
