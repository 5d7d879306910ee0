"""An archive whose making ends early: the old file stays, or the new one is complete."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.faults.chunkfiles import index_ids, scratch_folder, temporary_files, valid_ids
from tests.filesystems.mounting import mounted
from tests.workspace import Workspace

Start = Callable[..., subprocess.Popen[bytes]]

OLD = b"what was here before"
ENDS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGKILL: -signal.SIGKILL}


@pytest.fixture(scope="module")
def tree() -> Iterator[Path]:
    """A hundred megabytes in memory, in a hundred files."""
    with TemporaryDirectory(dir=scratch_folder()) as folder:
        for number in range(100):
            (Path(folder) / f"{number:02}").write_bytes(os.urandom(1 << 20))
        yield Path(folder)


@pytest.mark.parametrize("number", ENDS)
@pytest.mark.parametrize("output", ["new.catar", "new.caidx"])
def test_an_archive_that_is_stopped_leaves_the_old_one(
    start: Start, tmp_path: Path, tree: Path, output: str, number: signal.Signals
) -> None:
    (tmp_path / output).write_bytes(OLD)
    store = ("-s", "store") if output == "new.caidx" else ()
    hidden = tmp_path / f".{output}.desync-run.tmp"
    with start("tar", "-q", *store, output, os.fspath(tree)) as running:
        deadline = time.monotonic() + 30
        while not hidden.exists() and time.monotonic() < deadline:
            time.sleep(0.001)
        running.send_signal(number)
        code = running.wait(30)

    assert code == ENDS[number]
    assert (tmp_path / output).read_bytes() == OLD
    assert hidden.exists() == (number is signal.SIGKILL)


@pytest.mark.parametrize("output", ["new.catar", "new.caidx"])
def test_an_archive_that_does_not_fit_leaves_the_old_one(
    tmp_path: Path, tree: Path, output: str
) -> None:
    with mounted("tmpfs", tmp_path / "disk", 8) as disk:
        workspace = Workspace(disk)
        (disk / output).write_bytes(OLD)
        key = "archive" if output == "new.catar" else "index"
        store = {"store": "store"} if key == "index" else {}
        ended = workspace.do("tar", directory=os.fspath(tree), **{key: output}, **store)

        assert ended.result.exit_code == 1
        assert "No space left on device" in ended.message
        assert (disk / output).read_bytes() == OLD
        assert temporary_files(disk) == []


def test_an_index_names_no_chunk_that_the_store_lacks(workspace: Workspace, tree: Path) -> None:
    ended = workspace.do("tar", directory=os.fspath(tree), index="new.caidx", store="store")

    assert ended.summary == (0, "done")
    assert set(index_ids(workspace / "new.caidx")) == set(valid_ids(workspace / "store"))


@pytest.mark.parametrize("number", ENDS)
def test_a_tree_that_is_stopped_while_it_is_unpacked_is_not_seen(
    start: Start, workspace: Workspace, number: signal.Signals
) -> None:
    (workspace / "tree").mkdir()
    for name in ("a", "b", "c"):
        (workspace / "tree" / name).write_bytes(os.urandom(2 << 20))
    workspace.do("tar", directory="tree", archive="tree.catar")
    (workspace / "new").mkdir()
    (workspace / "new" / "old").write_bytes(OLD)
    data = (workspace / "tree.catar").read_bytes()
    hidden = workspace / ".new.desync-run.tree"
    with start("untar", "-q", "--atomic", "-", "new") as running:
        assert running.stdin is not None
        running.stdin.write(data[:-100])
        running.stdin.flush()
        deadline = time.monotonic() + 60
        # It waits for the rest, which does not come.
        while not (hidden / "a").exists() and time.monotonic() < deadline:
            time.sleep(0.001)
        running.send_signal(number)
        code = running.wait(60)

    assert code == ENDS[number]
    assert os.listdir(workspace / "new") == ["old"]
    assert hidden.exists() == (number is signal.SIGKILL)
    assert workspace.do("untar", archive="tree.catar", target="new").summary == (0, "done")
    assert sorted(os.listdir(workspace / "new")) == ["a", "b", "c", "old"]
    assert not hidden.exists()
