import fcntl
import os
from pathlib import Path

import numpy as np
import pytest
import zstandard

from desync_jobs.core.chunk import CHUNK_SIZE_LIMIT
from desync_jobs.core.sizes import ChunkSizes
from desync_jobs.formats.index import Index, serialize_index
from desync_jobs.report.events import PhaseStarted
from tests.blobs import NAMES, blob
from tests.vectors.inputs import ctr
from tests.workspace import (
    Collector,
    How,
    Workspace,
    chunk_file,
    chunk_files,
    ids_of,
    overwrite,
    stamps,
)

FIRST = blob("first")


@pytest.fixture
def made(workspace: Workspace) -> Index:
    """The index of `blob`, which is FIRST, with its chunks in `store`."""
    return workspace.make("blob", FIRST)


def zeros_of(index: Index, data: bytes) -> list[int]:
    """Return the positions whose chunks are zeros only."""
    return [at for at in range(len(index)) if not any(data[index.start(at) : index.end(at)])]


def distinct(index: Index, positions: list[int]) -> dict[bytes, int]:
    """Return the distinct IDs at `positions`, each with its length."""
    return {index.id(at): index.length(at) for at in positions}


@pytest.mark.parametrize("name", [*NAMES, "first"])
@pytest.mark.parametrize("workers", [1, 5])
def test_a_new_target_is_the_blob(workspace: Workspace, name: str, workers: int) -> None:
    workspace.make("blob", blob(name))
    ended = workspace.do(
        "extract", How(workers=workers), index="blob.caibx", target="copy", stores=["store"]
    )

    assert ended.summary == (0, "done")
    assert (workspace / "copy").read_bytes() == blob(name)


def test_what_came_from_where_is_counted_exactly(workspace: Workspace, made: Index) -> None:
    zeros = zeros_of(made, FIRST)
    others = [at for at in range(len(made)) if at not in zeros]
    fetched = distinct(made, others)
    ended = workspace.do("extract", index="blob.caibx", target="copy", stores=["store"])
    files = [next((workspace / "store").glob(f"*/{one.hex()}.cacnk")) for one in fetched]
    stored = sum(file.stat().st_size for file in files)

    assert zeros
    assert len(fetched) < len(others)
    waited = ended.statistics["stores"]["store"].pop("seconds")
    assert 0 < waited < 60
    assert ended.statistics == {
        "bytes_total": len(FIRST),
        "chunks_total": len(made),
        "chunks_from_store": len(fetched),
        "chunks_in_place": 0,
        "chunks_from_seeds": len(made) - len(fetched),
        "bytes_from_store": sum(fetched.values()),
        "bytes_copied_from_seeds": sum(map(made.length, others)) - sum(fetched.values()),
        "bytes_cloned_from_seeds": 0,
        "seeds": 1,
        "block_size": (workspace / "copy").stat().st_blksize,
        "stores": {
            "store": {
                "chunks": len(fetched),
                "bytes": sum(fetched.values()),
                "stored_bytes": stored,
                "requests": len(fetched),
                "retries": 0,
                "chunks_added": 0,
                "stored_bytes_added": 0,
            }
        },
        "sources": {
            "target": {"chunks": 0, "bytes": 0},
            "in place": {"chunks": 0, "bytes": 0},
            "zeros": {"chunks": len(zeros), "bytes": sum(map(made.length, zeros))},
        },
    }


def test_another_file_is_replaced_and_its_mode_kept(workspace: Workspace, made: Index) -> None:
    del made
    (workspace / "copy").write_bytes(b"something else")
    (workspace / "copy").chmod(0o600)
    inode = (workspace / "copy").stat().st_ino
    ended = workspace.do("extract", index="blob.caibx", target="copy", stores=["store"])

    assert ended.summary == (0, "done")
    assert ended.only.reason == "the target is not what the index describes"
    assert (workspace / "copy").read_bytes() == FIRST
    assert (workspace / "copy").stat().st_mode & 0o7777 == 0o600
    assert (workspace / "copy").stat().st_ino != inode


