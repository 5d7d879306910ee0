import re
from pathlib import Path
from threading import Thread

import pytest

from desync_jobs.errors import TargetError
from desync_jobs.server.access_log import AccessLog

LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ 127\.0\.0\.1 GET /x 200 5 1\.5ms\n", re.ASCII)


def test_a_request_is_one_line(tmp_path: Path) -> None:
    log = AccessLog(str(tmp_path / "log"))
    log.write("127.0.0.1", "GET", "/x", 200, 5, 0.0015)

    assert LINE.fullmatch((tmp_path / "log").read_text())


def test_lines_are_added_to_those_that_are_there(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("before\n")
    AccessLog(str(tmp_path / "log")).write("c", "GET", "/x", 200, 5, 0)

    assert (tmp_path / "log").read_text().startswith("before\n")


def test_a_log_that_was_moved_away_is_begun_anew(tmp_path: Path) -> None:
    log = AccessLog(str(tmp_path / "log"))
    log.write("c", "GET", "/first", 200, 5, 0)
    (tmp_path / "log").rename(tmp_path / "old")
    log.write("c", "GET", "/second", 200, 5, 0)
    log.reopen()
    log.write("c", "GET", "/third", 200, 5, 0)

    assert "/second" in (tmp_path / "old").read_text()
    assert "/third" not in (tmp_path / "old").read_text()
    assert "/third" in (tmp_path / "log").read_text()


def test_lines_of_many_are_whole(tmp_path: Path) -> None:
    logs = [AccessLog(str(tmp_path / "log")) for _ in range(4)]

    def write(log: AccessLog) -> None:
        for _ in range(200):
            log.write("client", "GET", "/x", 200, 5, 0)

    threads = [Thread(target=write, args=(one,)) for one in logs]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    lines = (tmp_path / "log").read_text().splitlines()
    assert {line.partition(" ")[2] for line in lines} == {"client GET /x 200 5 0.0ms"}
    assert len(lines) == 800


def test_what_no_text_has_is_escaped(tmp_path: Path) -> None:
    AccessLog(str(tmp_path / "log")).write("c", "GET", "/\udcff", 400, 5, 0)

    assert "/\\udcff 400" in (tmp_path / "log").read_text()


def test_a_full_disk_stops_no_server() -> None:
    AccessLog("/dev/full").write("c", "GET", "/x", 200, 5, 0)


def test_a_log_that_cannot_be_opened_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match=r"access log .*/none/log cannot be opened: No such file"):
        AccessLog(str(tmp_path / "none/log"))
