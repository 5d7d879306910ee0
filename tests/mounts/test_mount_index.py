import errno
import hashlib
import os
import random
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from desync_jobs.errors import EXIT_TERMINATED
from tests.mounts.conftest import BLOB
from tests.mounts.mounting import is_mounted, own_mount, statistics, unmount, waited_for
from tests.servers.own import chunk_server
from tests.workspace import Workspace

MOUNT = ("mount-index", "disk.img.caibx", "mnt")
FROM_STORE = (*MOUNT, "-s", "store")


def read_at(path: Path, offset: int, length: int) -> bytes:
    with path.open("rb", buffering=0) as file:
        return os.pread(file.fileno(), length, offset)


def test_the_mounted_file_is_the_blob_and_sigint_unmounts_it_with_success(image: Workspace) -> None:
    with own_mount(*FROM_STORE, directory=image.path) as mount:
        assert os.listdir(image / "mnt") == ["disk.img"]
        shown = (image / "mnt" / "disk.img").read_bytes()
        assert hashlib.sha256(shown).digest() == hashlib.sha256(BLOB).digest()
        assert mount.stop(signal.SIGINT) == 0
    assert not is_mounted(image.path)


def test_eight_readers_at_random_get_the_bytes_of_the_blob_and_no_chunk_twice(
    image: Workspace,
) -> None:
    def read(seed: int) -> bool:
        rng = random.Random(seed)
        places = [(rng.randrange(len(BLOB)), rng.randrange(1, 40_000)) for _ in range(125)]
        return all(
            read_at(image / "mnt" / "disk.img", offset, length) == BLOB[offset : offset + length]
            for offset, length in places
        )

    with own_mount(*FROM_STORE, directory=image.path) as mount, ThreadPoolExecutor(8) as readers:
        assert all(readers.map(read, range(8)))
        assert mount.stop() == 0
    fetched = statistics(image.path)["stores"]["store"]["chunks"]
    assert 0 < fetched <= len(set(map(bytes, image.index("disk.img.caibx").ids)))


def test_it_is_read_only_and_as_large_and_as_old_as_it_should_be(image: Workspace) -> None:
    os.utime(image / "disk.img.caibx", ns=(1, 1_234_567_890_123_456_789))
    with own_mount(*FROM_STORE, directory=image.path) as mount:
        file = image / "mnt" / "disk.img"
        found = file.stat()
        assert (found.st_mode, found.st_size) == (0o100444, len(BLOB))
        assert found.st_mtime_ns == 1_234_567_890_123_456_789
        with pytest.raises(OSError, match=os.strerror(errno.EROFS)):
            file.open("r+b")
        with pytest.raises(OSError, match=os.strerror(errno.EROFS)):
            (image / "mnt" / "new").write_bytes(b"")
        with pytest.raises(FileNotFoundError):
            (image / "mnt" / "other").stat()
        size = os.statvfs(image / "mnt")
        assert size.f_blocks * size.f_frsize >= len(BLOB)
        assert (size.f_bfree, size.f_bavail) == (0, 0)
        assert mount.stop() == 0


def test_zeros_are_holes_that_no_store_is_asked_for(image: Workspace) -> None:
    with own_mount(*FROM_STORE, directory=image.path) as mount:
        file = image / "mnt" / "disk.img"
        fd = os.open(file, os.O_RDONLY)
        hole = os.lseek(fd, 0, os.SEEK_HOLE)
        data = os.lseek(fd, hole, os.SEEK_DATA)
        assert (hole >= 600_000, data <= 1_500_000, data - hole > 800_000) == (True, True, True)
        assert os.pread(fd, data - hole, hole) == bytes(data - hole)
        assert os.lseek(fd, len(BLOB) - 1, os.SEEK_HOLE) in (len(BLOB) - 1, len(BLOB))
        assert file.stat().st_blocks * 512 < len(BLOB) - 800_000
        os.close(fd)
        subprocess.run(["cp", "--sparse=auto", file, image / "copy"], check=True)
        assert mount.stop() == 0
    assert (image / "copy").read_bytes() == BLOB
    assert (image / "copy").stat().st_blocks * 512 < len(BLOB) - 800_000


