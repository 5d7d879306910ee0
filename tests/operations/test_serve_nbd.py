"""A blob over NBD, read by those who know the protocol: qemu's programs and nbd-client."""

import json
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from desync_jobs.formats.index import Index
from desync_jobs.testing.programs import require_program
from tests.blobs import blob
from tests.servers import nbd
from tests.servers.nbd import connected
from tests.servers.own import OwnServer, chunk_server, nbd_server, own_server
from tests.workspace import Workspace, chunk_file, overwrite

CHUNK = 32 << 10
"""The largest chunk, and so the length of a run of zeros that is known as such."""
FIRST, LAST = blob("first"), blob("second")
HOLE = 20 * CHUNK
DATA = FIRST + bytes(HOLE) + LAST
SIZE = len(DATA) + -len(DATA) % 512
"""What qemu makes of the size of a blob that has no whole blocks."""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A blob with its index and store; no test changes them."""
    workspace = Workspace(tmp_path_factory.mktemp("source"))
    workspace.make("disk.img", DATA)
    return workspace


@pytest.fixture(scope="module")
def index(source: Workspace) -> Index:
    return source.index("disk.img.caibx")


@pytest.fixture(scope="module")
def server(source: Workspace) -> Iterator[OwnServer]:
    with nbd_server(
        "-s", "store", "-l", "127.0.0.1:0", "disk.img.caibx", directory=source.path
    ) as running:
        yield running


@pytest.fixture
def copied(source: Workspace, workspace: Workspace) -> Workspace:
    """A copy of the blob's index and store, to be damaged."""
    shutil.copytree(source / "store", workspace / "store")
    shutil.copy(source / "disk.img.caibx", workspace / "disk.img.caibx")
    return workspace


def socket_url(directory: Path) -> str:
    return f"nbd+unix:///disk.img?socket={directory}/sock"


def qemu(*arguments: str) -> str:
    program = require_program("qemu-img")
    return subprocess.run(
        [program, *arguments], check=True, capture_output=True, text=True, timeout=60
    ).stdout


def test_qemu_sees_a_device_of_the_size_of_the_blob(server: OwnServer, source: Workspace) -> None:
    for url in (socket_url(source.path), *server.urls):
        described = json.loads(qemu("info", "--output=json", "-f", "raw", url))

        assert described["virtual-size"] == SIZE


@pytest.mark.parametrize("at", [0, 1])
def test_qemu_copies_the_whole_blob_over_either_socket(
    server: OwnServer, workspace: Workspace, at: int
) -> None:
    qemu("convert", "-f", "raw", "-O", "raw", server.urls[at], str(workspace / "copy"))

    assert (workspace / "copy").read_bytes() == DATA + bytes(SIZE - len(DATA))


def test_qemu_finds_an_image_of_its_own_to_be_the_same(
    server: OwnServer, workspace: Workspace
) -> None:
    copy = str(workspace / "copy.qcow2")
    qemu("convert", "-f", "raw", "-O", "qcow2", server.url, copy)

    assert qemu("compare", "-f", "raw", "-F", "qcow2", server.url, copy) == (
        "Images are identical.\n"
    )


def test_an_image_of_changes_stands_on_the_device(server: OwnServer, workspace: Workspace) -> None:
    program = require_program("qemu-io")
    changes, whole = str(workspace / "changes.qcow2"), str(workspace / "whole")
    qemu("create", "-f", "qcow2", "-b", server.url, "-F", "raw", changes)
    subprocess.run([program, "-c", "write -P 7 1000 5000", changes], check=True, timeout=60)
    qemu("convert", "-O", "raw", changes, whole)

    wanted = DATA[:1000] + b"\7" * 5000 + DATA[6000:] + bytes(SIZE - len(DATA))
    assert Path(whole).read_bytes() == wanted


def test_qemu_sees_zeros_as_a_hole(server: OwnServer) -> None:
    found = json.loads(qemu("map", "--output=json", "-f", "raw", server.url))
    holes = [range(one["start"], one["start"] + one["length"]) for one in found if one["zero"]]

    assert not any(any(DATA[hole.start : hole.stop]) for hole in holes)
    assert max(map(len, holes)) >= HOLE - 2 * CHUNK
    assert [one["zero"] for one in found] == [not one["data"] for one in found]
    assert sum(one["length"] for one in found) == SIZE


