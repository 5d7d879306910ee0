import errno
import fcntl
import os
import random
import struct
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desync_jobs.assembly import cloning
from desync_jobs.assembly.cloning import Brought, RangeCopier
from desync_jobs.assembly.placing import Target
from desync_jobs.errors import SourceError, TargetError

BLOCK: Final = 4096
DATA: Final = random.Random(1).randbytes(10 * BLOCK + 77)
OLD: Final = b"o" * (12 * BLOCK)

Copy = Callable[[int, int, int, int, int], int]


def content(file: Target) -> bytes:
    return os.pread(file.fd, 1 << 20, 0)


class Clones:
    """FICLONERANGE as ioctl_ficlonerange(2) describes it, by copying; or failing with `code`."""

    def __init__(self, code: int = 0) -> None:
        self.code = code
        self.asked: list[tuple[int, int, int]] = []
        """Source offset, target offset and length."""

    def __call__(self, target: int, request: int, argument: bytes) -> int:
        source, source_offset, length, target_offset = struct.unpack("=qQQQ", argument)
        assert request == 0x4020940D
        self.asked.append((source_offset, target_offset, length))
        if self.code:
            raise OSError(self.code, os.strerror(self.code))
        end = source_offset + length
        size, there = os.fstat(source).st_size, os.fstat(target).st_size
        whole = end % BLOCK == 0 or (end == size and target_offset + length >= there)
        if source_offset % BLOCK or target_offset % BLOCK or not whole or end > size or not length:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        os.pwrite(target, os.pread(source, length, source_offset), target_offset)
        return 0


@pytest.fixture
def clones(monkeypatch: pytest.MonkeyPatch) -> Clones:
    """What is cloned, on a file system with blocks of 4 KiB."""
    made = Clones()
    monkeypatch.setattr(fcntl, "ioctl", made)
    monkeypatch.setattr(cloning, "_BLOCKS", {BLOCK})
    return made


@pytest.fixture
def source() -> Iterator[Target]:
    with tempfile.TemporaryFile() as file:
        os.pwrite(file.fileno(), DATA, 0)
        yield Target(file.fileno(), "source")


@pytest.fixture
def target() -> Iterator[Target]:
    with tempfile.TemporaryFile() as file:
        os.pwrite(file.fileno(), OLD, 0)
        yield Target(file.fileno(), "target")


def replaced(new: bytes, offset: int) -> bytes:
    return OLD[:offset] + new + OLD[offset + len(new) :]


def test_a_range_that_begins_with_a_block_shares_its_first(
    clones: Clones, source: Target, target: Target
) -> None:
    brought = RangeCopier().copy(source, 2 * BLOCK, target, BLOCK, 3 * BLOCK)

    assert clones.asked == [(2 * BLOCK, BLOCK, 3 * BLOCK)]
    assert brought == Brought(3 * BLOCK, 0)
    assert content(target) == replaced(DATA[2 * BLOCK : 5 * BLOCK], BLOCK)


def test_the_whole_blocks_between_the_ends_are_one_request(
    clones: Clones, source: Target, target: Target
) -> None:
    brought = RangeCopier().copy(source, 10, target, BLOCK + 10, 5 * BLOCK)

    assert clones.asked == [(BLOCK, 2 * BLOCK, 4 * BLOCK)]
    assert brought == Brought(4 * BLOCK, BLOCK)
    assert content(target) == replaced(DATA[10 : 5 * BLOCK + 10], BLOCK + 10)


@pytest.mark.parametrize(
    ("source_offset", "target_offset", "length"),
    [(0, 1, 5 * BLOCK), (1, 1, 2 * BLOCK - 2), (5, 5, 100), (0, 0, 0), (11 * BLOCK, 0, BLOCK)],
    ids=["incongruent", "two parts", "less than a block", "nothing", "beyond the end"],
)
def test_without_a_whole_block_nobody_is_asked_to_share(
    clones: Clones,
    source: Target,
    target: Target,
    source_offset: int,
    target_offset: int,
    length: int,
) -> None:
    copier = RangeCopier()
    cloned = copier.clone(source, source_offset, target, target_offset, length)
    untouched = content(target)
    brought = copier.copy(source, source_offset, target, target_offset, length)
    piece = DATA[source_offset : source_offset + length]

    assert (clones.asked, cloned, untouched) == ([], 0, OLD)
    assert brought == Brought(0, len(piece))
    assert content(target) == replaced(piece, target_offset)


@pytest.mark.parametrize("size", [0, 5, len(DATA)])
def test_a_file_is_shared_to_its_last_byte(
    clones: Clones, source: Target, target: Target, size: int
) -> None:
    os.ftruncate(target.fd, size)
    brought = RangeCopier().copy(source, 0, target, 0, len(DATA) + 10**6)

    assert clones.asked == [(0, 0, len(DATA))]
    assert brought == Brought(len(DATA), 0)
    assert content(target) == DATA


