import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from desync_jobs.errors import EXIT_LOCKED
from desync_jobs.formats.copied import parse_copied
from tests.filesystems.mounting import mounted
from tests.mounts.conftest import BLOB
from tests.mounts.mounting import own_mount, statistics, unmount
from tests.workspace import Workspace

MOUNT = ("mount-index", "disk.img.caibx", "mnt", "-s", "store", "--cor-file", "copy")


def asked(folder: Path) -> int:
    """Chunks that the store gave to the run that ended last."""
    given: int = statistics(folder)["stores"]["store"]["chunks"]
    return given


def named(state: Path) -> int:
    """Chunks that a state names."""
    found = parse_copied(state.read_bytes())
    assert found is not None
    return int(found.marks.sum())


def test_what_was_read_is_not_fetched_again_after_an_end_of_any_kind(image: Workspace) -> None:
    file = image / "mnt" / "disk.img"
    with own_mount(*MOUNT, directory=image.path) as mount:
        with file.open("rb") as reading:
            assert reading.read(700_000) == BLOB[:700_000]
        assert mount.stop(signal.SIGINT) == 0
    first = named(image / "copy.state")
    assert 0 < first <= asked(image.path)
    with own_mount(*MOUNT, directory=image.path) as mount:
        assert file.read_bytes() == BLOB
        unmount(image.path)  # which saves the state too
        assert mount.process.wait(20) == 0
    assert asked(image.path) == named(image / "copy.state") - first
    with own_mount(*MOUNT, directory=image.path) as mount:
        assert file.read_bytes() == BLOB
        assert mount.stop() == 0
    assert asked(image.path) == 0
    assert statistics(image.path)["copied_chunks"] == named(image / "copy.state")
    assert (image / "copy").read_bytes() == BLOB
    assert (image / "copy").stat().st_blocks * 512 < len(BLOB) - 800_000


def test_a_killed_run_leaves_a_state_and_the_next_fetches_nothing_that_it_names(
    image: Workspace,
) -> None:
    (image / "job.json").write_text(
        json.dumps(
            {
                "version": 1,
                "stores": {"store": {"url": "store"}},
                "operations": {
                    "show": {
                        "kind": "mount-index",
                        "index": "disk.img.caibx",
                        "mountpoint": "mnt",
                        "stores": ["store"],
                        "copy_on_read": {"file": "copy", "save_every": "100ms"},
                    }
                },
            }
        )
    )
    file = image / "mnt" / "disk.img"
    with own_mount("run", "job.json", directory=image.path) as mount:
        assert file.read_bytes() == BLOB
        needed = named_after(image / "copy.state", at_least=1)
        mount.process.kill()
        mount.process.wait()
        with own_mount("run", "job.json", directory=image.path) as again:
            assert file.read_bytes() == BLOB
            assert again.stop() == 0
    assert needed == named(image / "copy.state")
    assert asked(image.path) == 0


def named_after(state: Path, at_least: int) -> int:
    """Wait until a state names chunks and no more are added; return how many."""
    end = time.monotonic() + 20
    last = -1
    while time.monotonic() < end:
        now = named(state)
        if now >= at_least and now == last:
            return now
        last = now
        time.sleep(0.3)
    raise AssertionError(f"the state names {last} chunks")


def test_a_state_of_another_index_is_not_believed(image: Workspace) -> None:
    with own_mount(*MOUNT, directory=image.path) as mount:
        assert (image / "mnt" / "disk.img").read_bytes() == BLOB
        assert mount.stop() == 0
    other = bytes(len(BLOB) - 5) + b"other"
    image.make("disk.img", other, store="others")
    from_others = [*MOUNT[:4], "others", *MOUNT[5:]]
    with own_mount(*from_others, directory=image.path) as mount:
        assert (image / "mnt" / "disk.img").read_bytes() == other
        mount.said("copy was a copy of another index, and is begun anew")
        assert mount.stop() == 0
    assert (image / "copy").read_bytes() == other


def test_a_full_disk_below_the_copy_does_not_stop_anybody(image: Workspace) -> None:
    with mounted("tmpfs", image / "small", 1):
        copy = ("--cor-file", "small/copy", "--cor-state-save", "state")
        with own_mount(*MOUNT[:5], *copy, directory=image.path) as mount:
            assert (image / "mnt" / "disk.img").read_bytes() == BLOB
            mount.said("make room and run again; reading goes on without it")
            assert mount.stop() == 0
        assert named(image / "state") > 0
        with own_mount(*MOUNT[:5], *copy, directory=image.path) as mount:
            assert (image / "mnt" / "disk.img").read_bytes() == BLOB
            assert mount.stop() == 0


def test_what_another_run_read_is_fetched_beforehand_and_the_state_saved_at_sighup(
    image: Workspace,
) -> None:
    with own_mount(*MOUNT, directory=image.path) as mount:
        with (image / "mnt" / "disk.img").open("rb") as reading:
            reading.read(400_000)
        assert mount.stop() == 0
    listed = named(image / "copy.state")
    assert listed > 0
    # The state of a run is at once the list of the next one, which has lost its file.
    shutil.copy(image / "copy.state", image / "second.state")
    state = ("--cor-state-save", "second.state", "--cor-state-init", "second.state")
    again = (*MOUNT[:5], "--cor-file", "second", *state)
    with own_mount(*again, directory=image.path) as mount:
        end = time.monotonic() + 20
        while named(image / "second.state") < listed and time.monotonic() < end:
            mount.process.send_signal(signal.SIGHUP)
            time.sleep(0.1)
        assert named(image / "second.state") == listed
        (image / "store").unlink()
        with (image / "mnt" / "disk.img").open("rb", buffering=0) as reading:
            assert reading.read(100_000) == BLOB[:100_000]
        assert mount.stop() == 0


def test_one_file_is_the_copy_of_one_run_at_a_time(image: Workspace) -> None:
    with own_mount(*MOUNT, directory=image.path) as mount:
        (image / "second").mkdir()
        other = [*MOUNT]
        other[2] = "second"
        result = subprocess.run(
            [sys.executable, "-m", "desync_jobs", *other],
            cwd=image.path,
            env={**os.environ, "PYTHONPATH": os.getcwd()},
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == EXIT_LOCKED
        assert "copy is locked" in result.stderr
        assert mount.stop() == 0