def test_a_file_of_the_right_size_with_wrong_bytes_is_replaced(
    workspace: Workspace, made: Index
) -> None:
    del made
    (workspace / "copy").write_bytes(FIRST[:-1] + b"2")
    ended = workspace.do("extract", index="blob.caibx", target="copy", stores=["store"])

    assert ended.summary == (0, "done")
    assert (workspace / "copy").read_bytes() == FIRST


@pytest.mark.parametrize("in_place", [False, True])
def test_a_complete_target_is_left_alone_and_needs_no_chunk(
    workspace: Workspace, made: Index, in_place: bool
) -> None:
    workspace.do("extract", index="blob.caibx", target="copy", stores=["store"])
    (workspace / "empty").mkdir()
    before = stamps(workspace.path)
    ended = workspace.do(
        "extract", index="blob.caibx", target="copy", stores=["empty"], in_place=in_place
    )

    assert ended.summary == (0, "unchanged")
    assert stamps(workspace.path) == before
    assert ended.statistics["chunks_in_place"] == ended.statistics["chunks_total"] == len(made)
    assert ended.statistics["bytes_total"] == len(FIRST)
    assert ended.statistics["chunks_from_store"] == ended.statistics["chunks_from_seeds"] == 0


def damaged(data: bytes, index: Index, positions: list[int]) -> bytes:
    changed = bytearray(data)
    for at in positions:
        changed[index.start(at)] ^= 0xFF
    return bytes(changed)


@pytest.mark.parametrize("tail", [b"", b"more than there should be" * 5000])
def test_a_damaged_target_is_repaired_in_place(
    workspace: Workspace, made: Index, tail: bytes
) -> None:
    zero = zeros_of(made, FIRST)[1]
    # Two chunks that stand nowhere else, and a zero chunk.
    wrong = [30, 35, zero]
    (workspace / "copy").write_bytes(damaged(FIRST, made, wrong) + tail)
    inode = (workspace / "copy").stat().st_ino
    ended = workspace.do(
        "extract", index="blob.caibx", target="copy", stores=["store"], in_place=True
    )

    assert ended.summary == (0, "done")
    assert (workspace / "copy").read_bytes() == FIRST
    assert (workspace / "copy").stat().st_ino == inode
    assert ended.only.reason == f"{len(made) - 3} of {len(made)} chunks of the target are right"
    assert ended.statistics["chunks_in_place"] == len(made) - 3
    assert ended.statistics["chunks_from_store"] == 2
    assert ended.statistics["chunks_from_seeds"] == 1
    assert ended.statistics["bytes_from_store"] == made.length(30) + made.length(35)


@pytest.mark.parametrize("kept", [0, 1, 60_000, 300_000])
def test_a_short_target_is_completed_in_place(workspace: Workspace, made: Index, kept: int) -> None:
    (workspace / "copy").write_bytes(FIRST[:kept])
    ended = workspace.do(
        "extract", index="blob.caibx", target="copy", stores=["store"], in_place=True
    )
    whole = sum(made.end(at) <= kept for at in range(len(made)))

    assert ended.summary == (0, "done")
    assert (workspace / "copy").read_bytes() == FIRST
    assert ended.statistics["chunks_in_place"] == whole


def test_a_target_that_is_not_there_is_made_in_place(workspace: Workspace, made: Index) -> None:
    ended = workspace.do(
        "extract", index="blob.caibx", target="copy", stores=["store"], in_place=True
    )

    assert ended.summary == (0, "done")
    assert (workspace / "copy").read_bytes() == FIRST
    assert ended.statistics["chunks_in_place"] == 0
    assert ended.statistics["chunks_total"] == len(made)


def test_zero_chunks_replace_other_bytes_in_place(workspace: Workspace) -> None:
    data = blob("zero-heavy")
    workspace.make("blob", data)
    (workspace / "copy").write_bytes(b"\xff" * (len(data) + 12345))
    full = (workspace / "copy").stat().st_blocks
    ended = workspace.do(
        "extract", index="blob.caibx", target="copy", stores=["store"], in_place=True
    )

    assert ended.summary == (0, "done")
    assert (workspace / "copy").read_bytes() == data
    assert (workspace / "copy").stat().st_blocks < full // 4


