import hashlib
import os
import struct
from pathlib import Path
from threading import Thread

import pytest

from desync_jobs.core.chunk import DigestAlgorithm
from desync_jobs.core.sizes import ChunkSizes, CutMode
from desync_jobs.errors import ManifestError
from desync_jobs.formats.flags import blob_flags
from tests.blobs import blob
from tests.vectors.inputs import ctr, gold
from tests.workspace import (
    SMALL,
    How,
    Workspace,
    chunk_file,
    chunk_files,
    ids_of,
    overwrite,
    stamp,
    stamps,
)

DEFAULT = ChunkSizes(16384, 65536, 262144)


def test_make_stores_each_distinct_chunk_once_and_counts_exactly(workspace: Workspace) -> None:
    (workspace / "blob").write_bytes(blob("first"))
    ended = workspace.do("make", blob="blob", index="blob.caibx", store="store", chunk_size=SMALL)
    index = workspace.index("blob.caibx")
    stored = chunk_files(workspace / "store")

    assert ended.summary == (0, "done")
    assert ended.statistics == {
        "bytes": len(blob("first")),
        "chunks": len(index),
        "chunks_stored": len(set(ids_of(index))),
        "bytes_stored": sum(map(len, stored.values())),
    }
    assert set(stored) == {f"{one.hex()[:4]}/{one.hex()}.cacnk" for one in ids_of(index)}
    assert len(set(ids_of(index))) < len(index)
    assert index.blob_size == len(blob("first"))


def test_a_second_run_writes_nothing(workspace: Workspace) -> None:
    workspace.make("blob", blob("first"))
    before = stamps(workspace.path)
    ended = workspace.do("make", blob="blob", index="blob.caibx", store="store", chunk_size=SMALL)

    assert ended.summary == (0, "unchanged")
    assert ended.only.reason == "the index is the blob's and the store has every chunk"
    assert stamps(workspace.path) == before


def test_what_a_finished_make_made_is_still_counted(workspace: Workspace) -> None:
    index = workspace.make("blob", blob("first"))
    ended = workspace.do("make", blob="blob", index="blob.caibx", store="store", chunk_size=SMALL)

    assert ended.statistics == {
        "bytes": len(blob("first")),
        "chunks": len(index),
        "chunks_stored": 0,
        "bytes_stored": 0,
    }


def test_chunks_that_the_store_has_are_not_stored_again(workspace: Workspace) -> None:
    first = workspace.make("first", blob("first"))
    before = stamps(workspace / "store")
    second = workspace.make("second", blob("second"))
    new = set(ids_of(second)) - set(ids_of(first))
    (workspace / "second.caibx").unlink()
    for chunk_id in new:
        chunk_file(workspace / "store", chunk_id).unlink()
    ended = workspace.do(
        "make", blob="second", index="second.caibx", store="store", chunk_size=SMALL
    )
    after = stamps(workspace / "store")

    assert ended.statistics["chunks_stored"] == len(new)
    assert {path: after[path] for path in before} == before
    assert len(after) == len(before) + len(new)


def test_a_chunk_that_the_store_lost_is_stored_again(workspace: Workspace) -> None:
    index = workspace.make("blob", blob("first"))
    lost = chunk_file(workspace / "store", index.id(3))
    lost.unlink()
    made = stamp(workspace / "blob.caibx")
    ended = workspace.do("make", blob="blob", index="blob.caibx", store="store", chunk_size=SMALL)

    assert ended.summary == (0, "done")
    assert ended.only.reason == "the store lacks 1 chunk of the index"
    assert ended.statistics["chunks_stored"] == 1
    assert ended.statistics["bytes_stored"] == lost.stat().st_size
    assert stamp(workspace / "blob.caibx") == made


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"digest": "sha256"}, "the index was made with other settings"),
        ({"cut": "desync-1.0"}, "the index was made with other settings"),
        ({"chunk_size": "8KiB:16KiB:32KiB"}, "the index was made with other settings"),
        ({"blob": "longer"}, "the blob has another size than its index says"),
        ({"blob": "other"}, "the blob is not what its index describes"),
    ],
)
def test_an_index_of_something_else_is_replaced(
    workspace: Workspace, settings: dict[str, str], reason: str
) -> None:
    workspace.make("blob", blob("first"))
    (workspace / "longer").write_bytes(blob("first") + b"!")
    (workspace / "other").write_bytes(b"!" + blob("first")[1:])
    fields = {"blob": "blob", "chunk_size": SMALL, **settings}
    ended = workspace.do("make", index="blob.caibx", store="store", **fields)
    replaced = (workspace / "blob.caibx").read_bytes()
    workspace.do("make", index="fresh.caibx", **fields)

    assert ended.summary == (0, "done")
    assert ended.only.reason == reason
    assert replaced == (workspace / "fresh.caibx").read_bytes()


