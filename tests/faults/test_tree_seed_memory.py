"""A seed of many files and of large ones takes no more memory than others.

SEED_FILES sets how many files it has.
"""

import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

from tests.faults.chunkfiles import scratch_folder
from tests.faults.measuring import Measure
from tests.workspace import Workspace

PEAK: Final = 150_000_000
FILES: Final = int(os.environ.get("SEED_FILES", "8000"))
IN_A_FOLDER: Final = 500
HOLE: Final = 400 << 20


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    """A seed `old`, and `new.caidx`, the index of a tree with a few of its files."""
    with tempfile.TemporaryDirectory(dir=scratch_folder()) as path:
        workspace = Workspace(Path(path))
        for tree, files in (("old", FILES), ("new", 1_000)):
            for number in range(files // IN_A_FOLDER):
                folder = workspace / tree / f"{number % 30}" / f"folder-{number}"
                folder.mkdir(parents=True)
                for name in range(IN_A_FOLDER):
                    (folder / f"a-file-called-{name}").write_text(f"{number} {name} " * 9)
                    os.utime(folder / f"a-file-called-{name}", ns=(1, 1))
            with (workspace / tree / "hole").open("wb") as file:
                file.truncate(HOLE)
        workspace.do("tar", directory="new", index="new.caidx", store="store")
        yield workspace


def test_memory_is_bounded_whatever_a_seed_has(
    workspace: Workspace, environment: Mapping[str, str]
) -> None:
    measure = Measure(workspace.path, environment)
    took = measure("untar", "-q", "-s", "store", "--seed", "old", "new.caidx", "out")

    assert took.code == 0, took.said
    assert took.peak < PEAK
    assert (workspace / "out" / "hole").stat().st_blocks * 512 < HOLE // 50
