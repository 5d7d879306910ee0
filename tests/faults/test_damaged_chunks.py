"""Damaged chunk files: every way to read them says which chunk of which store is wrong, and how."""

import os
import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import zstandard

from tests.faults.measuring import MIB, Measure
from tests.vectors.inputs import ctr
from tests.workspace import (
    SMALL,
    How,
    Workspace,
    chunk_file,
    chunk_files,
    ids_of,
    overwrite,
    stamps,
)

BLOB = ctr(100_000, b"damage")
OLD = b"what was here before"
GIB = 1 << 30
FROM_STORE: dict[str, Any] = {"index": "blob.caibx", "stores": ["store"]}


def bit_flip(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


@cache
def bomb(*, declared: bool) -> bytes:
    """Return a frame of 1 GiB of zeros in some 30 kB, which may say how long its content is."""
    writer = zstandard.ZstdCompressor(write_content_size=declared).compressobj(
        GIB if declared else -1
    )
    block = bytes(1 << 20)
    parts = [writer.compress(block) for _ in range(GIB // len(block))]
    return b"".join([*parts, writer.flush()])


DAMAGES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "bit flip": (bit_flip, ""),
    "truncated": (lambda data: data[:-1], "the zstd frame is"),
    "first bytes only": (lambda data: data[:3], "it is neither zstd nor xz nor gzip"),
    "empty": (lambda _: b"", "it is empty"),
    "garbage": (lambda data: bytes(len(data)), "it is neither zstd nor xz nor gzip"),
    "plain": (zstandard.decompress, "it is neither zstd nor xz nor gzip"),
    "more": (lambda data: data + b"\x00", "the zstd frame is damaged: "),
    "another chunk": (
        lambda _: zstandard.compress(b"another chunk"),
        "its content has the digest ",
    ),
    "nothing": (lambda _: zstandard.compress(b""), "it holds no data"),
    "bomb": (lambda _: bomb(declared=True), "it decodes to more than "),
    "silent bomb": (
        lambda _: bomb(declared=False),
        "it decodes to more than |the zstd frame has too many blocks",
    ),
}

READERS: dict[str, tuple[str, Mapping[str, Any]]] = {
    "extract": ("extract", {"index": "blob.caibx", "target": "out", "stores": ["store"]}),
    "cat": ("cat", {"index": "blob.caibx", "output": "out", "stores": ["store"]}),
    "cache": ("cache", {"indexes": ["blob.caibx"], "stores": ["store"], "cache": "cache"}),
    "verify": ("verify", {"store": "store"}),
}


def damage(workspace: Workspace, how: Callable[[bytes], bytes], store: str = "store") -> bytes:
    """Make a blob, damage one of its chunks, and return that chunk's ID."""
    index = workspace.make("blob", BLOB)
    chunk_id = index.id(len(index) // 2)
    path = chunk_file(workspace / store, chunk_id)
    overwrite(path, how(path.read_bytes()))
    return chunk_id


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("how", DAMAGES)
def test_a_damaged_chunk_is_named_with_its_store(
    workspace: Workspace, reader: str, how: str
) -> None:
    change, reason = DAMAGES[how]
    kind, fields = READERS[reader]
    chunk_id = damage(workspace, change)
    (workspace / "out").write_bytes(OLD)
    before = stamps(workspace / "store")
    ended = workspace.do(kind, **fields)
    message = ended.warnings[0] if kind == "verify" else ended.message

    assert ended.summary == (4, "failed")
    assert re.match(f"store store: chunk {chunk_id.hex()} is invalid: ({reason})", message)
    assert chunk_id.hex() in ended.message
    assert (workspace / "out").read_bytes() == OLD
    assert stamps(workspace / "store") == before
    assert list(workspace.path.rglob("*.tmp")) == []
    if kind == "cache":
        assert chunk_id.hex() not in "".join(chunk_files(workspace / "cache"))


@pytest.mark.parametrize("declared", [True, False], ids=["declared", "undeclared"])
@pytest.mark.parametrize(
    "command",
    [
        ("extract", "-s", "store", "blob.caibx", "out"),
        ("cat", "-s", "store", "blob.caibx"),
        ("verify", "-s", "store"),
    ],
    ids=["extract", "cat", "verify"],
)
def test_a_chunk_that_grows_to_a_gigabyte_takes_no_memory(
    workspace: Workspace, measure: Measure, command: tuple[str, ...], declared: bool
) -> None:
    damage(workspace, lambda _: bomb(declared=declared))
    took = measure(*command)

    assert took.code == 4, took.said
    assert took.peak < 200 * MIB


@pytest.mark.parametrize("how", DAMAGES)
def test_a_damaged_chunk_is_removed_by_repair_and_stored_again(
    workspace: Workspace, how: str
) -> None:
    change, _ = DAMAGES[how]
    chunk_id = damage(workspace, change)
    good = len(chunk_files(workspace / "store")) - 1
    repaired = workspace.do("verify", store="store", repair=True)
    after = workspace.do("verify", store="store")
    stored_again = workspace.do("chop", index="blob.caibx", blob="blob", store="store")

    assert repaired.summary == (4, "failed")
    assert repaired.message == f"store store: 1 chunk was removed: {chunk_id.hex()}"
    assert (after.summary, after.statistics["chunks"]) == ((0, "done"), good)
    assert (stored_again.summary, stored_again.statistics["chunks_stored"]) == ((0, "done"), 1)


@pytest.mark.parametrize("how", DAMAGES)
def test_a_damaged_chunk_of_a_cache_is_fetched_again(workspace: Workspace, how: str) -> None:
    change, _ = DAMAGES[how]
    chunk_id = damage_cache(workspace, change)
    ended = workspace.do("extract", target="out", cache="cache", **FROM_STORE)

    assert ended.summary == (0, "done"), ended.message
    assert (workspace / "out").read_bytes() == BLOB
    assert chunk_files(workspace / "cache") == chunk_files(workspace / "store")
    assert chunk_file(workspace / "cache", chunk_id).stat().st_mode & 0o777 == 0o444


@pytest.mark.parametrize("how", DAMAGES)
def test_a_damaged_chunk_of_a_cache_is_an_error_where_it_may_not_be_repaired(
    workspace: Workspace, how: str
) -> None:
    change, reason = DAMAGES[how]
    chunk_id = damage_cache(workspace, change)
    before = chunk_files(workspace / "cache")
    ended = workspace.do("extract", target="out", cache="cache", cache_repair=False, **FROM_STORE)

    assert ended.summary == (4, "failed")
    assert re.match(f"store cache: chunk {chunk_id.hex()} is invalid: ({reason})", ended.message)
    assert chunk_files(workspace / "cache") == before
    assert not (workspace / "out").exists()


@pytest.mark.parametrize("how", DAMAGES)
def test_a_second_store_gives_what_is_damaged_in_the_first(workspace: Workspace, how: str) -> None:
    change, _ = DAMAGES[how]
    damage_cache(workspace, change)
    ended = workspace.do("extract", index="blob.caibx", target="out", stores=["cache", "store"])

    assert ended.summary == (0, "done"), ended.message
    assert (workspace / "out").read_bytes() == BLOB


def damage_cache(workspace: Workspace, how: Callable[[bytes], bytes]) -> bytes:
    """Make a blob and a copy of its store as a cache, damage a chunk there; return its ID."""
    index = workspace.make("blob", BLOB)
    workspace.do("cache", indexes=["blob.caibx"], stores=["store"], cache="cache")
    chunk_id = index.id(len(index) // 2)
    path = chunk_file(workspace / "cache", chunk_id)
    path.chmod(0o644)
    overwrite(path, how(path.read_bytes()))
    return chunk_id


def test_an_empty_chunk_file_is_no_chunk_to_those_who_add(workspace: Workspace) -> None:
    damage(workspace, lambda _: b"")
    made = workspace.do("make", index="blob.caibx", blob="blob", store="store", chunk_size=SMALL)
    verified = workspace.do("verify", store="store")

    assert (made.summary, made.statistics["chunks_stored"]) == ((0, "done"), 1)
    assert verified.summary == (0, "done")
    assert workspace.index("blob.caibx").blob_size == len(BLOB)


def test_every_damaged_chunk_is_listed(workspace: Workspace) -> None:
    index = workspace.make("blob", BLOB)
    ids = sorted(set(ids_of(index)))[:12]
    for chunk_id in ids:
        overwrite(chunk_file(workspace / "store", chunk_id), b"damage")
    ended = workspace.do("verify", How(workers=4), store="store")
    listed = ended.statistics["damaged"]

    assert ended.summary == (4, "failed")
    assert sorted(listed) == [chunk_id.hex() for chunk_id in ids]
    assert len(ended.warnings) == 12
    assert ended.message == (
        "store store: 12 chunks are damaged; repair removes them: "
        f"{', '.join(listed[:5])} and 7 more"
    )


@pytest.mark.parametrize(
    ("put", "code", "message"),
    [
        (Path.mkdir, 4, "store store: chunk ID is invalid: it is not a regular file"),
        (os.mkfifo, 4, "store store: chunk ID is invalid: it is not a regular file"),
        (
            lambda path: path.symlink_to("nowhere"),
            5,
            "chunk ID is missing from store",
        ),
        (
            lambda path: path.symlink_to(path.name),
            1,
            "store store: cannot read PATH: Too many levels of symbolic links",
        ),
    ],
    ids=["directory", "named pipe", "link to nothing", "link in a circle"],
)
def test_what_is_no_file_at_a_chunks_place_is_no_chunk(
    workspace: Workspace, put: Callable[[Path], None], code: int, message: str
) -> None:
    chunk_id = workspace.make("blob", BLOB).id(0)
    path = chunk_file(workspace / "store", chunk_id)
    path.unlink()
    put(path)
    ended = workspace.do("extract", target="out", **FROM_STORE)

    assert ended.summary == (code, "failed")
    assert ended.message == message.replace("ID", chunk_id.hex()).replace("PATH", str(path))
    assert not (workspace / "out").exists()
