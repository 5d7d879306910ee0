"""An extraction that is killed at any counted moment goes on, and hardly fetches anything twice.

RESUME_KILLS sets at how many moments each mode is killed, 3 unless said.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest

from tests.faults.chunkfiles import scratch_folder
from tests.faults.crashing import KILLED, Attempt, Crashing
from tests.workspace import Workspace

KILLS = int(os.environ.get("RESUME_KILLS", "3"))
MODES = {"staged": (), "in place": ("-k",)}
MOST_AGAIN = 1.05
"""Of what one run fetches, all runs together. A kill costs at most a batch a thread."""

NOISE = Random(5).randbytes(40 << 20)
BLOB = NOISE[: 20 << 20] + bytes(5 << 20) + NOISE[20 << 20 :] + NOISE[3 << 20 : 5 << 20]
HIDDEN = ("copy", ".copy.desync-run.tmp", ".copy.desync-run.journal")


@pytest.fixture(scope="module")
def area() -> Iterator[Path]:
    """A folder in memory with a blob, its index and its store."""
    with TemporaryDirectory(dir=scratch_folder()) as folder:
        workspace = Workspace(Path(folder))
        workspace.places["store"] = {"compression": "none"}
        workspace.make("blob", BLOB, chunk_size="1KiB:4KiB:16KiB")
        yield workspace.path


@pytest.fixture(scope="module")
def crashing(area: Path, environment: Mapping[str, str]) -> Crashing:
    return Crashing(area, environment)


@pytest.fixture
def arguments(area: Path, request: pytest.FixtureRequest) -> tuple[str, ...]:
    for name in HIDDEN:
        (area / name).unlink(missing_ok=True)
    return ("extract", *MODES[request.param], "-n", "2", "-s", "store", "blob.caibx", "copy")


def seeded(count: int, moments: int) -> list[int]:
    """`count` moments of `moments`, spread over all of them."""
    random = Random(count)
    return [int((number + random.random()) / count * moments) + 1 for number in range(count)]


def assert_whole(area: Path, attempts: list[Attempt], once: int) -> None:
    assert [attempt.code for attempt in attempts] == [KILLED] * (len(attempts) - 1) + [0]
    assert "".join(attempt.said for attempt in attempts) == ""
    assert (area / "copy").read_bytes() == BLOB
    assert [name for name in HIDDEN if (area / name).exists()] == ["copy"]
    assert sum(attempt.fetched for attempt in attempts) <= once * MOST_AGAIN


@pytest.mark.parametrize("arguments", MODES, indirect=True)
def test_a_killed_extraction_goes_on_where_it_was(
    area: Path, crashing: Crashing, arguments: tuple[str, ...]
) -> None:
    clean = crashing(*arguments)
    assert_whole(area, [clean], clean.fetched)
    for moment in seeded(KILLS, clean.moments):
        (area / "copy").unlink(missing_ok=True)
        attempts = [crashing(*arguments, kill_at=moment)]
        while attempts[-1].code == KILLED:
            attempts.append(crashing(*arguments))

        assert_whole(area, attempts, clean.fetched)


@pytest.mark.parametrize("arguments", MODES, indirect=True)
def test_an_extraction_killed_again_and_again_ends_right(
    area: Path, crashing: Crashing, arguments: tuple[str, ...]
) -> None:
    clean = crashing(*arguments)
    (area / "copy").unlink()
    attempts = [crashing(*arguments, kill_at=clean.moments // 4) for _ in range(3)]
    attempts.append(crashing(*arguments))

    assert_whole(area, attempts, clean.fetched)
