import hashlib
import random
import struct
import subprocess
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desync_jobs.core.chunk import DigestAlgorithm
from desync_jobs.core.sizes import DEFAULT_SIZES, ChunkSizes
from desync_jobs.errors import IndexFormatError
from desync_jobs.formats.index import Index, parse_index, serialize_index
from desync_jobs.formats.index_layout import index_header, index_rows, index_tail
from desync_jobs.testing.programs import require_program

STORES = Path(__file__).parents[2] / "vectors" / "stores"
CASYNC_FLAGS = 0xB000000000000000
NULL_ID = bytes.fromhex("1c8109946feed9f9e9fe4b5144d90f05a50fb3275e848cb72f4b9546d8c533f2")
LAST_ID = bytes.fromhex("4c2f82ddb5389f4cccd3e44d45d13d2fbcff8732aae271da9a0cc996afa5353e")
# What casync writes for a million zero bytes, field by field.
ZEROS = b"".join(
    [
        bytes.fromhex("3000000000000000f99f127b9c4d829600000000000000b0"),
        bytes.fromhex("004000000000000000000100000000000000040000000000"),
        bytes.fromhex("ffffffffffffffff7d41172f119e5be7"),
        bytes.fromhex("0000040000000000") + NULL_ID,
        bytes.fromhex("0000080000000000") + NULL_ID,
        bytes.fromhex("00000c0000000000") + NULL_ID,
        bytes.fromhex("40420f0000000000") + LAST_ID,
        bytes.fromhex("00000000000000000000000000000000"),
        bytes.fromhex("3000000000000000d800000000000000d1ec49550e054f4b"),
    ]
)


def with_number(offset: int, value: int) -> bytes:
    """Return ZEROS with another 64-bit number at `offset`."""
    return ZEROS[:offset] + struct.pack("<Q", value) + ZEROS[offset + 8 :]


def made(ends: list[int], sizes: ChunkSizes = DEFAULT_SIZES) -> Index:
    ids = np.frombuffer(random.Random(1).randbytes(32 * len(ends)), np.uint8)
    return Index(CASYNC_FLAGS, sizes, np.array(ends, np.uint64), ids.reshape(-1, 32))


def test_an_index_is_read_as_casync_wrote_it() -> None:
    index = parse_index(ZEROS, "zeros.caibx")

    assert hashlib.sha256(ZEROS).hexdigest() == (
        "534a35d0af94059b9bbb605b37b9604237da5c7216ca4e74a5228bf9ae01fe8d"
    )
    assert index.flags == CASYNC_FLAGS
    assert index.algorithm is DigestAlgorithm.SHA512_256
    assert index.sizes == ChunkSizes(16384, 65536, 262144)
    assert len(index) == 4
    assert index.ends.tolist() == [262144, 524288, 786432, 1000000]
    assert index.starts().tolist() == [0, 262144, 524288, 786432]
    assert index.lengths().tolist() == [262144, 262144, 262144, 213568]
    assert [index.id(position) for position in range(4)] == [NULL_ID] * 3 + [LAST_ID]
    assert (index.start(0), index.end(0), index.length(0)) == (0, 262144, 262144)
    assert (index.start(3), index.end(3), index.length(3)) == (786432, 1000000, 213568)
    assert index.blob_size == 1000000
    assert index.largest == 262144


def test_an_index_of_older_desync_differs_in_its_flags_alone() -> None:
    index = parse_index(with_number(16, 0xA000000000000000), "zeros.caibx")

    assert hashlib.sha256(serialize_index(index)).hexdigest() == (
        "c7e0420801beaa807015000271142b3c9818185d8c9cce9aa13bd0433eba2f28"
    )


def test_the_digest_is_a_property_of_the_index() -> None:
    index = parse_index(with_number(16, 0x9000000000000000), "sha256.caibx")

    assert index.algorithm is DigestAlgorithm.SHA256


def test_the_arrays_of_an_index_are_views_of_its_bytes() -> None:
    index = parse_index(ZEROS, "zeros.caibx")
    shared = np.frombuffer(ZEROS, np.uint8)

    assert np.shares_memory(index.ends, shared)
    assert np.shares_memory(index.ids, shared)
    assert not index.ids.flags.writeable


@pytest.mark.parametrize("name", ["text-200k.caibx", "text-200k.desync.caibx"])
def test_indexes_of_both_programs_are_written_as_they_were_read(name: str) -> None:
    data = (STORES / name).read_bytes()

    index = parse_index(data, name)

    assert serialize_index(index) == data
    assert len(index) == 30
    assert index.blob_size == 200000
    assert index.sizes == ChunkSizes(2048, 8192, 32768)


