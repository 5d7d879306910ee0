import os
from io import BytesIO
from pathlib import Path

import pytest

from desync_jobs.errors import InvalidDataError, StoreError
from desync_jobs.server.index_places import IndexDirectory, IndexObjects, IndexPlace
from desync_jobs.testing.objects import MemoryPlace


@pytest.fixture(params=["directory", "objects"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> IndexPlace:
    if request.param == "directory":
        return IndexDirectory(str(tmp_path))
    return IndexObjects(MemoryPlace())


def test_what_is_written_is_read_and_told(place: IndexPlace) -> None:
    place.write("a.caibx", BytesIO(b"first"))
    place.write("a.caibx", BytesIO(b"second"))
    place.write("b.caidx", BytesIO(b"x"))
    place.write("c.txt", BytesIO(b"x"))

    file = place.open("a.caibx", 6)
    assert file is not None
    with file:
        assert os.pread(file.fileno(), 100, 0) == b"second"
    assert [place.has("a.caibx"), place.has("none.caibx")] == [True, False]
    assert place.open("none.caibx", 6) is None
    assert place.names() == ["a.caibx", "b.caidx"]


def test_a_file_over_the_limit_is_not_read(place: IndexPlace) -> None:
    place.write("a.caibx", BytesIO(b"content"))

    with pytest.raises(InvalidDataError):
        place.open("a.caibx", 6)


def test_a_directory_s_other_things_are_no_indexes(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.caibx")
    (tmp_path / "directory.caibx").mkdir()
    (tmp_path / ".unfinished.caibx").touch()
    place = IndexDirectory(str(tmp_path))
    before = len(os.listdir("/proc/self/fd"))

    assert place.names() == []
    assert [place.has("fifo.caibx"), place.has("directory.caibx")] == [False, False]
    for name in ("fifo.caibx", "directory.caibx"):
        with pytest.raises(InvalidDataError, match="is not a regular file"):
            place.open(name, 100)
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_directory_that_is_gone_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"cannot list .*: No such file or directory"):
        IndexDirectory(str(tmp_path / "gone")).names()