def test_the_last_part_of_a_block_is_copied_where_the_target_goes_on(
    clones: Clones, source: Target, target: Target
) -> None:
    brought = RangeCopier().copy(source, 0, target, 0, len(DATA))

    assert clones.asked == [(0, 0, 10 * BLOCK)]
    assert brought == Brought(10 * BLOCK, 77)
    assert content(target) == replaced(DATA, 0)


def test_large_advice_about_transfers_is_no_size_of_blocks(
    monkeypatch: pytest.MonkeyPatch, clones: Clones, source: Target, target: Target
) -> None:
    monkeypatch.setattr(cloning, "_BLOCKS", set())
    RangeCopier().copy(source, 0, target, 0, 2 * BLOCK)

    assert clones.asked == [(0, 0, 2 * BLOCK)]


@pytest.mark.parametrize("code", [errno.EOPNOTSUPP, errno.ENOTTY, errno.ENOSYS, errno.EXDEV])
def test_a_pair_of_devices_that_cannot_share_is_asked_once(
    clones: Clones, source: Target, target: Target, code: int
) -> None:
    clones.code = code
    copier = RangeCopier()
    brought = [copier.copy(source, at * BLOCK, target, at * BLOCK, 2 * BLOCK) for at in (0, 2, 4)]
    cloned = copier.clone(source, 6 * BLOCK, target, 6 * BLOCK, BLOCK)

    assert clones.asked == [(0, 0, 2 * BLOCK)]
    assert (brought, cloned) == ([Brought(0, 2 * BLOCK)] * 3, 0)
    assert content(target) == replaced(DATA[: 6 * BLOCK], 0)


def test_another_pair_of_devices_is_asked_again(
    clones: Clones, source: Target, target: Target, tmp_path: Path
) -> None:
    memory = Path("/dev/shm")  # noqa: S108 - the file has no name there
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("needs /dev/shm, and TMPDIR elsewhere")
    clones.code = errno.EXDEV
    copier = RangeCopier()
    with tempfile.TemporaryFile(dir=memory) as file:
        other = Target(file.fileno(), "other")
        os.pwrite(other.fd, DATA, 0)
        for origin in (source, other, source, other):
            copier.copy(origin, 0, target, 0, BLOCK)

    assert len(clones.asked) == 2


def test_a_range_that_cannot_be_shared_says_nothing_about_the_next(
    clones: Clones, source: Target, target: Target
) -> None:
    copier = RangeCopier()
    clones.code = errno.EINVAL
    first = copier.copy(source, 10, target, 10, 2 * BLOCK)
    cloned = copier.clone(source, 2 * BLOCK, target, 2 * BLOCK, BLOCK)
    untouched = content(target)
    clones.code = 0
    second = copier.copy(source, 2 * BLOCK, target, 2 * BLOCK, BLOCK)

    assert (first, cloned, second) == (Brought(0, 2 * BLOCK), 0, Brought(BLOCK, 0))
    assert untouched == replaced(DATA[10 : 2 * BLOCK + 10], 10)
    assert content(target) == replaced(DATA[10 : 3 * BLOCK], 10)


@pytest.fixture
def kernel_copies(monkeypatch: pytest.MonkeyPatch) -> list[Copy]:
    """What copy_file_range does, call by call; the last is done again and again."""
    answers: list[Copy] = []

    def copy_file_range(source: int, target: int, count: int, begin: int, place: int) -> int:
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        return answer(source, target, count, begin, place)

    monkeypatch.setattr(os, "copy_file_range", copy_file_range, raising=False)
    monkeypatch.setattr(cloning, "_HAS_COPY_FILE_RANGE", True)
    return answers


def at_most(limit: int) -> Copy:
    def copy(source: int, target: int, count: int, begin: int, place: int) -> int:
        return os.pwrite(target, os.pread(source, min(count, limit), begin), place)

    return copy


def failing(code: int) -> Copy:
    def copy(source: int, target: int, count: int, begin: int, place: int) -> int:
        raise OSError(code, f"{os.strerror(code)}: {(source, target, count, begin, place)}")

    return copy


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param([at_most(1000)], id="partly, again and again"),
        pytest.param([at_most(1000), failing(errno.EIO)], id="partly, then an error"),
        pytest.param([at_most(1000), at_most(0)], id="partly, then no more"),
        pytest.param([failing(errno.EXDEV)], id="not between these"),
        pytest.param([failing(errno.EINVAL)], id="not these"),
    ],
)
def test_what_the_kernel_does_not_copy_goes_through_memory(
    source: Target, target: Target, kernel_copies: list[Copy], answers: list[Copy]
) -> None:
    kernel_copies += answers
    brought = RangeCopier().copy(source, 1, target, 2, 3 * BLOCK)

    assert brought == Brought(0, 3 * BLOCK)
    assert content(target) == replaced(DATA[1 : 3 * BLOCK + 1], 2)