def test_zero_chunks_of_a_new_file_are_holes_and_need_no_store(workspace: Workspace) -> None:
    data = blob("zero-heavy")
    index = workspace.make("blob", data)
    for at in zeros_of(index, data):
        chunk_file(workspace / "store", index.id(at)).unlink(missing_ok=True)
    ended = workspace.do("extract", index="blob.caibx", target="copy", stores=["store"])

    assert ended.summary == (0, "done")
    assert (workspace / "copy").read_bytes() == data
    assert (workspace / "copy").stat().st_blocks * 512 < len(data) // 4


def test_chunks_that_are_elsewhere_in_the_target_are_copied_from_there(
    workspace: Workspace, made: Index
) -> None:
    """The blob's first 150000 bytes come again at its end."""
    (workspace / "copy").write_bytes(FIRST[:470_000])
    (workspace / "some").mkdir()
    held = {made.id(at) for at in range(len(made)) if made.end(at) <= 470_000}
    absent = [at for at in range(len(made)) if made.end(at) > 470_000]
    repeats = [at for at in absent if made.id(at) in held]
    needed = [at for at in absent if made.id(at) not in held]
    for at in needed:
        source = chunk_file(workspace / "store", made.id(at))
        (workspace / "some" / source.parent.name).mkdir()
        (workspace / "some" / source.parent.name / source.name).write_bytes(source.read_bytes())
    ended = workspace.do(
        "extract", index="blob.caibx", target="copy", stores=["some"], in_place=True
    )

    assert len(repeats) > 10
    assert needed
    assert ended.summary == (0, "done")
    assert (workspace / "copy").read_bytes() == FIRST
    assert ended.statistics["chunks_from_store"] == len(needed)
    assert ended.statistics["chunks_from_seeds"] == len(repeats)
    assert ended.statistics["bytes_copied_from_seeds"] == sum(map(made.length, repeats))


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("there", [b"", b"x", FIRST])
def test_an_empty_index_leaves_an_empty_target(
    workspace: Workspace, in_place: bool, there: bytes
) -> None:
    workspace.make("blob", b"")
    (workspace / "copy").write_bytes(there)
    ended = workspace.do(
        "extract", index="blob.caibx", target="copy", stores=["store"], in_place=in_place
    )

    assert ended.summary == (0, "done" if there else "unchanged")
    assert (workspace / "copy").read_bytes() == b""


def test_an_index_of_nothing_needs_no_store(workspace: Workspace) -> None:
    workspace.make("blob", b"", store=None)
    ended = workspace.do(
        "extract", index="blob.caibx", target="copy", stores=["absent"], cache="absent-too"
    )

    assert ended.summary == (0, "done")
    assert (workspace / "copy").read_bytes() == b""


@pytest.mark.parametrize("grown", [1, -1])
def test_a_chunk_of_another_length_than_the_index_says_is_refused(
    workspace: Workspace, made: Index, grown: int
) -> None:
    ends = made.ends.copy()
    ends[10:] = (ends[10:].astype(np.int64) + grown).astype(np.uint64)
    lying = Index(made.flags, made.sizes, ends, made.ids)
    (workspace / "lying.caibx").write_bytes(serialize_index(lying))
    ended = workspace.do("extract", index="lying.caibx", target="copy", stores=["store"])

    assert ended.summary == (4, "failed")
    assert ended.message == (
        f"chunk {made.id(10).hex()} has {made.length(10)} bytes, "
        f"the index says {made.length(10) + grown}"
    )
    assert not (workspace / "copy").exists()


def split(workspace: Workspace, index: Index) -> None:
    """Move every other chunk of `store` to `far`."""
    for number, chunk_id in enumerate(sorted(set(ids_of(index)))):
        if number % 2:
            source = chunk_file(workspace / "store", chunk_id)
            target = chunk_file(workspace / "far", chunk_id)
            target.parent.mkdir(parents=True, exist_ok=True)
            source.rename(target)


