"""Block devices as blobs and as targets: loop devices, which need root."""

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.blobs import blob
from tests.filesystems.mounting import attached, attached_file
from tests.vectors.inputs import ctr
from tests.workspace import SMALL, Workspace, chunk_file, ids_of

FIRST = blob("first")
SECTOR = 512
SIZE = -(-len(FIRST) // SECTOR) * SECTOR
"""Of a device that just holds FIRST."""

Attach = Callable[[bytes], str]


@pytest.fixture
def attach(tmp_path: Path) -> Iterator[Attach]:
    """Return a function that makes a device of some bytes, a multiple of a sector."""
    with ExitStack() as devices:
        names = (tmp_path / f"backing{number}" for number in count())
        yield lambda content: devices.enter_context(attached(next(names), content))


def content(device: str) -> bytes:
    return Path(device).read_bytes()


def padded(data: bytes, size: int = SIZE) -> bytes:
    return data + b"\xee" * (size - len(data))


def test_a_device_is_a_blob(workspace: Workspace, attach: Attach) -> None:
    data = padded(FIRST)
    device = attach(data)
    workspace.make("blob", data)
    ended = workspace.do("make", blob=device, index="device.caibx", store="other", chunk_size=SMALL)
    again = workspace.do("make", blob=device, index="device.caibx", store="other", chunk_size=SMALL)

    assert (ended.summary, again.summary) == ((0, "done"), (0, "unchanged"))
    assert ended.statistics["bytes"] == SIZE
    assert (workspace / "device.caibx").read_bytes() == (workspace / "blob.caibx").read_bytes()


def test_a_device_is_digested_chunked_and_chopped(workspace: Workspace, attach: Attach) -> None:
    data = padded(FIRST)
    device = attach(data)
    index = workspace.make("blob", data, store=None)
    digested = workspace.do("digest", blob=device)
    chunked = workspace.do("chunk", blob=device, chunk_size=SMALL)
    chopped = workspace.do("chop", index="blob.caibx", blob=device, store="store")

    assert digested.output.decode().strip() == hashlib.new("sha512_256", data).hexdigest()
    assert [line.split("\t")[2] for line in chunked.output.decode().splitlines()] == [
        one.hex() for one in ids_of(index)
    ]
    assert chopped.statistics["chunks_stored"] == len(set(ids_of(index)))


def test_a_larger_device_is_what_an_index_describes(workspace: Workspace, attach: Attach) -> None:
    index = workspace.make("blob", FIRST, store=None)
    device = attach(padded(FIRST, SIZE + 100 * SECTOR))
    right = workspace.do("verify-index", index="blob.caibx", blob=device)
    wrong = attach(padded(FIRST[:-1] + b"!"))
    ended = workspace.do("verify-index", index="blob.caibx", blob=wrong)

    assert right.summary == (0, "done")
    assert ended.summary == (4, "failed")
    assert ended.statistics["wrong_ranges"] == [[index.start(len(index) - 1), len(FIRST)]]


def test_a_smaller_device_is_not(workspace: Workspace, attach: Attach) -> None:
    workspace.make("blob", FIRST)
    device = attach(FIRST[: 100 * SECTOR])
    verified = workspace.do("verify-index", index="blob.caibx", blob=device)
    extracted = workspace.do(
        "extract", index="blob.caibx", target=device, stores=["store"], in_place=True
    )

    assert verified.summary == (4, "failed")
    assert extracted.summary == (1, "failed")
    assert extracted.message == (
        f"{device} has {100 * SECTOR} bytes, the blob {len(FIRST)}; use a larger device"
    )
    assert content(device) == FIRST[: 100 * SECTOR]


@pytest.mark.parametrize("size", [SIZE, SIZE + 1000 * SECTOR])
def test_a_blob_is_written_to_a_device_in_place(
    workspace: Workspace, attach: Attach, size: int
) -> None:
    index = workspace.make("blob", FIRST)
    device = attach(b"\xff" * size)
    fields = {"index": "blob.caibx", "target": device, "stores": ["store"], "in_place": True}
    ended = workspace.do("extract", **fields)
    again = workspace.do("extract", **fields)
    found = content(device)

    assert (ended.summary, again.summary) == ((0, "done"), (0, "unchanged"))
    assert found[: len(FIRST)] == FIRST
    assert found[len(FIRST) :] == b"\xff" * (size - len(FIRST))
    assert ended.statistics["chunks_in_place"] == 0
    assert again.statistics["chunks_in_place"] == len(index)


def test_what_is_right_on_a_device_is_kept(workspace: Workspace, attach: Attach) -> None:
    index = workspace.make("blob", FIRST)
    data = bytearray(padded(FIRST))
    for at in (0, 24, 35):
        data[index.start(at)] ^= 0xFF
    device = attach(bytes(data))
    ended = workspace.do(
        "extract", index="blob.caibx", target=device, stores=["store"], in_place=True
    )

    assert ended.summary == (0, "done")
    assert content(device)[: len(FIRST)] == FIRST
    assert ended.statistics["chunks_in_place"] == len(index) - 3


def test_a_device_is_never_replaced_by_a_file(workspace: Workspace, attach: Attach) -> None:
    workspace.make("blob", FIRST)
    device = attach(padded(b"", SIZE))
    extracted = workspace.do("extract", index="blob.caibx", target=device, stores=["store"])
    catted = workspace.do("cat", index="blob.caibx", output=device, stores=["store"])
    made = workspace.do("make", blob="blob", index=device)

    assert [one.summary for one in (extracted, catted, made)] == [(1, "failed")] * 3
    assert extracted.message == (
        f"{device} is a device: it is written only in place (-k, in_place = true)"
    )
    assert Path(device).is_block_device()
    assert content(device) == padded(b"", SIZE)


def test_the_program_writes_a_device_with_k(
    workspace: Workspace, attach: Attach, desync_run: Any
) -> None:
    workspace.make("blob", FIRST)
    device = attach(b"\xff" * SIZE)
    without = desync_run("extract", "-s", "store", "blob.caibx", device)
    ended = desync_run("extract", "-k", "-s", "store", "blob.caibx", device)

    assert (without.returncode, ended.returncode) == (1, 0)
    assert content(device)[: len(FIRST)] == FIRST


def test_an_interrupted_extraction_to_a_device_goes_on_after_it_was_attached_anew(
    workspace: Workspace, tmp_path: Path, state_home: Path
) -> None:
    data = ctr(12_000_000, b"device")
    index = workspace.make("blob", data, chunk_size="16KiB:64KiB:256KiB")
    size = -(-len(data) // SECTOR) * SECTOR
    backing = tmp_path / "backing"
    backing.write_bytes(bytes(size))
    fields = {"index": "blob.caibx", "stores": ["store"], "in_place": True}
    last = chunk_file(workspace / "store", index.id(len(index) - 1))
    content_of_last = last.read_bytes()
    last.unlink()
    with attached_file(backing) as device:
        lacking = workspace.do("extract", target=device, **fields)
        journals = [path.name for path in (state_home / "desync-run/journals").iterdir()]
        beside = [name for name in os.listdir("/dev") if "desync-run" in name]
    last.write_bytes(content_of_last)
    with attached(tmp_path / "other", bytes(SECTOR)), attached_file(backing) as device:
        ended = workspace.do("extract", target=device, **fields)
        written = content(device)

    assert lacking.summary == (5, "failed")
    assert (len(journals), beside) == (1, [])
    assert ended.summary == (0, "done")
    assert ended.only.reason.startswith("an earlier run was interrupted with ")
    assert written[: len(data)] == data
    assert list((state_home / "desync-run/journals").iterdir()) == []
