"""Cuts are those of the real casync, for sizes of every kind."""

import random
import struct
import subprocess
from pathlib import Path

import pytest

from desync_jobs.core.chunker import cuts
from desync_jobs.core.kernel import best
from desync_jobs.core.sizes import ChunkSizes, CutMode
from desync_jobs.testing.programs import require_program

MIB = 1 << 20


def chance_sizes(seed: int) -> ChunkSizes:
    """Choose sizes whose average is 64 bytes to 64 KiB, evenly over their magnitude."""
    chance = random.Random(seed)
    average = int(64 * 2 ** chance.uniform(0, 10))
    minimum = int(average / 2 ** chance.uniform(0, 5))
    return ChunkSizes(max(1, minimum), average, int(average * 2 ** chance.uniform(0, 4)))


def blob(size: int) -> bytes:
    """Random bytes with zeros and repetitions among them."""
    chance = random.Random(size)
    part = chance.randbytes(size // 8)
    return b"".join([part, bytes(size // 4), part, chance.randbytes(size // 2 + size % 8)])


def ends_of_casync(data: bytes, sizes: ChunkSizes, folder: Path) -> list[int]:
    (folder / "blob").write_bytes(data)
    options = ["--store=store.castr", f"--chunk-size={sizes}"]
    subprocess.run(
        [require_program("casync"), "make", *options, "index.caibx", "blob"],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    index = (folder / "index.caibx").read_bytes()
    assert struct.unpack_from("<3Q", index, 24) == (sizes.minimum, sizes.average, sizes.maximum)
    return [end for end, _ in struct.iter_unpack("<Q32s", index[64:-40])]


@pytest.mark.parametrize("seed", range(12))
def test_casync_cuts_at_the_same_ends_for_random_sizes(tmp_path: Path, seed: int) -> None:
    sizes = chance_sizes(seed)
    data = blob(min(200 * sizes.average, 2 * MIB))

    assert cuts(data, sizes, CutMode.CASYNC, best()) == ends_of_casync(data, sizes, tmp_path)


@pytest.mark.parametrize(
    ("sizes", "size"),
    [
        (ChunkSizes(1, 1, 1), 100),
        (ChunkSizes(1, 1, 48), 5000),
        (ChunkSizes(1, 1, 1000), 5000),
        (ChunkSizes(10, 100, 400), 50000),
        (ChunkSizes(47, 60, 61), 10000),
        (ChunkSizes(48, 48, 49), 10000),
        (ChunkSizes(49, 49, 500), 10000),
        (ChunkSizes(16, 16, 16), 1000),
        (ChunkSizes(4096, 4096, 4096), 100000),
        (ChunkSizes(100, 3000, 3000), 200000),
        (ChunkSizes(1, 30000, 30000), 1000000),
        (ChunkSizes(262144, 1 << 20, 4 << 20), 20 * MIB),
    ],
    ids=str,
)
def test_casync_cuts_at_the_same_ends_for_unusual_sizes(
    tmp_path: Path, sizes: ChunkSizes, size: int
) -> None:
    data = blob(size)

    assert cuts(data, sizes, CutMode.CASYNC, best()) == ends_of_casync(data, sizes, tmp_path)


@pytest.mark.parametrize(
    "sizes",
    [
        ChunkSizes(100, 8 * MIB, 9 * MIB),
        ChunkSizes(100, 9400000, 10 * MIB),
        ChunkSizes(100, 16 * MIB, 20 * MIB),
        ChunkSizes(3 * MIB, 9309388, 16 * MIB),
    ],
    ids=str,
)
def test_casync_cuts_at_the_same_ends_where_the_formula_breaks_down(
    tmp_path: Path, sizes: ChunkSizes
) -> None:
    data = random.Random(1).randbytes(64 * MIB)
    ends = cuts(data, sizes, CutMode.CASYNC, best())

    assert any(
        end - start != sizes.maximum for start, end in zip([0, *ends], ends[:-1], strict=True)
    )
    assert ends == ends_of_casync(data, sizes, tmp_path)