def test_stores_are_asked_in_their_order(workspace: Workspace, made: Index) -> None:
    split(workspace, made)
    near = workspace.do("extract", index="blob.caibx", target="near", stores=["store"])
    both = workspace.do("extract", index="blob.caibx", target="both", stores=["store", "far"])
    turned = workspace.do("extract", index="blob.caibx", target="turned", stores=["far", "store"])

    assert near.summary == (5, "failed")
    assert near.message.endswith("is missing from store")
    assert not (workspace / "near").exists()
    assert (both.summary, turned.summary) == ((0, "done"), (0, "done"))
    assert (workspace / "both").read_bytes() == (workspace / "turned").read_bytes() == FIRST


def test_a_chunk_that_is_damaged_in_one_store_is_taken_from_the_next(
    workspace: Workspace, made: Index
) -> None:
    workspace.do("cache", indexes=["blob.caibx"], stores=["store"], cache="far")
    overwrite(chunk_file(workspace / "store", made.id(5)), b"damage")
    ended = workspace.do("extract", index="blob.caibx", target="copy", stores=["store", "far"])

    assert ended.summary == (0, "done")
    assert (workspace / "copy").read_bytes() == FIRST


@pytest.mark.parametrize("workers", [1, 3])
def test_a_cache_is_filled_and_serves_the_next_run(
    workspace: Workspace, made: Index, workers: int
) -> None:
    split(workspace, made)
    (workspace / "cache").mkdir()
    (workspace / "empty").mkdir()
    fields = {"index": "blob.caibx", "cache": "cache"}
    how = How(workers=workers)
    filled = workspace.do("extract", how, target="copy", stores=["store", "far"], **fields)
    kept = chunk_files(workspace / "cache")
    served = workspace.do("extract", how, target="again", stores=["empty"], **fields)
    wanted = distinct(made, [at for at in range(len(made)) if at not in zeros_of(made, FIRST)])

    assert filled.summary == (0, "done")
    assert set(kept) == {f"{one.hex()[:4]}/{one.hex()}.cacnk" for one in wanted}
    assert served.summary == (0, "done")
    assert (workspace / "again").read_bytes() == FIRST
    assert served.statistics["stores"]["empty"]["requests"] == 0
    assert chunk_files(workspace / "cache") == kept


def test_a_damaged_chunk_of_the_cache_is_fetched_again_and_replaced(
    workspace: Workspace, made: Index
) -> None:
    workspace.do("cache", indexes=["blob.caibx"], stores=["store"], cache="cache")
    broken = chunk_file(workspace / "cache", made.id(5))
    right = broken.read_bytes()
    overwrite(broken, b"damage")
    ended = workspace.do(
        "extract", index="blob.caibx", target="copy", stores=["store"], cache="cache"
    )

    assert ended.summary == (0, "done")
    assert (workspace / "copy").read_bytes() == FIRST
    assert broken.read_bytes() == right


def test_a_damaged_chunk_of_the_cache_is_an_error_without_repair(
    workspace: Workspace, made: Index
) -> None:
    workspace.do("cache", indexes=["blob.caibx"], stores=["store"], cache="cache")
    overwrite(chunk_file(workspace / "cache", made.id(5)), b"damage")
    ended = workspace.do(
        "extract",
        index="blob.caibx",
        target="copy",
        stores=["store"],
        cache="cache",
        cache_repair=False,
    )

    assert ended.summary == (4, "failed")
    assert ended.message == (
        f"store cache: chunk {made.id(5).hex()} is invalid: it is neither zstd nor xz nor gzip"
    )
    assert not (workspace / "copy").exists()
    assert chunk_file(workspace / "cache", made.id(5)).read_bytes() == b"damage"


