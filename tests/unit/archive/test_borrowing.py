import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from desync_jobs.archive.borrowing import Borrowing, same_files
from desync_jobs.assembly.cloning import RangeCopier
from desync_jobs.errors import SourceError

SIZE = 9_000


class Everybody:
    """Has the same twin for every file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.asked = self.opens = 0
        self.seeds = {"seed old"}
        self.seed = SimpleNamespace(name="seed old")

    def of(self, begin: int, size: int) -> "Everybody":
        del begin, size
        self.asked += 1
        return self

    @contextmanager
    def opened(self) -> Iterator[int]:
        self.opens += 1
        fd = os.open(self.path, os.O_RDONLY)
        try:
            yield fd
        finally:
            os.close(fd)


@pytest.fixture
def twins(tmp_path: Path) -> Everybody:
    (tmp_path / "old").write_bytes(os.urandom(SIZE))
    return Everybody(tmp_path / "old")


@pytest.fixture
def new(tmp_path: Path) -> Iterator[int]:
    fd = os.open(tmp_path / "new", os.O_RDWR | os.O_CREAT)
    yield fd
    os.close(fd)


def borrowing(twins: Any, *, links: bool = False) -> Borrowing:
    return Borrowing(twins, links=links)


@pytest.mark.parametrize("links", [False, True])
def test_nobody_goes_on_trying_where_no_blocks_are_shared(
    twins: Any, new: int, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    monkeypatch.setattr(RangeCopier, "clone", lambda *_: 0)
    tried = borrowing(twins, links=links)
    found = [tried.twin(0, SIZE) for _ in range(100)]
    done = {tried.clone(twins, new, "new", SIZE) for _ in range(100)}

    assert found == [twins] * 100
    assert done == {None}
    assert twins.opens == 32
    # Whether a file can be linked is another matter.
    assert tried.twin(0, SIZE) is (twins if links else None)


def test_one_that_shares_is_enough_to_go_on(
    twins: Any, new: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = iter([0] * 31 + [SIZE] + [0] * 31)
    monkeypatch.setattr(RangeCopier, "clone", lambda *_: next(shared))
    tried = borrowing(twins)
    done = [tried.clone(twins, new, "new", SIZE) for _ in range(63)]

    assert done == [None] * 31 + [SIZE] + [None] * 31
    assert tried.twin(0, SIZE) is twins


def test_what_was_begun_and_not_done_is_to_be_compared(
    twins: Any, new: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def shrinking(*_: object) -> int:
        raise SourceError("became shorter")

    monkeypatch.setattr(RangeCopier, "clone", shrinking)

    assert borrowing(twins).clone(twins, new, "new", SIZE) == 0


def test_small_files_are_not_cloned_but_linked(twins: Any) -> None:
    assert borrowing(twins).twin(0, 100) is None
    assert borrowing(twins, links=True).twin(0, 100) is twins
    assert borrowing(None, links=True).twin(0, SIZE) is None


def test_a_link_that_cannot_be_made_is_none(twins: Any) -> None:
    def refuse(path: str) -> None:
        assert Path(path).read_bytes() == twins.path.read_bytes()
        raise PermissionError

    tried = borrowing(twins, links=True)

    assert not tried.link(twins, SIZE, lambda _: True, refuse)
    assert not tried.link(twins, SIZE - 1, lambda _: True, refuse)
    assert not tried.link(twins, SIZE, lambda _: False, refuse)
    assert tried.files_linked == 0


def test_files_are_the_same_to_the_last_byte(twins: Everybody, new: int) -> None:
    data = twins.path.read_bytes()
    with twins.opened() as old:
        os.pwrite(new, data, 0)
        assert same_files(old, new, SIZE)

        os.pwrite(new, b"\0" if data[-1] else b"\1", SIZE - 1)
        assert not same_files(old, new, SIZE)
        assert same_files(old, new, SIZE - 1)