@pytest.mark.parametrize("there", [b"", b"not an index", blob("first")[:5000]])
def test_what_is_no_index_is_replaced(workspace: Workspace, there: bytes) -> None:
    (workspace / "blob").write_bytes(blob("text"))
    (workspace / "blob.caibx").write_bytes(there)
    ended = workspace.do("make", blob="blob", index="blob.caibx")

    assert ended.summary == (0, "done")
    assert ended.only.reason == "what is at the index's place is not a valid index"
    assert workspace.index("blob.caibx").blob_size == len(blob("text"))


def test_a_pipe_gives_the_index_and_the_chunks_of_a_file(workspace: Workspace) -> None:
    workspace.make("blob", blob("first"))
    ended = workspace.do(
        "make",
        How(given=blob("first")),
        blob="-",
        index="piped.caibx",
        store="piped",
        chunk_size=SMALL,
    )
    made = stamp(workspace / "piped.caibx")
    again = workspace.do(
        "make",
        How(given=blob("first")),
        blob="-",
        index="piped.caibx",
        store="piped",
        chunk_size=SMALL,
    )

    assert ended.summary == (0, "done")
    assert ended.statistics["bytes"] == len(blob("first"))
    assert (workspace / "piped.caibx").read_bytes() == (workspace / "blob.caibx").read_bytes()
    assert chunk_files(workspace / "piped") == chunk_files(workspace / "store")
    assert again.summary == (0, "unchanged")
    assert stamp(workspace / "piped.caibx") == made


def test_an_index_goes_to_standard_output_in_whole(workspace: Workspace) -> None:
    workspace.make("blob", blob("first"))
    ended = workspace.do("make", blob="blob", index="-", store="store", chunk_size=SMALL)

    assert ended.result.exit_code == 0
    assert ended.output == (workspace / "blob.caibx").read_bytes()


def test_an_index_goes_to_standard_output_only_when_it_is_complete(workspace: Workspace) -> None:
    (workspace / "blob").write_bytes(blob("first"))
    (workspace / "store").write_bytes(b"a file where a directory should be")
    ended = workspace.do("make", blob="blob", index="-", store="store")

    assert ended.summary == (1, "failed")
    assert ended.output == b""


@pytest.mark.parametrize("there", [b"", blob("text")])
def test_a_named_pipe_is_read_once_whatever_index_is_there(
    workspace: Workspace, there: bytes
) -> None:
    workspace.make("there", there)
    os.mkfifo(workspace / "fifo")
    feeder = Thread(target=(workspace / "fifo").write_bytes, args=[blob("first")])
    feeder.start()
    ended = workspace.do("make", blob="fifo", index="there.caibx", chunk_size=SMALL)
    feeder.join()
    workspace.make("blob", blob("first"))

    assert ended.summary == (0, "done")
    assert (workspace / "there.caibx").read_bytes() == (workspace / "blob.caibx").read_bytes()


def test_without_a_store_nothing_but_the_index_is_made(workspace: Workspace) -> None:
    (workspace / "blob").write_bytes(blob("first"))
    ended = workspace.do("make", blob="blob", index="blob.caibx")

    assert ended.statistics["chunks_stored"] == ended.statistics["bytes_stored"] == 0
    assert {path.name for path in workspace.path.iterdir()} == {"blob", "blob.caibx"}


def test_a_plain_store_holds_the_chunks_as_they_are(workspace: Workspace) -> None:
    workspace.places["plain"] = {"compression": "none"}
    index = workspace.make("blob", blob("first"), store="plain")
    stored = chunk_files(workspace / "plain")

    assert stored == {
        f"{index.id(at).hex()[:4]}/{index.id(at).hex()}": blob("first")[
            index.start(at) : index.end(at)
        ]
        for at in range(len(index))
    }


def test_a_higher_level_stores_fewer_bytes(workspace: Workspace) -> None:
    workspace.places["high"] = {"level": 19}
    workspace.make("blob", blob("text"), store="low")
    workspace.make("blob", store="high")
    low, high = (chunk_files(workspace / name) for name in ("low", "high"))

    assert set(low) == set(high)
    assert sum(map(len, high.values())) < sum(map(len, low.values()))