def test_qemu_is_refused_writes(server: OwnServer) -> None:
    program = require_program("qemu-io")
    tried = subprocess.run(
        [program, "-f", "raw", "-c", "write 0 512", server.url],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert tried.returncode != 0
    assert "Permission denied" in tried.stderr


def test_nbd_client_lists_the_export(server: OwnServer, source: Workspace) -> None:
    program = require_program("nbd-client")
    port = server.url.removeprefix("nbd://127.0.0.1:").partition("/")[0]
    by_socket = subprocess.run(
        [program, "-l", "-u", str(source / "sock")],
        check=False,
        capture_output=True,
        text=True,
        timeout=20,
    )
    by_port = subprocess.run(
        [program, "-l", "127.0.0.1", port],
        check=False,
        capture_output=True,
        text=True,
        timeout=20,
    )

    assert "disk.img" in by_socket.stdout.splitlines()
    assert "disk.img" in by_port.stdout.splitlines()


@pytest.mark.usefixtures("server")
def test_eight_clients_read_at_random(source: Workspace) -> None:
    def read(seed: int) -> int:
        drawn = random.Random(seed)
        wrong = 0
        with connected(source / "sock") as client:
            assert client.begin(structured=seed % 2 == 0) == len(DATA)
            for _ in range(125):
                offset = drawn.randrange(len(DATA))
                length = min(drawn.randrange(1, 100_000), len(DATA) - offset)
                answer = client.asked(nbd.READ, offset, length)
                wrong += answer.data != DATA[offset : offset + length]
        return wrong

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(read, range(8))) == [0] * 8


def test_a_damaged_chunk_fails_what_needs_it_and_a_whole_one_mends_it(
    copied: Workspace, index: Index
) -> None:
    position = index.ended_by(1000)
    broken = chunk_file(copied / "store", index.id(position))
    whole = broken.read_bytes()
    overwrite(broken, b"damaged")
    with (
        nbd_server("-s", "store", "disk.img.caibx", directory=copied.path) as server,
        connected(copied / "sock") as client,
    ):
        client.begin()
        failed = client.asked(nbd.READ, 1000, 10)
        complaint = server.said("is invalid")
        read = client.asked(nbd.READ, len(DATA) - 1000, 1000)
        overwrite(broken, whole)
        again = client.asked(nbd.READ, 1000, 10)

    assert failed.error == nbd.EIO
    assert "warning: serve-nbd: 10 bytes at 1000: store store: chunk " in complaint
    assert read.data == DATA[-1000:]
    assert again.data == DATA[1000:1010]


def test_a_store_that_is_gone_and_comes_back_is_read_again(copied: Workspace) -> None:
    with (
        nbd_server("-s", "store", "disk.img.caibx", directory=copied.path) as server,
        connected(copied / "sock") as client,
    ):
        client.begin()
        (copied / "store").rename(copied / "away")
        failed = client.asked(nbd.READ, 1000, 10)
        (copied / "away").rename(copied / "store")
        again = client.asked(nbd.READ, 1000, 10)
        code = server.stop()

    assert failed.error == nbd.EIO
    assert again.data == DATA[1000:1010]
    assert code == 0


def test_stores_are_exchanged_while_clients_read(copied: Workspace) -> None:
    (copied / "store").rename(copied / "second")
    (copied / "first").mkdir()
    (copied / "stores.json").write_text('{"stores": ["first"]}')
    arguments = ("--store-file", "stores.json", "disk.img.caibx")
    with (
        nbd_server(*arguments, directory=copied.path) as server,
        connected(copied / "sock") as client,
    ):
        client.begin()
        before = client.asked(nbd.READ, 1000, 10)
        (copied / "stores.json").write_text("{")
        server.reload()
        server.said("reload failed, everything stays as it was")
        (copied / "stores.json").write_text('{"stores": ["second"]}')
        server.reload()
        after = before
        for _ in range(1000):
            after = client.asked(nbd.READ, 1000, 10)
            if not after.error:
                break
            time.sleep(0.02)

    assert before.error == nbd.EIO
    assert after.data == DATA[1000:1010]


