"""Writing past the page cache: what stays in it, and that the bytes are right all the same."""

import errno
import mmap
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from random import Random
from threading import Event

import pytest

from desync_jobs.assembly import direct
from desync_jobs.assembly.direct import past_the_page_cache
from desync_jobs.assembly.placing import Target, write_placed
from desync_jobs.assembly.zeros import write_zeros
from desync_jobs.errors import TargetError
from tests.filesystems.conftest import Disk
from tests.filesystems.extents import extents
from tests.filesystems.mounting import attached, mounted
from tests.filesystems.residency import resident
from tests.vectors.inputs import ctr
from tests.workspace import Ended, Workspace

PAGE = mmap.PAGESIZE
BLOB = ctr(3_000_123, b"blob")
WITH_ZEROS = BLOB[:1_000_000] + bytes(500_000) + BLOB[1_000_000:]


def never(message: str) -> None:
    raise AssertionError(message)


@contextmanager
def directly(
    path: Path | str, size: int, complain: Callable[[str], None] = never
) -> Iterator[Target]:
    fd = os.open(path, os.O_RDWR | os.O_CREAT)
    try:
        if Path(path).is_file():
            os.ftruncate(fd, size)
        with past_the_page_cache(Target(fd, "target"), complain) as target:
            yield target
    finally:
        os.close(fd)


