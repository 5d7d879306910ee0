import os
from dataclasses import replace
from pathlib import Path

from desync_jobs.execute.engines.reaching import reached, tokens_in


def test_a_directory_is_like_itself(tmp_path: Path) -> None:
    assert reached("store a", os.fspath(tmp_path)).unlike() is None


def test_one_that_is_made_later_is_known_by_what_is_above_it(tmp_path: Path) -> None:
    seen = reached("store a", f"{tmp_path}/not/yet")

    assert seen.path == os.fspath(tmp_path)
    assert seen.unlike() is None


def test_another_directory_under_the_same_name_is_told(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    seen = reached("store a", f"{tmp_path}/a")
    (tmp_path / "a").rename(tmp_path / "b")

    assert seen.unlike() == (
        f"store a: the directory {tmp_path}/a cannot be reached: No such file or directory"
    )
    (tmp_path / "a").mkdir()
    assert seen.unlike() == f"store a: the directory {tmp_path}/a is another one there"


def test_another_machine_looks_for_a_file_that_is_there_for_the_run(tmp_path: Path) -> None:
    seen = replace(reached("store a", os.fspath(tmp_path)), kernel="another", inode=1)
    where = f"store a: the directory {tmp_path}"

    assert seen.unlike() == (
        f"{where} cannot be told from another of that name: nothing can be written into it"
    )
    with tokens_in([seen]) as (known,):
        assert len(list(tmp_path.iterdir())) == 1
        assert known.unlike() is None
        next(tmp_path.iterdir()).unlink()
        assert known.unlike() == f"{where} is another one there"
    assert list(tmp_path.iterdir()) == []
