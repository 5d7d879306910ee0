import os
from pathlib import Path

import pytest

from desync_jobs.errors import StoreError
from desync_jobs.server.chunk_files import ChunkFiles
from desync_jobs.stores.layout import chunk_name

ID = bytes(range(32))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / chunk_name(ID, ".cacnk")
    path.parent.mkdir()
    return path


def test_a_file_with_content_is_opened(tmp_path: Path, file: Path) -> None:
    file.write_bytes(b"stored")
    files = ChunkFiles(str(tmp_path), ".cacnk")
    opened = files.open(ID)

    assert opened is not None
    descriptor, size = opened
    assert (os.read(descriptor, 100), size, files.size(ID)) == (b"stored", 6, 6)
    os.close(descriptor)


@pytest.mark.parametrize("kind", ["none", "empty", "directory", "fifo"])
def test_what_is_no_chunk_is_none(tmp_path: Path, file: Path, kind: str) -> None:
    if kind == "empty":
        file.touch()
    elif kind == "directory":
        file.mkdir()
    elif kind == "fifo":
        os.mkfifo(file)
    files = ChunkFiles(str(tmp_path), ".cacnk")
    before = len(os.listdir("/proc/self/fd"))

    assert files.open(ID) is None
    assert files.size(ID) is None
    assert len(os.listdir("/proc/self/fd")) == before


def test_what_cannot_be_opened_is_an_error(tmp_path: Path, file: Path) -> None:
    file.symlink_to(file)

    with pytest.raises(StoreError, match=r"cannot open .*: Too many levels of symbolic links"):
        ChunkFiles(str(tmp_path), ".cacnk").open(ID)


@pytest.mark.parametrize("touches", [True, False])
def test_use_is_noted_where_a_cache_evicts_by_it(
    tmp_path: Path,
    file: Path,
    touches: bool,
) -> None:
    file.write_bytes(b"stored")
    os.utime(file, (1, 1))
    opened = ChunkFiles(str(tmp_path), ".cacnk", touches=touches).open(ID)
    assert opened is not None
    os.close(opened[0])

    assert (file.stat().st_mtime > 1) is touches