@pytest.mark.parametrize("compression", ["zstd", "none"])
@pytest.mark.parametrize("there", [None, b"the old content"])
def test_a_stored_chunk_of_the_right_length_with_wrong_bytes_is_never_written(
    workspace: Workspace, compression: str, there: bytes | None
) -> None:
    workspace.places["store"] = {"compression": compression}
    index = workspace.make("blob", FIRST)
    suffix = ".cacnk" if compression == "zstd" else ""
    wrong = ctr(index.length(5), b"wrong")
    stored = zstandard.compress(wrong) if compression == "zstd" else wrong
    overwrite(chunk_file(workspace / "store", index.id(5), suffix), stored)
    if there is not None:
        (workspace / "copy").write_bytes(there)
    ended = workspace.do("extract", index="blob.caibx", target="copy", stores=["store"])

    assert ended.summary == (4, "failed")
    assert f"chunk {index.id(5).hex()} is invalid: its content has the digest" in ended.message
    assert (workspace / "copy").exists() is (there is not None)
    assert there is None or (workspace / "copy").read_bytes() == there
    assert not list(workspace.path.glob(".*"))


def test_a_stored_chunk_that_decodes_to_far_too_much_is_refused(
    workspace: Workspace, made: Index
) -> None:
    bomb = zstandard.compress(bytes(CHUNK_SIZE_LIMIT))
    overwrite(chunk_file(workspace / "store", made.id(5)), bomb)
    ended = workspace.do("extract", index="blob.caibx", target="copy", stores=["store"])

    assert ended.summary == (4, "failed")
    assert ended.message.endswith("it decodes to more than 32768 bytes")


def test_the_index_comes_from_standard_input(workspace: Workspace, made: Index) -> None:
    del made
    data = (workspace / "blob.caibx").read_bytes()
    ended = workspace.do("extract", How(given=data), index="-", target="copy", stores=["store"])

    assert ended.summary == (0, "done")
    assert (workspace / "copy").read_bytes() == FIRST


def test_an_index_that_is_missing_or_malformed_is_told_apart(workspace: Workspace) -> None:
    (workspace / "store").mkdir()
    (workspace / "broken.caibx").write_bytes(b"x" * 104)
    fields = {"target": "copy", "stores": ["store"]}
    missing = workspace.do("extract", index="missing.caibx", **fields)
    broken = workspace.do("extract", index="broken.caibx", **fields)
    empty = workspace.do("extract", How(given=b""), index="-", **fields)

    assert missing.summary == (5, "failed")
    assert missing.message == "missing.caibx: index does not exist"
    assert broken.summary == (4, "failed")
    assert broken.message.startswith(f"{workspace.path}/broken.caibx: ")
    assert empty.summary == (4, "failed")
    assert empty.message.startswith("standard input: ")


@pytest.mark.parametrize("maximum", [1 << 28, 1 << 34, 1 << 62, (1 << 64) - 1])
def test_an_index_that_claims_enormous_chunks_is_refused(
    workspace: Workspace, made: Index, maximum: int
) -> None:
    del made
    data = bytearray((workspace / "blob.caibx").read_bytes())
    data[40:48] = maximum.to_bytes(8, "little")
    (workspace / "hostile.caibx").write_bytes(data)
    ended = workspace.do("extract", index="hostile.caibx", target="copy", stores=["store"])

    assert ended.summary == (4, "failed")


def test_an_index_that_claims_an_enormous_blob_fails_before_anything_is_lost(
    workspace: Workspace, made: Index
) -> None:
    """Each chunk is possible by itself; what is written first has its digest checked."""
    count = 1000
    ends = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(CHUNK_SIZE_LIMIT)
    ids = np.repeat(made.ids[:1], count, axis=0)
    sizes = ChunkSizes(1, CHUNK_SIZE_LIMIT, CHUNK_SIZE_LIMIT)
    (workspace / "hostile.caibx").write_bytes(serialize_index(Index(made.flags, sizes, ends, ids)))
    (workspace / "copy").write_bytes(b"old")
    ended = workspace.do("extract", index="hostile.caibx", target="copy", stores=["store"])

    assert ended.summary == (4, "failed")
    assert (workspace / "copy").read_bytes() == b"old"