@pytest.mark.parametrize("digest", ["sha512-256", "sha256"])
@pytest.mark.parametrize("cut", ["casync", "desync-1.0"])
@pytest.mark.parametrize(
    "beginning",
    [
        pytest.param(struct.pack("<QQQ", 64, 0x1396FABCEA5BBB51, 0xB0000001FFEFFE26), id="catar"),
        pytest.param(struct.pack("<QQ", 0, 0x1396FABCEA5BBB51), id="element of no size"),
        pytest.param(struct.pack("<QQ", 1 << 62, 0x1396FABCEA5BBB51), id="enormous element"),
        pytest.param(struct.pack("<QQ", 48, 0x96824D9C7B129FF9), id="index"),
    ],
)
def test_what_a_blob_begins_with_does_not_matter(
    workspace: Workspace, digest: str, cut: str, beginning: bytes
) -> None:
    data = beginning + blob("text")
    index = workspace.make("blob", data, digest=digest, cut=cut)
    ended = workspace.do("extract", index="blob.caibx", target="copy", stores=["store"])

    assert index.flags == blob_flags(DigestAlgorithm(digest), CutMode(cut))
    assert ended.summary == (0, "done")
    assert (workspace / "copy").read_bytes() == data


def test_an_empty_blob_has_an_index_and_a_store_without_chunks(workspace: Workspace) -> None:
    index = workspace.make("blob", b"")

    assert (len(index), index.blob_size) == (0, 0)
    assert (workspace / "blob.caibx").stat().st_size == 104
    assert list((workspace / "store").iterdir()) == []


@pytest.mark.parametrize("size", [1, 16, 16383, DEFAULT.minimum])
def test_a_blob_no_longer_than_the_minimum_is_one_chunk(workspace: Workspace, size: int) -> None:
    (workspace / "blob").write_bytes(ctr(size))
    workspace.do("make", blob="blob", index="blob.caibx")
    index = workspace.index("blob.caibx")

    assert index.ends.tolist() == [size]
    assert index.id(0) == hashlib.new("sha512_256", ctr(size)).digest()


@pytest.mark.parametrize("size", [DEFAULT.minimum, DEFAULT.average, DEFAULT.maximum, 1 << 20])
def test_zeros_are_cut_at_the_maximum_only(workspace: Workspace, size: int) -> None:
    (workspace / "blob").write_bytes(bytes(size))
    workspace.do("make", blob="blob", index="blob.caibx")
    ends = workspace.index("blob.caibx").ends.tolist()

    assert ends == [*range(DEFAULT.maximum, size, DEFAULT.maximum), size]


NULLS = {
    "none": ctr(700_000),
    "leading": bytes(300_000) + ctr(400_000),
    "trailing": ctr(400_000) + bytes(300_000),
    "middle": ctr(200_000) + bytes(300_000) + ctr(200_000, b"x"),
    "spread": b"".join(ctr(70_000, bytes([part])) + bytes(70_000) for part in range(5)),
}


@pytest.mark.parametrize("nulls", NULLS)
def test_any_number_of_workers_gives_the_same(workspace: Workspace, nulls: str) -> None:
    (workspace / "blob").write_bytes(NULLS[nulls])
    made = []
    for workers in range(1, 11):
        name = f"{workers}.caibx"
        ended = workspace.do(
            "make", How(workers=workers), blob="blob", index=name, chunk_size=SMALL
        )
        assert ended.statistics["chunks"] == len(workspace.index(name))
        made.append((workspace / name).read_bytes())

    assert made == made[:1] * 10


def test_chunks_of_a_long_stream_are_stored_under_their_own_digests(workspace: Workspace) -> None:
    ended = workspace.do(
        "make", How(given=gold(8 << 20), workers=3), blob="-", index="blob.caibx", store="store"
    )
    ends = workspace.index("blob.caibx").ends.astype("<u8").tobytes()
    verified = workspace.do("verify", store="store")

    assert ended.statistics["chunks"] == 127
    assert hashlib.sha256(ends).hexdigest() == (
        "e6a8792936ff1d0a18397e6e9fb6d672af74d17bfe8babe7f8659c1c25794847"
    )
    assert verified.summary == (0, "done")
    assert verified.statistics["chunks"] == 127