def test_an_index_made_by_casync_now_is_written_as_it_was_read(tmp_path: Path) -> None:
    casync = require_program("casync")
    blob = tmp_path / "blob"
    blob.write_bytes(random.Random(5).randbytes(1 << 20))
    made_by_casync = tmp_path / "blob.caibx"
    subprocess.run(
        [casync, "make", f"--store={tmp_path}/s.castr", "--digest=sha256", made_by_casync, blob],
        check=True,
        capture_output=True,
    )
    data = made_by_casync.read_bytes()

    index = parse_index(data, "blob.caibx")

    assert serialize_index(index) == data
    assert index.blob_size == 1 << 20
    assert index.algorithm is DigestAlgorithm.SHA256
    assert index.id(0) == hashlib.sha256(blob.read_bytes()[: index.end(0)]).digest()


def test_an_empty_blob_has_an_index_of_104_bytes() -> None:
    data = index_header(CASYNC_FLAGS, DEFAULT_SIZES) + index_tail(0)

    index = parse_index(data, "empty.caibx")

    assert len(data) == 104
    assert (len(index), index.blob_size, index.largest) == (0, 0, 0)
    assert index.starts().tolist() == index.lengths().tolist() == []
    assert serialize_index(index) == data


def test_chunks_below_the_minimum_are_accepted_wherever_they_are() -> None:
    index = made([1, 2, 262146, 262147])

    assert parse_index(serialize_index(index), "short.caibx").lengths().tolist() == [
        1,
        1,
        262144,
        1,
    ]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (with_number(0, 47), "the index size at byte 0 is 0x2f, not 0x30"),
        (with_number(8, 1), "the index type at byte 8 is 0x1, not 0x96824d9c7b129ff9"),
        (with_number(16, 1 << 40), "feature flags 0x10000000000 have unknown bits 0x10000000000"),
        (with_number(16, 3), "not in normal form: USER_IDS_32BIT excludes USER_IDS_16BIT, at byte"),
        (with_number(24, 0), "chunk sizes 0:65536:262144 are not 1 <= min"),
        (with_number(24, 65537), "chunk sizes 65537:65536:262144 are not 1 <= min <= avg <= max"),
        (with_number(32, 262145), "chunk sizes 16384:262145:262144 are not 1 <= min <= avg <= max"),
        (with_number(40, (128 << 20) + 1), "chunk sizes 16384:65536:134217729 are not 1 <="),
        (with_number(40, 1 << 62), "chunk sizes 16384:65536:4611686018427387904 are not 1 <="),
        (with_number(48, 216), "the index table size at byte 48 is 0xd8, not 0xffffffffffffffff"),
        (with_number(56, 0), "the index table type at byte 56 is 0x0, not 0xe75b9e112f17417d"),
        (with_number(64, 0), "chunk 0 at byte 64 ends at 0, not after its start 0"),
        (
            with_number(104, 262144),
            "chunk 1 at byte 104 ends at 262144, not after its start 262144",
        ),
        (with_number(104, 10), "chunk 1 at byte 104 ends at 10, not after its start 262144"),
        (with_number(104, 0), "chunk 1 at byte 104 ends at 0, not after its start 262144"),
        (
            with_number(64, 262145),
            "chunk 0 at byte 64 has 262145 bytes, more than the index's maximum of 262144",
        ),
        (
            with_number(184, (1 << 64) - 1),
            "chunk 3 at byte 184 has 18446744073708765183 bytes, more than the index's maximum",
        ),
        (
            with_number(224, 5),
            "the tail after 4 chunks, at byte 224, has 0x5 as its first zero, not 0x0",
        ),
        (
            with_number(232, 5),
            "the tail after 4 chunks, at byte 224, has 0x5 as its second zero, not 0x0",
        ),
        (
            with_number(240, 0),
            "the tail after 4 chunks, at byte 224, has 0x0 as its index offset, not 0x30",
        ),
        (
            with_number(248, 176),
            "the tail after 4 chunks, at byte 224, has 0xb0 as its table size, not 0xd8",
        ),
        (
            with_number(256, 0),
            "the tail after 4 chunks, at byte 224, has 0x0 as its marker, not 0x4b4f050e5549ecd1",
        ),
        (ZEROS + b"!", "1 bytes follow the tail, at byte 264"),
        (ZEROS + ZEROS, "264 bytes follow the tail, at byte 264"),
        (ZEROS + bytes(40), "40 bytes follow the tail, at byte 264"),
        (ZEROS[:-40], "no tail after chunk 3 at byte 224; the index is truncated"),
        (b"", "an index has at least 104 bytes, this one 0; it is truncated or not an index"),
        (b"#!/bin/sh\n" * 20, "the index type at byte 8 is"),
    ],
)
def test_what_casync_refuses_is_refused_and_located(data: bytes, message: str) -> None:
    with pytest.raises(IndexFormatError) as caught:
        parse_index(data, "bad.caibx")

    assert str(caught.value).startswith("bad.caibx: ")
    assert message in str(caught.value)