def pieces(data: bytes, seed: int, largest: int = 100_000) -> list[tuple[int, bytes]]:
    """Cut `data` at random places; returns each piece with its offset."""
    chooser = Random(seed)
    cuts = sorted(
        {0, len(data), *(chooser.randrange(len(data)) for _ in range(len(data) // largest * 2))}
    )
    return [(begin, data[begin:end]) for begin, end in pairwise(cuts)]


@pytest.fixture
def workspace(disk: Disk, tmp_path: Path) -> Iterator[Workspace]:
    """A workspace on each file system, with its store elsewhere."""
    yield Workspace(disk.folder, {"store": {"url": str(tmp_path / "store")}})
    # The file systems are small, and serve all tests.
    shutil.rmtree(disk.folder)


def extract(workspace: Workspace, blob: bytes, **fields: object) -> Ended:
    workspace.make("new", blob)
    plain = {"index": "new.caibx", "target": "copy", "stores": ["store"], "direct_io": True}
    return workspace.do("extract", **plain | fields)


def test_only_the_ends_of_a_run_are_in_the_page_cache(disk: Disk) -> None:
    path = disk.folder / "file"
    first, last = 5 * PAGE + 100, 40 * PAGE + 1
    with directly(path, 64 * PAGE) as target:
        write_placed(
            target,
            [(first, BLOB[first : 20 * PAGE + 7]), (20 * PAGE + 7, BLOB[20 * PAGE + 7 : last])],
        )
        kept = resident(path)
        content = path.read_bytes()

    assert content == bytes(first) + BLOB[first:last] + bytes(64 * PAGE - last)
    if disk.kind != "tmpfs":  # which is the page cache
        assert set(kept) <= {5, 40}


def test_neighbours_in_different_threads_share_their_blocks(disk: Disk) -> None:
    path = disk.folder / "file"
    mixed = pieces(BLOB, 1, 30_000)
    Random(2).shuffle(mixed)
    with directly(path, len(BLOB)) as target, ThreadPoolExecutor(4) as threads:
        batches = [mixed[at : at + 5] for at in range(0, len(mixed), 5)]
        sizes = list(threads.map(lambda batch: write_placed(target, batch), batches))
        os.fsync(target.fd)

    assert sum(sizes) == len(BLOB)
    assert path.read_bytes() == BLOB


def test_a_device_that_is_read_meanwhile_gets_the_right_bytes(tmp_path: Path) -> None:
    data = ctr(16 << 20, b"device")
    mixed = pieces(data, 3, 200_000)
    done = Event()

    def read(path: str) -> None:
        with open(path, "rb", buffering=0) as file:
            while not done.is_set():
                file.seek(0)
                while file.read(1 << 20):
                    pass

    with attached(tmp_path / "backing", bytes(len(data))) as device:
        with directly(device, len(data)) as target, ThreadPoolExecutor(6) as threads:
            readers = [threads.submit(read, device) for _ in range(2)]
            try:
                list(threads.map(lambda piece: write_placed(target, [piece]), mixed))
            finally:
                done.set()
            os.fsync(target.fd)
            for reader in readers:
                reader.result()
        cached = Path(device).read_bytes()

    assert cached == data


def test_zeros_that_cannot_be_a_hole_are_written_directly(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("desync_jobs.assembly.zeros.fallocate", lambda *_: False)
    path = disk.folder / "file"
    path.write_bytes(BLOB)
    with directly(path, len(BLOB)) as target:
        os.fsync(target.fd)
        write_zeros(target, 5000, 2_500_000)
        kept = resident(path)

    assert path.read_bytes() == BLOB[:5000] + bytes(2_500_000) + BLOB[2_505_000:]
    if disk.kind != "tmpfs":
        assert not set(kept) & set(range(2, 2_505_000 // PAGE))


@pytest.mark.parametrize("blob", [BLOB, WITH_ZEROS], ids=["data", "zeros"])
@pytest.mark.parametrize("in_place", [False, True])
def test_nothing_of_a_target_stays_in_the_page_cache(
    disk: Disk, workspace: Workspace, blob: bytes, in_place: bool
) -> None:
    if in_place:
        (workspace / "copy").write_bytes(blob[:700_000] + BLOB[:1_500_000])
    ended = extract(workspace, blob, in_place=in_place, verify="all")
    kept = resident(workspace / "copy")

    assert (ended.summary, ended.warnings) == ((0, "done"), [])
    assert (workspace / "copy").read_bytes() == blob
    assert not kept or disk.kind == "tmpfs"


def test_a_seed_that_is_the_target_is_written_directly(disk: Disk, workspace: Workspace) -> None:
    new = BLOB[5000:2_000_000] + ctr(40_000, b"new") + BLOB[:900_000]
    workspace.make("copy", BLOB)
    workspace.seeds["old"] = {"blob": "copy", "index": "copy.caibx"}
    ended = extract(workspace, new, in_place=True, seeds=["old"])
    kept = resident(workspace / "copy")

    assert (ended.summary, ended.warnings) == ((0, "done"), [])
    assert (workspace / "copy").read_bytes() == new
    # Where what is too much is cut off, the new end is looked at.
    assert set(kept) <= {len(new) // PAGE} or disk.kind == "tmpfs"


def test_a_new_target_is_made_in_one_piece_unless_it_has_holes(
    disk: Disk, workspace: Workspace
) -> None:
    if disk.kind != "xfs":
        pytest.skip("the file system that has most to gain tells")
    extract(workspace, BLOB)
    extract(workspace, WITH_ZEROS, target="sparse", index="new.caibx")
    with (workspace / "copy").open("rb") as whole, (workspace / "sparse").open("rb") as sparse:
        found, holes = extents(whole.fileno()), extents(sparse.fileno())

    assert len(found) == 1
    assert sum(one.length for one in holes) < len(WITH_ZEROS) - 400_000


def test_a_file_system_without_direct_writes_is_written_to_all_the_same(tmp_path: Path) -> None:
    with mounted("ramfs", tmp_path / "disk", 32) as folder:
        workspace = Workspace(folder, {"store": {"url": str(tmp_path / "store")}})
        ended = extract(workspace, BLOB)
        content = (workspace / "copy").read_bytes()

    assert ended.summary == (0, "done")
    (warning,) = ended.warnings
    assert "direct writes are refused (Invalid argument); it is written without" in warning
    assert content == BLOB


def test_a_file_without_direct_writes_is_written_to_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(direct, "direct_alignment", lambda _: 0)
    told: list[str] = []
    path = tmp_path / "file"
    with directly(path, len(BLOB), told.append) as target:
        write_placed(target, [(0, BLOB)])

    assert path.read_bytes() == BLOB
    assert told == ["target: its file system has no direct writes; it is written without"]


def test_writes_that_are_refused_later_go_through_the_page_cache_and_are_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    told: list[str] = []
    path = tmp_path / "file"
    with directly(path, len(BLOB), told.append) as target:
        monkeypatch.setattr(os, "pwrite", refuse)
        for piece in pieces(BLOB, 4):
            write_placed(target, [piece])

    assert path.read_bytes() == BLOB
    assert told == ["target: direct writes are refused (Invalid argument); it is written without"]


def test_a_full_file_system_is_an_error(disk: Disk) -> None:
    path = disk.folder / "file"

    def fill(target: Target) -> None:
        for at in range(0, 1 << 30, 8 << 20):
            write_placed(target, [(at + 100, bytes(8 << 20))])

    with directly(path, 1 << 30) as target:
        with pytest.raises(TargetError) as failure:
            fill(target)
        path.unlink()

    message = "target: cannot be written: No space left on device; make room and run again"
    assert str(failure.value) == message


def test_ends_wait_until_no_direct_write_is_under_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    under_way, go_on = Event(), Event()
    plainly = os.pwrite

    def slow(fd: int, data: memoryview, offset: int) -> int:
        under_way.set()
        assert go_on.wait(10)
        return plainly(fd, data, offset)

    monkeypatch.setattr(os, "pwrite", slow)
    path = tmp_path / "file"
    with directly(path, 10 * PAGE) as target, ThreadPoolExecutor(2) as threads:
        whole = threads.submit(write_placed, target, [(0, BLOB[: 4 * PAGE])])
        assert under_way.wait(10)
        end = threads.submit(write_placed, target, [(5 * PAGE, b"end")])
        with pytest.raises(TimeoutError):
            end.result(0.2)
        before = path.read_bytes()
        go_on.set()
        sizes = whole.result(10), end.result(10)

    assert before == bytes(10 * PAGE)
    assert sizes == (4 * PAGE, 3)
    assert path.read_bytes()[5 * PAGE : 5 * PAGE + 3] == b"end"
