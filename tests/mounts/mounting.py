"""This program as a file system, in a process of its own; root and FUSE are needed."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from desync_jobs.testing.programs import require_program
from tests.servers.own import OwnServer, own_server

_MOUNTED: Final = "mounted at "


def require_fuse() -> None:
    """Skip the test where nothing can be mounted through FUSE."""
    require_program("fusermount3")
    if os.geteuid() != 0:
        pytest.skip("mounting through FUSE needs root here")
    if not os.path.exists("/dev/fuse"):
        pytest.skip("there is no /dev/fuse here (modprobe fuse)")


@contextmanager
def own_mount(
    *arguments: str, directory: Path, environment: Mapping[str, str] | None = None
) -> Iterator[OwnServer]:
    """Run a command that mounts at `mnt` in `directory`, and wait until it has.

    Its events go to `events`. Whatever is left at the end is taken away.
    """
    require_fuse()
    (directory / "mnt").mkdir(exist_ok=True)
    told = ("--events", "events")
    try:
        with own_server(*arguments, *told, directory=directory, environment=environment) as mount:
            mount.said(_MOUNTED)
            yield mount
    finally:
        subprocess.run(["umount", "--lazy", directory / "mnt"], capture_output=True, check=False)


def unmount(directory: Path) -> None:
    """Unmount `mnt` as anybody would."""
    subprocess.run(["umount", directory / "mnt"], check=True)


def statistics(directory: Path) -> Mapping[str, Any]:
    """Return what the one operation counted, once it has ended."""
    for line in (directory / "events").read_text().splitlines():
        event: dict[str, Any] = json.loads(line)
        if event["event"] == "step-finished":
            found: Mapping[str, Any] = event["statistics"]
            return found
    raise AssertionError("no operation ended")


def is_mounted(directory: Path) -> bool:
    """Whether there is a file system at `mnt`, alive or dead."""
    place = f" {directory / 'mnt'} "
    return place in Path("/proc/mounts").read_text()


def waited_for(condition: Callable[[], bool]) -> None:
    """Return when `condition` is true; fail where that takes too long."""
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)