def test_casync_refuses_the_same_indexes(tmp_path: Path) -> None:
    casync = require_program("casync")
    # A store that has the chunks of ZEROS, so that only the index can be at fault.
    blob = tmp_path / "zeros"
    blob.write_bytes(bytes(1000000))
    store = f"--store={tmp_path}/s.castr"
    index = tmp_path / "x.caibx"
    subprocess.run([casync, "make", store, index, blob], check=True, capture_output=True)
    good = index.read_bytes()
    answers = {}
    for name, data in {
        "good": good,
        "zero-size": with_number(104, 262144),
        "trailing": good + b"!",
        "offset": with_number(240, 0),
        "table size": with_number(248, 176),
        "header size": with_number(0, 47),
        "maximum": with_number(40, 1 << 62),
    }.items():
        index.write_bytes(data)
        done = subprocess.run(
            [casync, "extract", store, index, tmp_path / "out"], capture_output=True, check=False
        )
        answers[name] = done.returncode == 0

    assert good == ZEROS
    assert answers == {name: name == "good" for name in answers}


def test_an_index_cut_short_anywhere_is_refused() -> None:
    for length in range(len(ZEROS)):
        with pytest.raises(IndexFormatError, match="truncated"):
            parse_index(ZEROS[:length], "cut.caibx")


@pytest.mark.parametrize("position", [0, 1, 32766, 32767, 32768, 40000, 69999])
@pytest.mark.parametrize("length", [0, 101, 1 << 63])
def test_a_bad_row_is_found_in_every_block(position: int, length: int) -> None:
    lengths = np.full(70000, 100, np.uint64)
    lengths[position] = length
    ends = np.cumsum(lengths)
    ids = np.zeros((70000, 32), np.uint8)
    data = (
        index_header(CASYNC_FLAGS, ChunkSizes(1, 10, 100))
        + index_rows(ends, ids)
        + index_tail(70000)
    )

    with pytest.raises(IndexFormatError, match=f"chunk {position} at byte {64 + 40 * position} "):
        parse_index(data, "row.caibx")


def test_ends_that_wrap_round_are_refused() -> None:
    # From 2^64 - 10 to 10 the difference, taken without sign, is an innocent 20.
    data = serialize_index(made([100, (1 << 64) - 10, 10], ChunkSizes(1, 10, 100)))

    with pytest.raises(
        IndexFormatError, match=r"chunk 1 at byte 104 has 1844674407370955\d+ bytes"
    ):
        parse_index(data, "wrap.caibx")


def test_checking_a_large_index_takes_little_memory() -> None:
    count = 500_000
    ends = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(50)
    ids = np.zeros((count, 32), np.uint8)
    data = (
        index_header(CASYNC_FLAGS, ChunkSizes(1, 10, 100))
        + index_rows(ends, ids)
        + index_tail(count)
    )
    tracemalloc.start()

    index = parse_index(data, "large.caibx")
    longest = index.largest
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert (len(index), longest) == (count, 50)
    assert peak < 2 << 20


@given(st.lists(st.integers(1, 1000), max_size=50), st.integers(1, 1000))
def test_rows_written_in_parts_are_the_index(lengths: list[int], part: int) -> None:
    index = made(np.cumsum(lengths, dtype=np.uint64).tolist(), ChunkSizes(1, 500, 1000))
    rows = b"".join(
        index_rows(index.ends[at : at + part], index.ids[at : at + part])
        for at in range(0, len(index), part)
    )
    data = index_header(index.flags, index.sizes) + rows + index_tail(len(index))

    again = parse_index(data, "parts.caibx")

    assert serialize_index(index) == data
    assert again.lengths().tolist() == lengths
    assert again.ids.tobytes() == index.ids.tobytes()


@given(st.data())
def test_a_changed_byte_is_refused_or_read_as_written(data: st.DataObject) -> None:
    damaged = bytearray(ZEROS)
    damaged[data.draw(st.integers(0, len(ZEROS) - 1))] = data.draw(st.integers(0, 255))
    try:
        index = parse_index(damaged, "damaged.caibx")
    except IndexFormatError:
        return

    assert serialize_index(index) == damaged
