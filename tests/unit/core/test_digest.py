import hashlib
import random
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from desync_jobs.core.chunk import BytesLike, DigestAlgorithm
from desync_jobs.core.chunker import cuts
from desync_jobs.core.digest import digest_many
from desync_jobs.core.kernel import Kernel
from desync_jobs.core.sizes import DEFAULT_SIZES, CutMode
from tests.vectors.inputs import ctr, gold
from tests.vectors.kernels import require_kernel

EDGE_LENGTHS = (0, 1, 55, 56, 63, 64, 111, 112, 127, 128, 129, 239, 240, 255, 256, 257, 367, 368)


def sha512_256(piece: bytes) -> bytes:
    return hashlib.new("sha512_256", piece).digest()


def test_digests_are_those_of_the_format(kernel: Kernel) -> None:
    pieces = [
        b"",
        b"foobar",
        b"some data",
        b"Chunk Content String 1",
        b"Chunk Content String 6",
        bytes(262144),
    ]

    assert [one.hex() for one in digest_many(kernel, DigestAlgorithm.SHA512_256, pieces)] == [
        "c672b8d1ef56ed28ab87c3622c5114069bdd3ad7b8f9737498d0c01ecef0967a",
        "d014c752bc2be868e16330f47e0c316a5967bcbc9c286a457761d7055b9214ce",
        "760ba4275e849e0777507db58f0d74fc05b30e10ccc27a99d50465f5b6639026",
        "3bc8e3230df5515b1b40e938e49ebc765c6157d4cf4e2b9d5f9c272571365395",
        "65a128d0658c4cf0941771c7090fea6d9c6f981810659c24c91ba23edd71574b",
        "1c8109946feed9f9e9fe4b5144d90f05a50fb3275e848cb72f4b9546d8c533f2",
    ]


def test_sha256_is_the_other_algorithm(kernel: Kernel) -> None:
    digests = digest_many(kernel, DigestAlgorithm.SHA256, [b"foobar", bytes(262144)])

    assert [one.hex() for one in digests] == [
        "c3ab8ff13720e8ad9047dd39466b3c8974e592c2fa383d4a3960714caef0c4f2",
        "8a39d2abd3999ab73c34db2476849cddf303ce389b35826850f9a700589b4a90",
    ]


@pytest.mark.parametrize("length", EDGE_LENGTHS)
def test_lengths_at_the_edges_of_blocks_are_padded_right(kernel: Kernel, length: int) -> None:
    pieces = [ctr(length, bytes([number])) for number in range(9)]

    assert kernel.sha512_256(pieces) == b"".join(map(sha512_256, pieces))


@pytest.mark.parametrize("count", range(41))
def test_any_number_of_pieces_of_any_length_is_digested_in_order(
    kernel: Kernel, count: int
) -> None:
    chance = random.Random(count)
    pieces = [chance.randbytes(chance.choice((*EDGE_LENGTHS, 5000, 20000))) for _ in range(count)]

    assert kernel.sha512_256(pieces) == b"".join(map(sha512_256, pieces))


@pytest.mark.parametrize("count", [63, 64, 65, 128, 200])
def test_pieces_beyond_one_batch_are_digested(kernel: Kernel, count: int) -> None:
    pieces = [ctr(number * 3, b"many") for number in range(count)]

    assert kernel.sha512_256(pieces) == b"".join(map(sha512_256, pieces))


@pytest.mark.parametrize(
    "lengths",
    [
        [1 << 20],
        [1 << 20, 1 << 20],
        [1 << 20, 1 << 20, 5, 7],
        [5, 1 << 20, *([1000] * 60)],
        [1 << 18] * 8 + [1 << 20],
        [1 << (4 + number) for number in range(16)],
    ],
)
def test_very_different_lengths_are_digested(kernel: Kernel, lengths: list[int]) -> None:
    pieces = [ctr(length) for length in lengths]

    assert kernel.sha512_256(pieces) == b"".join(map(sha512_256, pieces))


def test_bytes_like_pieces_are_digested_by_their_bytes(kernel: Kernel) -> None:
    data = ctr(4096)
    words = np.frombuffer(data, np.uint64)
    pieces: list[BytesLike] = [
        data,
        bytearray(data),
        memoryview(data),
        memoryview(b"x" + data)[1:],
        words.data,
        memoryview(b""),
        bytearray(),
        b"",
    ]

    assert kernel.sha512_256(pieces) == sha512_256(data) * 5 + sha512_256(b"") * 3


def test_no_pieces_have_no_digests(kernel: Kernel) -> None:
    assert digest_many(kernel, DigestAlgorithm.SHA512_256, []) == []


@pytest.mark.parametrize("algorithm", DigestAlgorithm)
def test_chunks_of_a_stream_digest_to_their_content(
    kernel: Kernel, algorithm: DigestAlgorithm
) -> None:
    data = gold(8 << 20)
    ends = cuts(data, DEFAULT_SIZES, CutMode.CASYNC, kernel)
    pieces = [data[start:end] for start, end in zip([0, *ends], ends, strict=False)]

    assert digest_many(kernel, algorithm, pieces) == [algorithm.of(piece) for piece in pieces]


def test_threads_do_not_disturb_each_other(kernel: Kernel) -> None:
    batches = [[ctr(n * 17, bytes([batch])) for n in range(30)] for batch in range(20)]
    with ThreadPoolExecutor(7) as pool:
        found = list(pool.map(kernel.sha512_256, batches))

    assert found == [b"".join(map(sha512_256, batch)) for batch in batches]


def test_a_piece_that_is_text_is_refused(kernel: Kernel) -> None:
    with pytest.raises(TypeError):
        kernel.sha512_256([b"", "text"] * 8)  # type: ignore[list-item] # the point of the test


def test_the_lanes_take_no_more_than_a_batch() -> None:
    require_kernel("native")
    from desync_jobs.core import _kernel

    if not _kernel.LANES:
        pytest.skip("this processor has no AVX-512")
    with pytest.raises(ValueError, match="65 messages are more than 64"):
        _kernel.sha512_256([b""] * 65)
    with pytest.raises(TypeError):
        _kernel.sha512_256(5)  # type: ignore[arg-type] # the point of the test