@pytest.mark.parametrize(
    ("code", "calls"), [(errno.EXDEV, 1), (errno.EOPNOTSUPP, 1), (errno.EINVAL, 3)]
)
def test_a_pair_of_devices_without_copies_by_the_kernel_is_asked_once(
    source: Target, target: Target, kernel_copies: list[Copy], code: int, calls: int
) -> None:
    asked = []

    def counting(*arguments: int) -> int:
        asked.append(arguments)
        return failing(code)(*arguments)

    kernel_copies.append(counting)
    copier = RangeCopier()
    for _ in range(3):
        copier.copy(source, 1, target, 2, 500)

    assert len(asked) == calls
    assert content(target) == replaced(DATA[1:501], 2)


def test_a_python_without_copy_file_range_copies_too(
    monkeypatch: pytest.MonkeyPatch, source: Target, target: Target
) -> None:
    monkeypatch.delattr(os, "copy_file_range", raising=False)
    monkeypatch.setattr(cloning, "_HAS_COPY_FILE_RANGE", False)
    monkeypatch.setattr(cloning, "_BUFFER", 1000)
    brought = RangeCopier().copy(source, 1, target, 2, len(DATA))

    assert brought == Brought(0, len(DATA) - 1)
    assert content(target) == replaced(DATA[1:], 2)


def test_a_source_that_shrinks_meanwhile_brings_what_is_left(
    source: Target, target: Target, kernel_copies: list[Copy]
) -> None:
    def shrinking(origin: int, _target: int, _count: int, _begin: int, _place: int) -> int:
        os.ftruncate(origin, 2 * BLOCK)
        return 0

    kernel_copies.append(shrinking)
    brought = RangeCopier().copy(source, 1, target, 2, 5 * BLOCK)

    assert brought == Brought(0, 2 * BLOCK - 1)
    assert content(target) == replaced(DATA[1 : 2 * BLOCK], 2)


@pytest.mark.parametrize("offset", [0, 1], ids=["shared", "copied"])
def test_a_source_that_cannot_be_read_is_named(tmp_path: Path, target: Target, offset: int) -> None:
    (tmp_path / "blob").write_bytes(DATA)
    fd = os.open(tmp_path / "blob", os.O_WRONLY)
    with pytest.raises(SourceError) as caught:
        RangeCopier().copy(Target(fd, "the seed"), 0, target, offset, BLOCK)
    os.close(fd)

    assert str(caught.value) == "the seed: cannot be read at 0: Bad file descriptor"
    assert content(target) == OLD


@pytest.mark.parametrize("offset", [0, 1], ids=["shared", "copied"])
def test_a_target_that_cannot_be_written_is_named(
    tmp_path: Path, source: Target, offset: int
) -> None:
    (tmp_path / "copy").write_bytes(OLD)
    fd = os.open(tmp_path / "copy", os.O_RDONLY)
    with pytest.raises(TargetError) as caught:
        RangeCopier().copy(source, 0, Target(fd, "the copy"), offset, BLOCK)
    os.close(fd)

    assert str(caught.value) == "the copy: cannot be written: Bad file descriptor"


def test_a_full_target_is_named(source: Target) -> None:
    fd = os.open("/dev/full", os.O_WRONLY)
    with pytest.raises(TargetError) as caught:
        RangeCopier().copy(source, 0, Target(fd, "the device"), 0, BLOCK)
    os.close(fd)

    assert (
        str(caught.value)
        == "the device: cannot be written: No space left on device; make room and run again"
    )


BLOCKS = st.integers(0, 12).map(lambda blocks: blocks * BLOCK)
PLACES = st.one_of(BLOCKS, BLOCKS.map(lambda place: place + 7), st.integers(0, 12 * BLOCK))


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(begin=PLACES, place=PLACES, length=PLACES, size=PLACES)
def test_any_range_is_shared_as_far_as_blocks_allow(
    clones: Clones,
    source: Target,
    target: Target,
    *,
    begin: int,
    place: int,
    length: int,
    size: int,
) -> None:
    os.ftruncate(target.fd, 0)
    os.pwrite(target.fd, OLD[:size], 0)
    clones.asked.clear()
    brought = RangeCopier().copy(source, begin, target, place, length)
    piece = DATA[begin : begin + length]
    model = bytearray(OLD[:size].ljust(place if piece else 0, b"\0"))
    model[place : place + len(piece)] = piece
    # Offsets, within the target, of blocks that the range covers from end to end.
    whole = len(range(-(-place // BLOCK), (place + len(piece)) // BLOCK)) * BLOCK

    assert content(target) == model
    assert sum(brought) == len(piece)
    assert brought.cloned == sum(length for _, _, length in clones.asked)
    if (begin - place) % BLOCK:
        assert brought.cloned == 0
    elif begin + length < len(DATA):
        assert brought.cloned == whole
    else:
        assert brought.cloned in (whole, len(piece) - -begin % BLOCK)
