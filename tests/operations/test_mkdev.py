"""A blob as a block device: refused where the kernel has none, attached and detached elsewhere.

The kernel's part is played by a program in the place of `nbd-client`: it reads the device over the
socket that it is given, as the kernel would.
"""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from desync_jobs.assembly.cancel import Cancel
from desync_jobs.errors import ServerError
from desync_jobs.execute.nbd_device import attach_command, detach_command, device_facts
from desync_jobs.manifest.operations.mkdev import MkdevSpec
from desync_jobs.planner.facts import IndexFacts, StoreFacts
from desync_jobs.planner.nbd import NbdDetail, NbdFacts
from desync_jobs.planner.operations.mkdev import DeviceFacts, MkdevFacts, plan_mkdev
from desync_jobs.report.events import Attached, Event
from desync_jobs.testing.programs import require_program
from tests.blobs import blob
from tests.servers.own import nbd_server
from tests.stopping import Stopper
from tests.workspace import How, Workspace

DATA = blob("first")
GOOD = DeviceFacts(supported=True, device="/dev/nbd0", known=True, free=True, client=True)


def _sysfs(directory: Path, *names: str, busy: tuple[str, ...] = ()) -> str:
    for name in names:
        (directory / "block" / name).mkdir(parents=True)
    for name in busy:
        (directory / "block" / name / "pid").write_text("1\n")
    return str(directory)


def test_a_kernel_without_devices_is_seen(tmp_path: Path) -> None:
    assert not device_facts(None, str(tmp_path)).supported
    assert not device_facts(None, _sysfs(tmp_path, "sda", "loop0")).supported


def test_the_first_free_device_is_taken(tmp_path: Path) -> None:
    found = device_facts(None, _sysfs(tmp_path, "nbd0", "nbd10", "nbd2", busy=("nbd0",)))

    assert (found.supported, found.device, found.known, found.free) == (
        True,
        "/dev/nbd2",
        True,
        True,
    )


def test_a_wanted_device_is_looked_at(tmp_path: Path) -> None:
    system = _sysfs(tmp_path, "nbd0", "nbd1", "sda", busy=("nbd0",))
    busy, free, other = (device_facts(f"/dev/{name}", system) for name in ("nbd0", "nbd1", "sda"))

    assert (busy.known, busy.free) == (True, False)
    assert (free.known, free.free) == (True, True)
    assert (other.known, other.free) == (False, False)


def test_the_command_line_is_that_of_nbd_client() -> None:
    assert attach_command("/dev/nbd0", "/run/x/socket", "disk.img") == [
        "nbd-client",
        "-name",
        "disk.img",
        "-readonly",
        "-block-size",
        "512",
        "-unix",
        "/run/x/socket",
        "/dev/nbd0",
    ]
    assert detach_command("/dev/nbd0") == ["nbd-client", "-d", "/dev/nbd0"]


@pytest.mark.parametrize(
    ("device", "why"),
    [
        (replace(GOOD, supported=False, device=None), "no network block devices: modprobe nbd"),
        (replace(GOOD, client=False), "apt-get install nbd-client"),
        (replace(GOOD, device=None), "every network block device is in use"),
        (replace(GOOD, device="/dev/sda", known=False), "/dev/sda is not a network block"),
        (replace(GOOD, free=False), "/dev/nbd0 is in use"),
    ],
)
def test_a_device_that_cannot_be_used_is_told(
    workspace: Workspace, device: DeviceFacts, why: str
) -> None:
    index = workspace.make("disk.img", DATA)
    spec = MkdevSpec(kind="mkdev", index="disk.img.caibx", stores=("store",))
    stores = (StoreFacts("store", "store", present=True),)
    blob_facts = NbdFacts(IndexFacts("disk.img.caibx", index, "0"), stores)

    with pytest.raises(ServerError, match=why):
        plan_mkdev(spec, MkdevFacts(blob_facts, device))
    good = plan_mkdev(spec, MkdevFacts(blob_facts, GOOD))
    assert isinstance(good.detail, NbdDetail)
    assert good.detail.device == "/dev/nbd0"


