import gzip
import lzma
import tracemalloc

import pytest
import zstandard

from desync_jobs.codecs.form import Form
from desync_jobs.core.chunk import DigestAlgorithm
from desync_jobs.core.kernel import best
from desync_jobs.errors import ChunkInvalidError, ChunkMissingError, CodecError
from desync_jobs.stores.base import Chunk
from desync_jobs.stores.reader import RawChunk, Reader
from desync_jobs.testing.chunks import make_chunk

PLAIN = b"some data" * 100
CHUNK = make_chunk(PLAIN)


def answer(reader: Reader, *batch: RawChunk) -> list[Chunk | str]:
    """Return chunks as they are and errors as their reasons."""
    answers: list[Chunk | str] = []
    for one in reader.answers("origin", batch):
        assert isinstance(one, Chunk | ChunkInvalidError)
        answers.append(one if isinstance(one, Chunk) else one.reason)
    return answers


@pytest.mark.parametrize(
    ("form", "stored"),
    [
        (Form.ZSTD, zstandard.compress(PLAIN)),
        (Form.XZ, lzma.compress(PLAIN)),
        (Form.GZIP, gzip.compress(PLAIN, mtime=0)),
        (Form.PLAIN, PLAIN),
    ],
)
def test_a_chunk_has_its_plain_bytes_and_those_it_was_read_as(
    reader: Reader, form: Form, stored: bytes
) -> None:
    raw = RawChunk(CHUNK.id, form is not Form.PLAIN, stored)

    assert list(reader.answers("origin", [raw])) == [Chunk(CHUNK.id, PLAIN, stored, form)]


def test_damage_is_an_answer_for_its_chunk_alone(reader: Reader) -> None:
    good = RawChunk(CHUNK.id, compressed=False, data=PLAIN)
    good_zstd = RawChunk(CHUNK.id, compressed=True, data=zstandard.compress(PLAIN))
    other = b"other data"
    reasons = answer(
        reader,
        good,
        RawChunk(CHUNK.id, compressed=False, data=other),
        good_zstd,
        RawChunk(CHUNK.id, compressed=True, data=b"garbage"),
        RawChunk(CHUNK.id, compressed=True, data=b""),
        RawChunk(CHUNK.id, compressed=False, data=b""),
        RawChunk(CHUNK.id, compressed=True, data=lzma.compress(PLAIN) + b"!"),
        good,
    )

    assert reasons == [
        Chunk(CHUNK.id, PLAIN, PLAIN, Form.PLAIN),
        f"its content has the digest {DigestAlgorithm.SHA512_256.of(other).hex()}",
        Chunk(CHUNK.id, PLAIN, good_zstd.data, Form.ZSTD),
        "it is neither zstd nor xz nor gzip",
        "it is empty",
        "it is empty",
        "1 bytes follow the xz frame",
        Chunk(CHUNK.id, PLAIN, PLAIN, Form.PLAIN),
    ]


def test_an_undecodable_chunk_carries_the_decoder_s_error(reader: Reader) -> None:
    raw = RawChunk(CHUNK.id, compressed=True, data=zstandard.compress(PLAIN)[:-3])

    (invalid,) = reader.answers("origin", [raw])

    assert isinstance(invalid, ChunkInvalidError)
    assert isinstance(invalid.__cause__, CodecError)
    assert str(invalid).startswith(f"store origin: chunk {CHUNK.id.hex()} is invalid: the zstd")


def test_a_digest_that_does_not_fit_has_no_other_cause(reader: Reader) -> None:
    (invalid,) = reader.answers("origin", [RawChunk(CHUNK.id, compressed=False, data=b"x")])

    assert isinstance(invalid, ChunkInvalidError)
    assert invalid.__cause__ is None


def test_chunks_of_either_digest_are_told_by_trying_both(reader: Reader) -> None:
    chunks = [make_chunk(bytes([n]) * 9, list(DigestAlgorithm)[n % 2]) for n in range(10)]
    batch = [RawChunk(chunk.id, compressed=False, data=bytes(chunk.plain)) for chunk in chunks]

    assert [one.id for one in reader.answers("s", batch) if isinstance(one, Chunk)] == [
        chunk.id for chunk in chunks
    ]


def test_only_the_digest_of_the_index_is_taken_where_one_is_given() -> None:
    reader = Reader(best(), (DigestAlgorithm.SHA256,))

    (reason,) = answer(reader, RawChunk(CHUNK.id, compressed=False, data=PLAIN))

    assert reason == f"its content has the digest {DigestAlgorithm.SHA256.of(PLAIN).hex()}"


@pytest.mark.parametrize("form", [Form.ZSTD, Form.PLAIN])
def test_no_chunk_is_longer_than_the_limit(form: Form) -> None:
    reader = Reader(best(), limit=len(PLAIN) - 1)
    stored = PLAIN if form is Form.PLAIN else zstandard.compress(PLAIN)

    (reason,) = answer(reader, RawChunk(CHUNK.id, form is not Form.PLAIN, stored))

    assert reason == "it decodes to more than 899 bytes"


def test_stored_bytes_may_be_a_little_more_than_plain_ones_but_never_more_than_128_mib() -> None:
    assert Reader(best(), limit=64 << 10).stored_limit == (64 << 10) + (8 << 10) + (64 << 10)
    assert Reader(best()).stored_limit == 128 << 20


def test_what_was_not_read_is_answered_in_its_place(reader: Reader) -> None:
    missing = ChunkMissingError(bytes(32), "s")
    raw = RawChunk(CHUNK.id, compressed=False, data=PLAIN)

    assert list(reader.answers("s", [missing, raw, missing]))[::2] == [missing, missing]


def test_a_batch_of_bombs_is_never_decoded_all_at_once(reader: Reader) -> None:
    bomb = zstandard.compress(bytes(12 << 20))
    batch = [RawChunk(bytes([n]) * 32, compressed=True, data=bomb) for n in range(20)]
    tracemalloc.start()

    answers = list(reader.answers("s", batch))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert [type(answer) for answer in answers] == [ChunkInvalidError] * 20
    assert peak < 64 << 20
