"""Two processes race for a store whose server lets everybody overwrite, one by a slow way."""

import json
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from desync_jobs.errors import LockedError
from desync_jobs.stores.leases.ledgered import Clock, LedgeredLease
from desync_jobs.stores.leases.log import LedgerLog
from desync_jobs.stores.leases.role import Role
from desync_jobs.stores.policy.values import NeverStopped
from tests.blobs import blob
from tests.servers.rclone import running_rclone
from tests.servers.relay import Relay
from tests.servers.s3_places import ENVIRONMENT, open_remote


def test_a_writer_whose_lease_arrives_late_does_not_meet_the_collector_that_was_faster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "blob").write_bytes(blob("first"))
    with running_rclone(tmp_path / "served") as server:
        direct = server.place("chunks")
        port = urlsplit(server.url).port or 0
        relay = Relay(port)
        relay.hold(b"PUT /bucket/chunks/desync-run/leases/000000000001")
        job = {
            "version": 1,
            "lease_wait": "0s",
            "stores": {"far": {"url": direct.replace(str(port), str(relay.port))}},
            "operations": {
                "make": {"kind": "make", "blob": "blob", "index": "blob.caibx", "store": "far"}
            },
        }
        (tmp_path / "job.json").write_text(json.dumps(job))
        command = [sys.executable, "-m", "desync_jobs", "run", "job.json"]
        with subprocess.Popen(command, cwd=tmp_path, stderr=-1, text=True) as writer:
            assert relay.holding.wait(60)
            place = open_remote(direct)
            log = LedgerLog(place, NeverStopped())  # type: ignore[arg-type] # it creates
            collector = LedgeredLease("far", log, "prune of ci@host", Clock())
            collector.take(Role.COLLECTOR, 0, NeverStopped(), print)
            relay.release()
            _, complaint = writer.communicate(timeout=60)
        chunks = [one.name for one in place.entries("") if one.name.endswith(".cacnk")]
        collector.renew()
        collector.give_back()
        left = {one.name.split("/")[1] for one in place.entries("desync-run/")}
        relay.close()

    assert writer.returncode == LockedError("").exit_code == 7
    assert "store far is in use by prune of ci@host (collector)" in complaint
    assert chunks == []
    assert left == {"leases"}
