"""Places that cannot be written to: one message that names the place, and nothing changed."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.faults.disks import make_read_only
from tests.filesystems.mounting import mounted
from tests.vectors.inputs import ctr
from tests.workspace import Workspace, chunk_files, overwrite, stamps

READ_ONLY = "Read-only file system"


@pytest.fixture
def disk(workspace: Workspace) -> Iterator[Path]:
    """A disk that has become read-only, with an index, a store and a copy; all are outside too."""
    workspace.make("blob", ctr(200_000))
    with mounted("tmpfs", workspace / "disk", 4) as folder:
        (folder / "empty").mkdir()
        (folder / "copy").write_bytes(ctr(200_000))
        workspace.do("make", index="disk/index", blob="blob", store="disk-store")
        workspace.do("cache", indexes=["blob.caibx"], stores=["store"], cache="disk-store")
        (workspace / "other").write_bytes(ctr(200_000, b"other"))
        make_read_only(folder)
        yield folder


@pytest.fixture
def workspace(workspace: Workspace) -> Workspace:
    places: dict[str, dict[str, object]] = {
        "disk-store": {"url": "disk/store"},
        "disk-empty": {"url": "disk/empty"},
        "disk-new": {"url": "disk/new"},
    }
    return Workspace(workspace.path, places)


FROM_STORE = {"index": "blob.caibx", "stores": ["store"]}


@pytest.mark.parametrize(
    ("kind", "fields", "place"),
    [
        ("make", {"index": "disk/new", "blob": "blob"}, "disk/new: cannot be written"),
        ("make", {"index": "disk/index", "blob": "other"}, "disk/index: cannot be written"),
        (
            "make",
            {"index": "new", "blob": "other", "store": "disk-store"},
            "store disk-store: cannot write disk/store/",
        ),
        (
            "make",
            {"index": "new", "blob": "blob", "store": "disk-new"},
            "store disk-new: cannot create disk/new",
        ),
        (
            "chop",
            {"index": "blob.caibx", "blob": "blob", "store": "disk-empty"},
            "store disk-empty: cannot write disk/empty/",
        ),
        (
            "cache",
            {"indexes": ["blob.caibx"], "stores": ["store"], "cache": "disk-empty"},
            "store disk-empty: cannot write disk/empty/",
        ),
        ("extract", {**FROM_STORE, "target": "disk/new"}, "disk/new: cannot be written"),
        (
            "extract",
            {**FROM_STORE, "target": "disk/new", "in_place": True},
            "disk/new: cannot be opened",
        ),
        (
            "extract",
            {**FROM_STORE, "target": "new", "cache": "disk-empty"},
            "store disk-empty: cannot write disk/empty/",
        ),
        ("cat", {**FROM_STORE, "output": "disk/new"}, "disk/new: cannot be written"),
        ("digest", {"blob": "blob", "output": "disk/new"}, "disk/new: cannot be written"),
    ],
)
def test_what_cannot_be_written_is_named(
    workspace: Workspace, disk: Path, kind: str, fields: Mapping[str, Any], place: str
) -> None:
    before, on_disk = stamps(workspace.path), stamps(disk)
    ended = workspace.do(kind, **fields)
    expected = place.replace("disk/", f"{disk}/")

    assert ended.summary == (1, "failed")
    assert ended.message.startswith(expected if "store" in place else f"{expected}: ")
    assert ended.message.endswith(f": {READ_ONLY}")
    assert (stamps(workspace.path), stamps(disk)) == (before, on_disk)


@pytest.mark.parametrize(
    ("kind", "fields", "status"),
    [
        ("make", {"index": "disk/index", "blob": "blob"}, "unchanged"),
        ("make", {"index": "new", "blob": "blob", "store": "disk-store"}, "done"),
        (
            "chop",
            {"index": "blob.caibx", "blob": "blob", "store": "disk-store"},
            "unchanged",
        ),
        ("extract", {**FROM_STORE, "target": "disk/copy"}, "unchanged"),
        ("extract", {**FROM_STORE, "target": "disk/copy", "in_place": True}, "unchanged"),
        ("extract", {**FROM_STORE, "stores": ["disk-store"], "target": "new"}, "done"),
        ("verify", {"store": "disk-store"}, "done"),
    ],
)
def test_what_has_nothing_to_write_there_is_no_matter(
    workspace: Workspace, disk: Path, kind: str, fields: Mapping[str, Any], status: str
) -> None:
    before = stamps(disk)
    ended = workspace.do(kind, **fields)

    assert ended.summary == (0, status), ended.message
    assert stamps(disk) == before


def test_a_damaged_chunk_that_cannot_be_removed_is_named(workspace: Workspace) -> None:
    workspace.make("blob", ctr(200_000))
    with mounted("tmpfs", workspace / "disk", 4) as disk:
        workspace.do("cache", indexes=["blob.caibx"], stores=["store"], cache="disk-store")
        name = next(iter(chunk_files(disk / "store")))
        overwrite(disk / "store" / name, b"damage")
        make_read_only(disk)
        ended = workspace.do("verify", store="disk-store", repair=True)

    assert ended.summary == (1, "failed")
    assert ended.message == f"store disk-store: cannot remove {disk}/store/{name}: {READ_ONLY}"
