"""What a mount needs of the machine, and what it tells a service manager."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from desync_jobs.errors import EXIT_FAILED, EXIT_MISSING, EXIT_USAGE, MountError
from desync_jobs.mount import library
from desync_jobs.mount.library import load_fuse
from tests.conftest import Run
from tests.filesystems.mounting import mounted
from tests.mounts.conftest import BLOB
from tests.mounts.mounting import own_mount, require_fuse, unmount
from tests.workspace import Workspace

MOUNT = ("mount-index", "disk.img.caibx", "mnt", "-s", "store")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (MOUNT, EXIT_FAILED, "mnt is not a directory; make it, or correct mountpoint"),
        (
            (MOUNT[0], "none.caibx", *MOUNT[2:]),
            EXIT_MISSING,
            "none.caibx: index does not exist",
        ),
        (MOUNT[:3], EXIT_USAGE, "no store given: write -s PLACE or --store-file FILE"),
        (
            (*MOUNT, "--store-file", "f"),
            EXIT_USAGE,
            "--store-file has stores and cache; leave out -s and -c",
        ),
        (
            (*MOUNT, "--cor-init-n", "3"),
            EXIT_USAGE,
            "--cor-state-save, --cor-state-init and --cor-init-n need --cor-file",
        ),
    ],
)
def test_what_is_missing_is_told_with_what_to_do(
    image: Workspace, desync_run: Run, arguments: tuple[str, ...], code: int, message: str
) -> None:
    result = desync_run(*arguments)

    assert result.returncode == code
    assert message in result.stderr.decode()
    assert sorted(os.listdir(image.path)) == ["disk.img.caibx", "store"]


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ("no-such-library", "needs libfuse 3: apt-get install fuse3"),
        ("libc.so.6", "needs libfuse 3: apt-get install fuse3"),
        ("libfuse.so.2", "needs libfuse 3"),
    ],
)
def test_a_missing_or_older_library_is_one_error_with_the_command_that_installs_it(
    image: Workspace, desync_run: Run, named: str, message: str
) -> None:
    (image / "mnt").mkdir()
    result = desync_run(*MOUNT, FUSE_LIBRARY_PATH=named)

    assert result.returncode == EXIT_FAILED
    assert message in result.stderr.decode()
    assert "Traceback" not in result.stderr.decode()


@pytest.mark.parametrize("hidden", ["--cor-file", "--cor-state-save"])
def test_a_copy_that_would_be_hidden_is_refused(
    image: Workspace, desync_run: Run, hidden: str
) -> None:
    (image / "mnt").mkdir()
    result = desync_run(*MOUNT, "--cor-file", "copy", hidden, "mnt/copy")

    assert result.returncode == EXIT_USAGE
    assert "mnt/copy is in" in result.stderr.decode()
    assert "name a file elsewhere" in result.stderr.decode()
    assert os.listdir(image / "mnt") == []


def test_a_machine_without_fuse_is_one_error(monkeypatch: pytest.MonkeyPatch) -> None:
    require_fuse()
    monkeypatch.setattr(library, "_DEVICE", "/dev/no-fuse")
    with pytest.raises(MountError, match="needs FUSE, and there is no /dev/no-fuse: modprobe fuse"):
        load_fuse("mounting")


def test_a_file_system_of_ext4_in_a_mounted_image_works(workspace: Workspace) -> None:
    require_fuse()
    content = os.urandom(300_000)
    with mounted("ext4", workspace / "made", 8) as made:
        (made / "file").write_bytes(content)
        (made / "folder").mkdir()
        (made / "folder" / "link").symlink_to("../file")
    workspace.make("made.img")
    with own_mount("mount-index", "made.img.caibx", "mnt", "-s", "store", directory=workspace.path):
        inside = workspace / "inside"
        inside.mkdir()
        image = workspace / "mnt" / "made.img"
        subprocess.run(["mount", "-o", "loop,ro,noload", image, inside], check=True)
        try:
            assert (inside / "file").read_bytes() == content
            assert (inside / "folder" / "link").read_bytes() == content
        finally:
            subprocess.run(["umount", inside], check=True)
        unmount(workspace.path)


def test_a_service_manager_is_told_when_it_is_mounted_and_when_it_ends(image: Workspace) -> None:
    name = f"@desync-run-{os.getpid()}"  # an abstract socket; one with a path is a unit's test
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(name.replace("@", "\0", 1))
        manager.settimeout(20)
        with own_mount(*MOUNT, directory=image.path, environment={"NOTIFY_SOCKET": name}) as mount:
            assert manager.recv(100) == b"READY=1"
            assert (image / "mnt" / "disk.img").read_bytes() == BLOB
            assert mount.stop() == 0
            assert manager.recv(100) == b"STOPPING=1"


def test_a_library_that_is_used_from_python_keeps_its_directory(image: Workspace) -> None:
    require_fuse()
    (image / "mnt").mkdir()
    program = """
import os, subprocess, sys
import desync_jobs
from desync_jobs.api import Settings
from desync_jobs.manifest.load import job_from_document
from desync_jobs.report.events import Mounted

class Seen:
    def emit(self, event):
        if isinstance(event, Mounted):
            print(os.getcwd() == sys.argv[1])
            subprocess.run(["umount", "mnt"], check=True)
    def close(self):
        pass

show = {"kind": "mount-index", "index": "disk.img.caibx", "mountpoint": "mnt", "stores": ["s"]}
document = {"version": 1, "stores": {"s": {"url": "store"}}, "operations": {"show": show}}
print(desync_jobs.run(job_from_document(document, sys.argv[1], "job"), Settings(Seen())).exit_code)
"""
    result = subprocess.run(
        [sys.executable, "-c", program, image.path],
        cwd=image.path,
        env={**os.environ, "PYTHONPATH": os.getcwd()},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (result.stdout, result.stderr) == ("True\n0\n", "")
    assert Path(image / "mnt").is_dir()