def test_chunks_of_the_other_digest_are_not_accepted(workspace: Workspace, made: Index) -> None:
    """The same IDs under the SHA-256 flag: the index says what digest they are."""
    flags = made.flags & ~0x2000000000000000
    other = Index(flags, made.sizes, made.ends, made.ids)
    (workspace / "other.caibx").write_bytes(serialize_index(other))
    ended = workspace.do("extract", index="other.caibx", target="copy", stores=["store"])

    assert ended.summary == (4, "failed")
    assert not (workspace / "copy").exists()


def test_ids_that_changed_places_are_noticed_by_their_lengths(
    workspace: Workspace, made: Index
) -> None:
    ids = made.ids.copy()
    ids[[20, 30]] = ids[[30, 20]]
    (workspace / "swapped.caibx").write_bytes(
        serialize_index(Index(made.flags, made.sizes, made.ends, ids))
    )
    ended = workspace.do("extract", index="swapped.caibx", target="copy", stores=["store"])

    assert made.length(20) != made.length(30)
    assert ended.summary == (4, "failed")
    assert "the index says" in ended.message
    assert not (workspace / "copy").exists()


def test_a_store_that_does_not_exist_is_named(workspace: Workspace, made: Index) -> None:
    del made
    ended = workspace.do("extract", index="blob.caibx", target="copy", stores=["store", "absent"])

    assert ended.summary == (1, "failed")
    assert ended.message == (
        f"store absent: {workspace.path}/absent is not a directory; correct its url or create it"
    )
    assert not (workspace / "copy").exists()


def test_the_target_of_a_link_is_replaced_and_the_link_kept(
    workspace: Workspace, made: Index
) -> None:
    del made
    (workspace / "real").write_bytes(b"old")
    (workspace / "link").symlink_to("real")
    ended = workspace.do("extract", index="blob.caibx", target="link", stores=["store"])

    assert ended.summary == (0, "done")
    assert (workspace / "link").is_symlink()
    assert (workspace / "real").read_bytes() == FIRST


@pytest.mark.parametrize("in_place", [False, True])
def test_a_target_that_is_no_file_is_refused(
    workspace: Workspace, made: Index, in_place: bool
) -> None:
    del made
    os.mkfifo(workspace / "fifo")
    (workspace / "folder").mkdir()
    fields = {"index": "blob.caibx", "stores": ["store"], "in_place": in_place}
    fifo = workspace.do("extract", target="fifo", **fields)
    folder = workspace.do("extract", target="folder", **fields)
    nowhere = workspace.do("extract", target="nowhere/copy", **fields)

    assert [one.summary for one in (fifo, folder, nowhere)] == [(1, "failed")] * 3
    assert fifo.message.endswith(
        "/fifo is no file or block device; `cat` writes to pipes and the like"
    )
    assert folder.message.endswith("/folder is a directory; name a file in it")
    assert nowhere.message.endswith(
        "/nowhere/copy: cannot be written: its folder does not exist; create it"
    )
    assert Path(workspace / "fifo").is_fifo()


def test_a_target_is_never_its_own_index(workspace: Workspace, made: Index) -> None:
    del made
    (workspace / "link").symlink_to("blob.caibx")
    index = (workspace / "blob.caibx").read_bytes()
    ended = workspace.do("extract", index="blob.caibx", target="link", stores=["store"])

    assert ended.summary == (64, "failed")
    assert (workspace / "blob.caibx").read_bytes() == index


def test_two_runs_cannot_write_one_target_in_place(workspace: Workspace, made: Index) -> None:
    del made
    (workspace / "copy").write_bytes(b"old")
    with (workspace / "copy").open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        ended = workspace.do(
            "extract", index="blob.caibx", target="copy", stores=["store"], in_place=True
        )

    assert ended.summary == (7, "failed")
    assert ended.message == (f"{workspace.path}/copy is locked: another run is writing this target")
    assert (workspace / "copy").read_bytes() == b"old"