def test_an_index_is_not_published_where_a_chunk_cannot_be_stored(workspace: Workspace) -> None:
    index = workspace.make("blob", blob("first"))
    old = workspace.make("other", blob("text"))
    blocked = workspace / "blocked" / index.id(40).hex()[:4]
    blocked.parent.mkdir()
    blocked.write_bytes(b"a file where a directory should be")
    fields = {"blob": "blob", "store": "blocked", "chunk_size": SMALL}
    fresh = workspace.do("make", index="new.caibx", **fields)
    over = workspace.do("make", index="other.caibx", **fields)

    assert (fresh.summary, over.summary) == ((1, "failed"), (1, "failed"))
    assert fresh.message.startswith(f"store blocked: cannot look for {blocked}/")
    assert not (workspace / "new.caibx").exists()
    assert ids_of(workspace.index("other.caibx")) == ids_of(old)
    assert not [path for path in workspace.path.iterdir() if path.name.endswith(".tmp")]


@pytest.mark.parametrize(
    ("made", "message"),
    [("nothing", "blob does not exist"), ("directory", "is a directory; a blob is a file or")],
)
def test_what_is_no_blob_is_refused(workspace: Workspace, made: str, message: str) -> None:
    if made == "directory":
        (workspace / "blob").mkdir()
    ended = workspace.do("make", blob="blob", index="blob.caibx", store="store")

    assert ended.summary == (1, "failed")
    assert message in ended.message
    assert not (workspace / "blob.caibx").exists()
    assert not (workspace / "store").exists()


def test_a_blob_is_never_replaced_by_its_index(workspace: Workspace) -> None:
    (workspace / "blob").write_bytes(blob("text"))
    (workspace / "link").symlink_to("blob")
    ended = workspace.do("make", blob="blob", index="link")

    assert ended.summary == (64, "failed")
    assert ended.message == (
        f"{workspace.path}/link is the same file as {workspace.path}/blob, which is read; "
        "name another"
    )
    assert (workspace / "blob").read_bytes() == blob("text")


def test_a_replaced_index_keeps_its_mode_and_its_link(workspace: Workspace) -> None:
    (workspace / "blob").write_bytes(blob("text"))
    (workspace / "real").write_bytes(b"old")
    (workspace / "real").chmod(0o640)
    (workspace / "link").symlink_to("real")
    workspace.do("make", blob="blob", index="link")

    assert Path(workspace / "link").is_symlink()
    assert (workspace / "real").stat().st_mode & 0o7777 == 0o640
    assert workspace.index("real").blob_size == len(blob("text"))


@pytest.mark.parametrize(
    "fields",
    [
        {"chunk_size": "0B:0B:0B"},
        {"chunk_size": "0B"},
        {"chunk_size": "64KiB:16KiB:256KiB"},
        {"chunk_size": "16KiB:64KiB:256MiB"},
        {"chunk_size": "-1"},
        {"chunk_size": "20B:30B:40B"},
        {"chunk_size": "16KiB:64KiB"},
        {"digest": "md5"},
        {"cut": "other"},
        {"store": "store", "stores": ["store"]},
    ],
)
def test_settings_that_nothing_can_be_cut_with_are_refused(
    workspace: Workspace, fields: dict[str, object]
) -> None:
    with pytest.raises(ManifestError):
        workspace.do("make", blob="blob", index="blob.caibx", **fields)


@pytest.mark.parametrize("workers", [0, -1, 257])
def test_a_number_of_workers_that_is_none_is_refused(workspace: Workspace, workers: int) -> None:
    with pytest.raises(ManifestError):
        workspace.do("make", How(workers=workers), blob="blob", index="blob.caibx")


def test_a_damaged_chunk_in_the_store_is_not_read_back(workspace: Workspace) -> None:
    index = workspace.make("blob", blob("first"))
    overwrite(chunk_file(workspace / "store", index.id(0)), b"damage")
    ended = workspace.do("make", blob="blob", index="blob.caibx", store="store", chunk_size=SMALL)

    assert ended.summary == (0, "unchanged")


def test_an_empty_chunk_file_is_filled(workspace: Workspace) -> None:
    index = workspace.make("blob", blob("first"))
    overwrite(chunk_file(workspace / "store", index.id(0)), b"")
    ended = workspace.do("make", blob="blob", index="blob.caibx", store="store", chunk_size=SMALL)

    assert ended.statistics["chunks_stored"] == 1
    assert workspace.do("verify", store="store").summary == (0, "done")
