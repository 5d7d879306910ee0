import socket
from pathlib import Path

from desync_jobs.report.events import Listening, Mounted, Stopping, Warned
from desync_jobs.report.systemd import SystemdReporter


def test_a_manager_is_told_when_a_server_or_mount_is_ready_and_when_it_ends(tmp_path: Path) -> None:
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(10)
        reporter = SystemdReporter(path)
        reporter.emit(Warned("show", "not ready yet"))
        reporter.emit(Mounted("show", "/mnt"))
        reporter.emit(Listening("serve", ("http://a/",)))
        reporter.emit(Stopping("show"))
        reporter.close()

        assert [manager.recv(100) for _ in range(3)] == [b"READY=1", b"READY=1", b"STOPPING=1"]


def test_a_manager_that_is_gone_is_told_nothing(tmp_path: Path) -> None:
    SystemdReporter(str(tmp_path / "none")).emit(Mounted("show", "/mnt"))
