import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import pytest

from desync_jobs.core.chunk import ChunkID
from desync_jobs.stores import open as opening
from desync_jobs.stores.base import ChunkStore, Fetched
from desync_jobs.testing.faulty import FaultyStore
from tests.operations.seeded import NEW
from tests.workspace import Workspace


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


@pytest.fixture
def cache_home(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder of its own, for this process and for programs that take its environment."""
    home = tmp_path_factory.mktemp("cache-home")
    monkeypatch.setenv("XDG_CACHE_HOME", str(home))
    return home