def test_who_unmounts_it_ends_the_run_with_success(image: Workspace) -> None:
    with own_mount(*FROM_STORE, directory=image.path) as mount:
        (image / "mnt" / "disk.img").read_bytes()
        unmount(image.path)
        assert mount.process.wait(20) == 0
    assert statistics(image.path)["bytes"] >= len(BLOB)


def test_whoever_uses_it_is_served_until_patience_ends(image: Workspace) -> None:
    with (
        chunk_server("-s", "store", directory=image.path) as server,
        own_mount(*MOUNT, "-s", server.url, "--patience", "2s", directory=image.path) as mount,
    ):
        file = (image / "mnt" / "disk.img").open("rb", buffering=0)
        mount.process.send_signal(signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):
            mount.process.wait(0.5)
        # Nothing of this was read before, and the store is still asked.
        assert os.pread(file.fileno(), 1000, 1_700_000) == BLOB[1_700_000:1_701_000]
        assert mount.process.wait(20) == 0
        mount.said("mnt was still used after 2.00 s and is taken away")
        for call in (lambda: os.pread(file.fileno(), 1000, 2_000_000), file.close):
            with pytest.raises(OSError, match=os.strerror(errno.ENOTCONN)):
                call()
    assert not is_mounted(image.path)


def test_a_second_signal_takes_it_away_at_once(image: Workspace) -> None:
    with own_mount(*FROM_STORE, "--patience", "1h", directory=image.path) as mount:
        file = (image / "mnt" / "disk.img").open("rb", buffering=0)
        mount.process.send_signal(signal.SIGTERM)
        waited_for(lambda: "stopping" in (image / "events").read_text())
        assert mount.stop(signal.SIGINT) == EXIT_TERMINATED
        assert not is_mounted(image.path)
        with pytest.raises(OSError, match=os.strerror(errno.ENOTCONN)):
            file.close()


def test_it_ends_as_soon_as_nobody_uses_it_any_more(image: Workspace) -> None:
    with own_mount(*FROM_STORE, "--patience", "1h", directory=image.path) as mount:
        with (image / "mnt" / "disk.img").open("rb", buffering=0):
            mount.process.send_signal(signal.SIGTERM)
            with pytest.raises(subprocess.TimeoutExpired):
                mount.process.wait(0.5)
        assert mount.process.wait(20) == 0
    assert not is_mounted(image.path)


def test_what_a_killed_process_left_mounted_is_taken_away_by_the_next(image: Workspace) -> None:
    with own_mount(*FROM_STORE, directory=image.path) as mount:
        mount.process.kill()
        mount.process.wait()
        assert is_mounted(image.path)
        with own_mount(*FROM_STORE, directory=image.path) as again:
            again.said("mnt had something mounted by a process that is dead: taken away")
            assert (image / "mnt" / "disk.img").read_bytes() == BLOB
            assert again.stop() == 0
        assert not is_mounted(image.path)


def test_a_missing_chunk_is_an_error_of_the_reads_that_need_it_and_told_once(
    image: Workspace, imaged: Path
) -> None:
    index = image.index("disk.img.caibx")
    (image / "store").unlink()
    subprocess.run(["cp", "-r", imaged / "store", image / "store"], check=True)
    gone = index.id(3)
    name = gone.hex()
    kept = (image / "store" / name[:4] / f"{name}.cacnk").rename(image / "kept")
    with own_mount(*FROM_STORE, directory=image.path) as mount:
        with (image / "mnt" / "disk.img").open("rb", buffering=0) as file:
            for _ in range(2):
                with pytest.raises(OSError, match=os.strerror(errno.EIO)):
                    os.pread(file.fileno(), 10, index.start(3))
            end = index.start(3) // 4096 * 4096
            assert file.read(end) == BLOB[:end]
            kept.rename(image / "store" / name[:4] / f"{name}.cacnk")
            assert os.pread(file.fileno(), 10, index.start(3)) == BLOB[index.start(3) :][:10]
        assert mount.stop() == 0
    told = [line for line in mount.lines if gone.hex() in line]
    assert len(told) == 1
    assert "is missing from" in told[0]
    assert statistics(image.path)["failed"] >= 2
