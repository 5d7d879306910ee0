import os
from pathlib import Path

import pytest

from desync_jobs.assembly.together import write_together
from desync_jobs.errors import LockedError, TargetError


def unchecked() -> None:
    """Find nothing wrong."""


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}


def test_each_file_has_its_content_and_what_is_the_same_is_not_written(tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(b"2")
    (tmp_path / "c").write_bytes(b"old")
    (tmp_path / "c").chmod(0o640)
    before = (tmp_path / "b").stat().st_ino
    files = [(f"{tmp_path}/{name}", data) for name, data in (("a", b"1"), ("b", b"2"), ("c", b""))]

    assert list(write_together(files, unchecked)) == [True, False, True]
    assert contents(tmp_path) == {"a": b"1", "b": b"2", "c": b""}
    assert (tmp_path / "b").stat().st_ino == before
    assert (tmp_path / "c").stat().st_mode & 0o777 == 0o640


def test_those_before_one_that_cannot_be_written_appear(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    files = [(f"{tmp_path}/{name}", b"x") for name in ("a", "b", "c")]
    done = write_together(files, unchecked)

    assert next(done) is True
    with pytest.raises(TargetError, match=r"/b is not a regular file"):
        next(done)
    assert contents(tmp_path) == {"a": b"x"}
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]


def test_none_appears_where_the_check_refuses_it(tmp_path: Path) -> None:
    def refuse() -> None:
        assert [name for name in os.listdir(tmp_path) if not name.startswith(".")] == []
        raise LockedError("lost")

    with pytest.raises(LockedError):
        list(write_together([(f"{tmp_path}/a", b"x"), (f"{tmp_path}/b", b"x")], refuse))
    assert os.listdir(tmp_path) == []
