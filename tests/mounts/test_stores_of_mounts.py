import errno
import json
import os
import random
import shutil
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import pytest

from tests.mounts.conftest import BLOB
from tests.mounts.mounting import is_mounted, own_mount, statistics, waited_for
from tests.servers.own import chunk_server, own_server
from tests.workspace import Workspace

MOUNT = ("mount-index", "disk.img.caibx", "mnt")


def names(file: Path, *places: str) -> None:
    file.write_text(json.dumps({"stores": places}))


@contextmanager
def reading_all_the_time(file: Path) -> Iterator[list[str]]:
    """Have four readers read at random; yields what went wrong with one of their reads."""
    over, wrong = Event(), list[str]()

    def read(seed: int) -> None:
        rng = random.Random(seed)
        with file.open("rb", buffering=0) as opened:
            while not over.is_set():
                offset = rng.randrange(len(BLOB))
                os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
                try:
                    if os.pread(opened.fileno(), 5000, offset) != BLOB[offset : offset + 5000]:
                        wrong.append(f"other bytes at {offset}")
                except OSError as error:
                    wrong.append(str(error))

    with ThreadPoolExecutor(4) as readers:
        futures = [readers.submit(read, seed) for seed in range(4)]
        try:
            yield wrong
        finally:
            over.set()
            for future in futures:
                future.result()


def test_stores_are_exchanged_at_sighup_while_everybody_reads_on(
    image: Workspace, imaged: Path
) -> None:
    shutil.copytree(imaged / "store", image / "first")
    names(image / "stores.json", "first")
    options = ("--store-file", "stores.json", "--memory", "100KiB")
    served = ("-s", str(imaged / "store"), "--log", "access.log")
    with (
        own_mount(*MOUNT, *options, directory=image.path) as mount,
        chunk_server(*served, directory=image.path) as second,
        reading_all_the_time(image / "mnt" / "disk.img") as wrong,
    ):
        names(image / "stores.json", "gone|")
        mount.reload()
        mount.said("reload failed, everything stays as it was")
        names(image / "stores.json", second.url)
        mount.reload()
        waited_for(lambda: bool((image / "access.log").read_text()))
        shutil.rmtree(image / "first")
        assert (image / "mnt" / "disk.img").read_bytes() == BLOB
        assert wrong == []
    assert not wrong


def test_a_server_that_fails_is_an_error_of_that_read_and_that_comes_back_serves_again(
    image: Workspace, imaged: Path
) -> None:
    with chunk_server("-s", str(imaged / "store"), directory=image.path) as first:
        address = first.url.partition("://")[2].rstrip("/")
        options = ("-s", first.url, "-e", "1")
        with own_mount(*MOUNT, *options, directory=image.path) as mount:
            file = (image / "mnt" / "disk.img").open("rb", buffering=0)
            assert os.pread(file.fileno(), 5000, 0) == BLOB[:5000]
            first.process.kill()
            first.process.wait()
            with pytest.raises(OSError, match=os.strerror(errno.EIO)):
                os.pread(file.fileno(), 5000, 2_500_000)
            mount.said("store")
            with own_server(
                "chunk-server", "-l", address, "-s", str(imaged / "store"), directory=image.path
            ) as second:
                second.said("listening on ")
                assert os.pread(file.fileno(), 5000, 2_500_000) == BLOB[2_500_000:2_505_000]
                assert file.read() == BLOB
                file.close()
                assert mount.stop() == 0
    assert statistics(image.path)["failed"] >= 1


def test_a_store_that_never_answers_does_not_keep_a_stopped_mount(image: Workspace) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        store = ("-s", f"http://127.0.0.1:{silent.getsockname()[1]}/", "--patience", "1h")
        with own_mount(*MOUNT, *store, directory=image.path) as mount:
            with subprocess.Popen(["cat", image / "mnt" / "disk.img"]) as reader:
                connection, _ = silent.accept()  # the read waits for an answer
                reader.kill()
            # Nobody uses the file system any more, and one of its threads still waits for bytes.
            assert mount.stop() == 0
            connection.close()
        assert not any("still used" in line for line in mount.lines)
    assert not is_mounted(image.path)


def test_a_chunk_that_is_not_what_its_name_says_is_never_shown(
    image: Workspace, imaged: Path
) -> None:
    (image / "store").unlink()
    shutil.copytree(imaged / "store", image / "store")
    index = image.index("disk.img.caibx")
    name = index.id(0).hex()
    path = image / "store" / name[:4] / f"{name}.cacnk"
    other = index.id(1).hex()
    path.unlink()
    shutil.copy(image / "store" / other[:4] / f"{other}.cacnk", path)
    with own_mount(*MOUNT, "-s", "store", directory=image.path) as mount:
        with (
            (image / "mnt" / "disk.img").open("rb", buffering=0) as file,
            pytest.raises(OSError, match=os.strerror(errno.EIO)),
        ):
            file.read(100)
        mount.said(f"chunk {name} is invalid")
        assert mount.stop() == 0
