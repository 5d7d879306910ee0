"""Zeros over what was there: a hole where that is possible, bytes where it is not."""

import os
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from desync_jobs.assembly import zeros
from desync_jobs.assembly.placing import Target
from desync_jobs.assembly.zeros import write_zeros
from desync_jobs.errors import TargetError

OLD = Random(5).randbytes(3 << 20)

RANGES = [(0, 10), (4096, 4096), (100, 5000), (4095, 2), (1000, 2 << 20), (0, len(OLD)), (7, 0)]
"""Less than a block, a block, parts of blocks, more than is written at a time, all, and nothing."""


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Target]:
    path = tmp_path / "target"
    path.write_bytes(OLD)
    fd = os.open(path, os.O_RDWR)
    yield Target(fd, os.fspath(path))
    os.close(fd)


def content(target: Target) -> bytes:
    return Path(target.name).read_bytes()


@pytest.mark.parametrize("holes", [True, False])
@pytest.mark.parametrize(("offset", "length"), RANGES)
def test_just_the_range_is_zero_afterwards(
    target: Target, monkeypatch: pytest.MonkeyPatch, offset: int, length: int, holes: bool
) -> None:
    if not holes:
        monkeypatch.setattr(zeros, "fallocate", lambda *_: False)
    write_zeros(target, offset, length)

    assert content(target) == OLD[:offset] + bytes(length) + OLD[offset + length :]


def test_an_error_that_is_no_lack_of_holes_is_told(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> bool:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(zeros, "fallocate", fail)
    with pytest.raises(TargetError) as raised:
        write_zeros(target, 0, 4096)

    assert str(raised.value) == f"{target.name}: cannot be written: Input/output error"
    assert content(target) == OLD