def test_without_such_a_kernel_the_command_says_so(workspace: Workspace) -> None:
    if device_facts(None).supported:
        pytest.skip("this kernel has network block devices")
    workspace.make("disk.img", DATA)
    command = [sys.executable, "-m", "desync_jobs", "mkdev", "-s", "store", "disk.img.caibx"]
    ended = subprocess.run(
        command,
        cwd=workspace.path,
        env={**os.environ, "PYTHONPATH": os.getcwd()},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ended.returncode == 1
    assert ended.stderr == (
        "desync-run: the kernel has no network block devices: modprobe nbd, or use the blob "
        "without a device, with nbd-server or mount-index\n"
    )


KERNEL = """#!{python}
import os, sys
sys.path.insert(0, {root!r})
from tests.servers import nbd
with open("{log}", "a") as log:
    print(*sys.argv[1:], file=log)
if "-d" not in sys.argv:
    with nbd.connected(sys.argv[-2]) as client:
        size = client.begin()
        with open("{copy}", "wb") as copy:
            copy.write(client.asked(nbd.READ, 0, size).data)
{ending}
"""


@pytest.fixture
def kernel(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program that plays nbd-client and the kernel; returns where it is."""
    monkeypatch.setattr("desync_jobs.execute.operations.mkdev.device_facts", lambda _: GOOD)
    programs = workspace / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    return programs / "nbd-client"


def _install(kernel: Path, ending: str = "") -> None:
    here = kernel.parent.parent
    names = {"python": sys.executable, "root": os.getcwd(), "ending": ending}
    kernel.write_text(KERNEL.format(log=here / "log", copy=here / "copy", **names))
    kernel.chmod(0o755)


def test_a_device_is_attached_until_the_run_is_stopped_and_then_detached(
    workspace: Workspace, kernel: Path
) -> None:
    workspace.make("disk.img", DATA)
    _install(kernel)
    cancel = Cancel()

    def at_attached(event: Event) -> bool:
        return isinstance(event, Attached)

    how = How(cancel=cancel, reporter=Stopper(cancel, at_attached))
    ended = workspace.do("mkdev", how, index="disk.img.caibx", stores=["store"])
    attached, detached = (workspace / "log").read_text().splitlines()
    socket = attached.split()[-2]

    assert ended.summary == (0, "done")
    assert ended.statistics["bytes"] == len(DATA)
    assert (workspace / "copy").read_bytes() == DATA
    assert attached.split() == attach_command("/dev/nbd0", socket, "disk.img")[1:]
    assert detached == "-d /dev/nbd0"
    assert not os.path.exists(os.path.dirname(socket))
    assert ended.warnings == [
        f"/dev/nbd0 has whole blocks of 512 bytes: it lacks the last {len(DATA) % 512} bytes"
    ]


def test_a_device_that_is_refused_is_an_error(workspace: Workspace, kernel: Path) -> None:
    workspace.make("disk.img", DATA)
    _install(kernel, "sys.exit('Operation not permitted')")
    ended = workspace.do("mkdev", index="disk.img.caibx", stores=["store"])

    assert ended.summary == (1, "failed")
    assert ended.message == "mkdev: nbd-client ended with code 1: Operation not permitted"


def test_the_real_nbd_client_takes_the_command_line(workspace: Workspace) -> None:
    program = require_program("nbd-client")
    workspace.make("disk.img", DATA)
    with nbd_server("-s", "store", "disk.img.caibx", directory=workspace.path):
        command = attach_command(str(workspace / "no-device"), str(workspace / "sock"), "disk.img")
        tried = subprocess.run(
            [program, *command[1:]], capture_output=True, text=True, timeout=20, check=False
        )

    assert tried.stdout.startswith("Negotiation: ..size = 0MB")
    assert tried.returncode != 0


def test_a_store_that_cannot_be_opened_is_an_error_before_anything_is_attached(
    workspace: Workspace, kernel: Path
) -> None:
    workspace.make("disk.img", DATA)
    workspace.places["store"] = {"encryption": {"key": {"env": "NO_SUCH_VARIABLE"}}}
    _install(kernel)
    ended = workspace.do("mkdev", index="disk.img.caibx", stores=["store"])

    assert ended.summary == (64, "failed")
    assert "NO_SUCH_VARIABLE" in ended.message
    assert not (workspace / "log").exists()
