import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from subprocess import CompletedProcess
from threading import Lock
from typing import TYPE_CHECKING, Any

import pytest

from desync_jobs.core.chunk import ChunkID
from desync_jobs.stores import open as opening
from desync_jobs.stores.base import ChunkStore, Fetched
from desync_jobs.testing.faulty import FaultyStore
from tests.conftest import command_line
from tests.operations.seeded import LONG_AGO, NEW, OLD
from tests.operations.versions import make_versions
from tests.workspace import Workspace

if TYPE_CHECKING:
    from distributed import LocalCluster


@pytest.fixture(scope="session")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The index of NEW, with its chunks in `store`; not to be written to."""
    workspace = Workspace(tmp_path_factory.mktemp("released"))
    workspace.make("new", NEW)
    (workspace / "new").unlink()
    return workspace.path


@pytest.fixture
def release(released: Path, workspace: Workspace) -> Workspace:
    """The index of NEW, whose chunks are in a store called `store`, and nothing else."""
    shutil.copy(released / "new.caibx", workspace.path)
    workspace.places["store"] = {"url": str(released / "store")}
    return workspace


@pytest.fixture
def automatic(release: Workspace) -> Workspace:
    """A seed called `old` without an index, last written to in 2017."""
    (release / "old").write_bytes(OLD)
    os.utime(release / "old", (LONG_AGO, LONG_AGO))
    release.seeds["old"] = {"blob": "old"}
    return release


@pytest.fixture
def folder(release: Workspace) -> Path:
    """An empty directory, declared as the seed `all`."""
    (release / "seeds").mkdir()
    release.seeds["all"] = {"directory": "seeds"}
    return release / "seeds"


@pytest.fixture
def versions(workspace: Workspace) -> Workspace:
    """Trees `old` and `new`, indexes of both, and a store with the chunks of `new` alone."""
    make_versions(workspace)
    return workspace


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Counter[ChunkID]:
    """How often stores were asked for each chunk."""
    counted: Counter[ChunkID] = Counter()
    lock = Lock()
    plainly = opening.open_store

    class Counting(FaultyStore):
        def fetch(self, ids: Sequence[ChunkID]) -> list[Fetched]:
            with lock:
                counted.update(ids)
            return super().fetch(ids)

    def open_store(*arguments: Any) -> ChunkStore:
        return Counting(plainly(*arguments))

    monkeypatch.setattr(opening, "open_store", open_store)
    return counted


@pytest.fixture(scope="module")
def cluster() -> Iterator["LocalCluster"]:
    """Three workers; only they have the key."""
    from tests.operations.clusters import three_workers

    with three_workers() as started:
        yield started


@pytest.fixture
def cache_home(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder of its own, for this process and for programs that take its environment."""
    home = tmp_path_factory.mktemp("cache-home")
    monkeypatch.setenv("XDG_CACHE_HOME", str(home))
    return home


@pytest.fixture
def run_limited(
    tmp_path: Path, environment: Mapping[str, str]
) -> Callable[..., CompletedProcess[bytes]]:
    """Run the program where it may have 48 files open, and no more if it asks for it."""

    def run(*arguments: str) -> CompletedProcess[bytes]:
        return subprocess.run(
            ["sh", "-c", 'ulimit -n 48; exec "$@"', "sh", *command_line(arguments)],
            capture_output=True,
            cwd=tmp_path,
            env=dict(environment),
            timeout=120,
            check=False,
        )

    return run
