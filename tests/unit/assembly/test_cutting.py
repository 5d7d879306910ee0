import os
import random
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from desync_jobs.assembly.cancel import Cancel
from desync_jobs.assembly.cutting import Cutting, Stream, Stretch, cut_stream
from desync_jobs.assembly.workers import Workers
from desync_jobs.core.chunker import cuts
from desync_jobs.core.kernel import best
from desync_jobs.core.sizes import DEFAULT_SIZES, ChunkSizes, CutMode
from desync_jobs.errors import InterruptedRunError, SourceError

MANY = 40
"""Workers enough for the smallest windows of 1 MiB, so that a few MiB span several."""


def random_bytes(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


def cut(data: bytes, path: Path, sizes: ChunkSizes, mode: CutMode, count: int) -> list[int]:
    path.write_bytes(data)
    cutting = Cutting(sizes, mode, best())
    ends: list[int] = []

    def handle(stretch: Stretch) -> tuple[list[int], bytes]:
        return stretch.ends, b"".join(stretch.pieces)

    joined = bytearray()
    fd = os.open(path, os.O_RDONLY)
    with Workers(count, Cancel()) as workers:
        for part, content in cut_stream(Stream(fd, "blob"), cutting, workers, handle):
            ends += part
            joined += content
    os.close(fd)
    assert joined == data
    return ends


@pytest.mark.parametrize("mode", CutMode)
@pytest.mark.parametrize("count", [1, 2, 7, MANY])
@pytest.mark.parametrize(
    "sizes",
    [
        DEFAULT_SIZES,
        ChunkSizes(64, 256, 1024),
        ChunkSizes(4096, 4096, 16384),
        ChunkSizes(300_000, 400_000, 3_000_000),
        ChunkSizes(65536, 65536, 65536),
    ],
    ids=str,
)
def test_windows_change_nothing(
    tmp_path: Path, sizes: ChunkSizes, count: int, mode: CutMode
) -> None:
    data = random_bytes(3_200_000) + bytes(900_000) + random_bytes(400_000, 2)

    found = cut(data, tmp_path / "blob", sizes, mode, count)

    assert found == cuts(data, sizes, mode, best())


@pytest.mark.parametrize("extra", [-49, -48, -47, -1, 0, 1, 46, 47, 48])
def test_blobs_that_end_around_a_window_are_cut_right(tmp_path: Path, extra: int) -> None:
    data = random_bytes((1 << 20) * 2 + extra)

    found = cut(data, tmp_path / "blob", ChunkSizes(48, 100, 300), CutMode.CASYNC, MANY)

    assert found == cuts(data, ChunkSizes(48, 100, 300), CutMode.CASYNC, best())


def test_an_empty_stream_has_no_chunks(tmp_path: Path) -> None:
    assert cut(b"", tmp_path / "blob", DEFAULT_SIZES, CutMode.CASYNC, 2) == []


def test_a_pipe_is_cut_as_a_file_is(workers: Workers) -> None:
    data = random_bytes(2_500_000)
    readable, writable = os.pipe()

    def feed() -> None:
        with open(writable, "wb") as pipe:
            pipe.writelines(data[at : at + 7777] for at in range(0, len(data), 7777))

    feeder = threading.Thread(target=feed)
    feeder.start()
    cutting = Cutting(DEFAULT_SIZES, CutMode.CASYNC, best())
    parts = cut_stream(Stream(readable, "-"), cutting, workers, lambda stretch: stretch.ends)
    found = [end for part in parts for end in part]
    feeder.join()
    os.close(readable)

    assert found == cuts(data, DEFAULT_SIZES, CutMode.CASYNC, best())


def test_an_origin_is_added_to_every_end(tmp_path: Path, workers: Workers) -> None:
    path = tmp_path / "blob"
    path.write_bytes(bytes(100))
    cutting = Cutting(DEFAULT_SIZES, CutMode.CASYNC, best())

    with path.open("rb") as file:
        stream = Stream(file.fileno(), "blob", origin=5000)
        found = list(cut_stream(stream, cutting, workers, lambda stretch: stretch.ends))

    assert found == [[5100]]


def test_an_unreadable_stream_is_named(tmp_path: Path, workers: Workers) -> None:
    fd = os.open(tmp_path, os.O_RDONLY)
    cutting = Cutting(DEFAULT_SIZES, CutMode.CASYNC, best())

    with pytest.raises(SourceError, match="folder: cannot be read: Is a directory"):
        list(cut_stream(Stream(fd, "folder"), cutting, workers, lambda stretch: stretch.ends))
    os.close(fd)


@pytest.fixture
def endless() -> Iterator[int]:
    fd = os.open("/dev/zero", os.O_RDONLY)
    yield fd
    os.close(fd)


def test_cutting_stops_when_asked(workers: Workers, endless: int) -> None:
    cutting = Cutting(DEFAULT_SIZES, CutMode.CASYNC, best())
    parts = cut_stream(Stream(endless, "zero"), cutting, workers, lambda stretch: stretch.ends)
    next(parts)
    workers.cancel.stop("SIGINT")

    with pytest.raises(InterruptedRunError):
        for _ in parts:
            pass


def test_an_error_in_a_thread_reaches_the_caller(workers: Workers, endless: int) -> None:
    def fail(stretch: Stretch) -> None:
        raise SourceError(f"at {stretch.ends[0]}")

    cutting = Cutting(DEFAULT_SIZES, CutMode.CASYNC, best())

    with pytest.raises(SourceError, match="at 262144"):
        list(cut_stream(Stream(endless, "zero"), cutting, workers, fail))
