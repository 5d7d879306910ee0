"""Any blob, any state of a target, any range: what comes out is the blob."""

import hashlib
import itertools
import tempfile
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from desync_jobs.core.chunk import DigestAlgorithm
from desync_jobs.core.sizes import ChunkSizes, CutMode
from desync_jobs.formats.flags import blob_flags
from desync_jobs.formats.index import Index, serialize_index
from tests.vectors.inputs import ctr
from tests.workspace import How, Workspace, chunk_file

MAXIMUM = 300

# Few different chunks, so that they repeat; two are zeros, of which one is the longest possible.
CHUNKS = [
    *(ctr(length, bytes([length % 256])) for length in (1, 7, 64, 299, MAXIMUM)),
    bytes(40),
    bytes(MAXIMUM),
]
chunk_lists = st.lists(st.sampled_from(CHUNKS), max_size=30)
seldom = settings(max_examples=60, deadline=None)


def digest(chunk: bytes) -> bytes:
    return hashlib.new("sha512_256", chunk).digest()


def index_of(chunks: list[bytes]) -> Index:
    ends = np.array(list(itertools.accumulate(map(len, chunks))), np.uint64)
    ids = np.frombuffer(b"".join(map(digest, chunks)), np.uint8).reshape(-1, 32)
    flags = blob_flags(DigestAlgorithm.SHA512_256, CutMode.CASYNC)
    return Index(flags, ChunkSizes(1, 64, MAXIMUM), ends, ids)


def prepare(folder: str, chunks: list[bytes], stored: set[bytes]) -> Workspace:
    """Write the index of `chunks` and a plain store with only `stored` of them."""
    workspace = Workspace(Path(folder), {"store": {"compression": "none"}})
    (workspace / "store").mkdir()
    for chunk in stored:
        file = chunk_file(workspace / "store", digest(chunk), "")
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(chunk)
    (workspace / "blob.caibx").write_bytes(serialize_index(index_of(chunks)))
    return workspace


def no_need_to_store(chunks: list[bytes]) -> set[bytes]:
    """Return what is known to be zeros: chunks of the maximum, and a blob's shorter last one."""
    known = {bytes(MAXIMUM)}
    return known | {chunks[-1]} if chunks and not any(chunks[-1]) else known


@seldom
@given(
    chunks=chunk_lists,
    wrong=st.sets(st.integers(0, 29)),
    kept=st.none() | st.integers(0, 4000),
    tail=st.binary(max_size=5),
    workers=st.integers(1, 4),
)
def test_any_target_becomes_the_blob_in_place(
    chunks: list[bytes], wrong: set[int], kept: int | None, tail: bytes, workers: int
) -> None:
    """The store has nothing that is zeros or that the target has somewhere right."""
    pieces = [
        bytes(byte ^ 0x55 for byte in chunk) if at in wrong else chunk
        for at, chunk in enumerate(chunks)
    ]
    target = b"".join(pieces)[:kept] + tail
    ends = list(itertools.accumulate(map(len, chunks)))
    blob = b"".join(chunks)
    right = [
        target[end - len(chunk) : end] == chunk for end, chunk in zip(ends, chunks, strict=True)
    ]
    held = {chunk for chunk, is_right in zip(chunks, right, strict=True) if is_right}
    with tempfile.TemporaryDirectory() as folder:
        workspace = prepare(folder, chunks, set(chunks) - held - no_need_to_store(chunks))
        (workspace / "target").write_bytes(target)
        ended = workspace.do(
            "extract",
            How(workers=workers),
            index="blob.caibx",
            target="target",
            stores=["store"],
            in_place=True,
        )
        found = (workspace / "target").read_bytes()

    assert ended.result.exit_code == 0, ended.message
    assert found == blob
    assert ended.statistics["chunks_in_place"] == sum(right)


@seldom
@given(chunks=chunk_lists, workers=st.integers(1, 4))
def test_any_index_becomes_a_new_file(chunks: list[bytes], workers: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        workspace = prepare(folder, chunks, set(chunks) - no_need_to_store(chunks))
        ended = workspace.do(
            "extract",
            How(workers=workers),
            index="blob.caibx",
            target="target",
            stores=["store"],
        )
        found = (workspace / "target").read_bytes()
        verified = workspace.do("verify-index", index="blob.caibx", blob="target")

    assert ended.summary == (0, "done")
    assert found == b"".join(chunks)
    assert verified.summary == (0, "done")


@seldom
@given(chunks=chunk_lists.filter(bool), data=st.data())
def test_any_range_is_what_the_blob_has_there(chunks: list[bytes], data: st.DataObject) -> None:
    blob = b"".join(chunks)
    begin = data.draw(st.integers(0, len(blob)))
    end = data.draw(st.integers(begin, len(blob)))
    with tempfile.TemporaryDirectory() as folder:
        workspace = prepare(folder, chunks, set(chunks) - {bytes(MAXIMUM)})
        ended = workspace.do(
            "cat", index="blob.caibx", stores=["store"], offset=begin, length=end - begin
        )

    assert ended.result.exit_code == 0
    assert ended.output == blob[begin:end]


@seldom
@given(
    parts=st.lists(
        st.tuples(st.sampled_from(["random", "zeros", "again"]), st.integers(0, 3000)),
        max_size=6,
    ),
    sizes=st.sampled_from(["64B:256B:1KiB", "48B:48B:48B", "1B:64B:100B", "1KiB:2KiB:2KiB"]),
    cut=st.sampled_from(["casync", "desync-1.0"]),
    piped=st.booleans(),
    workers=st.integers(1, 4),
)
def test_any_blob_comes_back(
    parts: list[tuple[str, int]], sizes: str, cut: str, piped: bool, workers: int
) -> None:
    blob = b"".join(
        bytes(size) if kind == "zeros" else ctr(size, bytes([size % 256]) * (kind == "random"))
        for kind, size in parts
    )
    cut = "casync" if sizes.startswith("1B") else cut
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder))
        (workspace / "blob").write_bytes(blob)
        how = How(given=blob if piped else None, workers=workers)
        fields = {"chunk_size": sizes, "cut": cut, "store": "store", "index": "blob.caibx"}
        workspace.do("make", how, blob="-" if piped else "blob", **fields)
        again = workspace.do("make", blob="blob", **fields)
        ended = workspace.run(
            {
                "extract": {
                    "kind": "extract",
                    "index": "blob.caibx",
                    "target": "copy",
                    "stores": ["store"],
                },
                "check": {"kind": "verify-index", "index": "blob.caibx", "blob": "copy"},
                "verify": {"kind": "verify", "store": "store"},
            }
        )
        copy = (workspace / "copy").read_bytes()

    assert again.summary == (0, "unchanged")
    assert set(ended.statuses.values()) == {"done"}
    assert copy == blob