def test_what_a_killed_run_left_beside_the_target_is_taken_over(
    workspace: Workspace, made: Index
) -> None:
    del made
    (workspace / ".copy.desync-run.tmp").write_bytes(b"left over" * 500_000)
    ended = workspace.do("extract", index="blob.caibx", target="copy", stores=["store"])

    assert ended.summary == (0, "done")
    assert (workspace / "copy").read_bytes() == FIRST
    assert not (workspace / ".copy.desync-run.tmp").exists()


def test_a_failed_repair_in_place_keeps_what_was_right(workspace: Workspace, made: Index) -> None:
    (workspace / "copy").write_bytes(damaged(FIRST, made, [30, 35]))
    broken = chunk_file(workspace / "store", made.id(35))
    kept = broken.read_bytes()
    overwrite(broken, b"damage")
    fields = {"index": "blob.caibx", "target": "copy", "stores": ["store"], "in_place": True}
    failed = workspace.do("extract", **fields)
    overwrite(broken, kept)
    ended = workspace.do("extract", **fields)

    assert failed.summary == (4, "failed")
    assert ended.summary == (0, "done")
    assert ended.statistics["chunks_in_place"] >= len(made) - 2
    assert (workspace / "copy").read_bytes() == FIRST


def test_an_older_release_is_updated_in_place(workspace: Workspace, made: Index) -> None:
    del made
    second = workspace.make("second", blob("second"))
    (workspace / "copy").write_bytes(FIRST)
    ended = workspace.do(
        "extract", index="second.caibx", target="copy", stores=["store"], in_place=True
    )
    data = blob("second")
    right = [
        FIRST[second.start(at) : second.end(at)] == data[second.start(at) : second.end(at)]
        for at in range(len(second))
    ]
    held = {second.id(at) for at in range(len(second)) if right[at]}
    new = distinct(second, [at for at in range(len(second)) if second.id(at) not in held])

    assert ended.summary == (0, "done")
    assert (workspace / "copy").read_bytes() == data
    assert ended.statistics["chunks_in_place"] == sum(right) > 0
    assert ended.statistics["chunks_from_store"] == len(new)


@pytest.mark.parametrize("others", [[], ["far"]])
def test_a_store_that_cannot_be_read_is_told_as_itself(
    workspace: Workspace, made: Index, others: list[str]
) -> None:
    """It is neither missing nor damaged, and no other store is asked in its place."""
    workspace.do("cache", indexes=["blob.caibx"], stores=["store"], cache="far")
    broken = workspace / "store" / made.id(30).hex()[:4]
    broken.rename(workspace / "away")
    broken.write_bytes(b"a file where a directory should be")
    ended = workspace.do("extract", index="blob.caibx", target="copy", stores=["store", *others])

    assert ended.summary == (1, "failed")
    assert ended.message == (
        f"store store: cannot read {chunk_file(workspace / 'store', made.id(30))}: Not a directory"
    )
    assert not (workspace / "copy").exists()


@pytest.mark.parametrize("verify", ["fetched", "written", "all"])
def test_what_is_read_back_is_as_much_as_was_asked_for(
    workspace: Workspace, made: Index, verify: str
) -> None:
    damaged = bytearray(FIRST)
    damaged[made.start(3)] ^= 1
    (workspace / "copy").write_bytes(damaged)
    fields: dict[str, object] = {
        "kind": "extract",
        "index": "blob.caibx",
        "target": "copy",
        "stores": ["store"],
    }
    collector = Collector()
    operation = {**fields, "in_place": True, "verify": verify}
    ended = workspace.run({"get": operation}, How(reporter=collector))
    phases = [event for event in collector.events if isinstance(event, PhaseStarted)]
    read = sum(phase.total for phase in phases if phase.phase == "verifying")

    assert (workspace / "copy").read_bytes() == FIRST
    assert ended.summary == (0, "done")
    if verify == "fetched":
        assert read == 0
    elif verify == "all":
        assert read == len(FIRST)
    else:
        assert made.length(3) <= read < len(FIRST) or len(made) <= 64