def test_a_configuration_that_breaks_before_the_first_read_harms_nobody(copied: Workspace) -> None:
    guarded = {"DESYNC_HTTP_AUTH": "Bearer sesame"}
    with chunk_server("-s", "store", directory=copied.path, environment=guarded) as origin:
        said = {"store-options": {origin.url: {"http-auth": "Bearer sesame"}}}
        (copied / "config.json").write_text(json.dumps(said))
        arguments = ("-s", origin.url, "--config", "config.json", "disk.img.caibx")
        with (
            nbd_server(*arguments, directory=copied.path) as server,
            connected(copied / "sock") as client,
        ):
            (copied / "config.json").write_text("{")
            server.reload()
            server.said("reload failed, everything stays as it was: config.json: ")
            client.begin()
            answer = client.asked(nbd.READ, 1000, 10)

    assert answer.data == DATA[1000:1010]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_server_well_and_its_socket_is_gone(
    source: Workspace, workspace: Workspace, number: signal.Signals
) -> None:
    shutil.copy(source / "disk.img.caibx", workspace / "disk.img.caibx")
    store = str(source / "store")
    with (
        nbd_server("-s", store, "disk.img.caibx", directory=workspace.path) as server,
        connected(workspace / "sock") as client,
    ):
        client.begin()
        assert client.asked(nbd.READ, 0, 10).data == DATA[:10]
        code = server.stop(number)
        assert client.ended()

    assert code == 0
    assert not (workspace / "sock").exists()


def test_a_socket_left_by_a_killed_server_is_taken_over(
    source: Workspace, workspace: Workspace
) -> None:
    shutil.copy(source / "disk.img.caibx", workspace / "disk.img.caibx")
    arguments = ("-s", str(source / "store"), "disk.img.caibx")
    with nbd_server(*arguments, directory=workspace.path) as first:
        first.stop(signal.SIGKILL)
        assert (workspace / "sock").is_socket()
        with (
            nbd_server(*arguments, directory=workspace.path),
            connected(workspace / "sock") as client,
        ):
            assert client.begin() == len(DATA)


def _refused(server: OwnServer) -> tuple[int, str]:
    code = server.process.wait(20)
    assert server.reader is not None
    server.reader.join()
    return code, "\n".join(server.lines)


def test_what_cannot_be_listened_on_is_told(server: OwnServer, source: Workspace) -> None:
    port = server.url.removeprefix("nbd://").partition("/")[0]
    arguments = ("nbd-server", "-s", "store", "disk.img.caibx")
    with own_server(*arguments, "-l", port, directory=source.path) as second:
        assert _refused(second) == (
            1,
            f"desync-run: cannot listen on {port}: address already in use",
        )
    with own_server(*arguments, "--socket", "sock", directory=source.path) as third:
        assert _refused(third) == (
            1,
            f"desync-run: cannot listen on {source / 'sock'}: another server does",
        )


def test_an_index_that_is_not_there_is_missing(workspace: Workspace) -> None:
    (workspace / "store").mkdir()
    ended = workspace.do("serve-nbd", index="none.caibx", stores=["store"], socket="sock")

    assert ended.summary == (5, "failed")
    assert ended.message == "none.caibx: index does not exist"
    assert not (workspace / "sock").exists()


def test_an_empty_blob_is_a_device_without_a_byte(workspace: Workspace) -> None:
    workspace.make("empty", b"")
    (workspace / "store").mkdir(exist_ok=True)
    with (
        nbd_server("-s", "store", "empty.caibx", directory=workspace.path) as server,
        connected(workspace / "sock") as client,
    ):
        size = client.begin()
        past = client.asked(nbd.READ, 0, 1)
        nothing = client.asked(nbd.READ, 0, 0)
        code = server.stop()

    assert (size, past.error, nothing.error, code) == (0, nbd.EINVAL, 0, 0)
