import pytest

from desync_jobs.report.events import Listening, Mounted, PhaseStarted, Warned
from desync_jobs.report.notices import NoticeReporter


def test_a_warning_names_its_operation() -> None:
    said: list[str] = []
    NoticeReporter(said.append).emit(Warned("update", "the cache cannot be written"))

    assert said == ["warning: update: the cache cannot be written"]


@pytest.mark.parametrize(
    ("quiet", "expected"),
    [(False, ["show: mounted at /mnt", "serve: listening on http://a/, http://b/"]), (True, [])],
)
def test_what_is_ready_is_said_unless_quiet(quiet: bool, expected: list[str]) -> None:
    said: list[str] = []
    reporter = NoticeReporter(said.append, quiet=quiet)
    reporter.emit(Mounted("show", "/mnt"))
    reporter.emit(Listening("serve", ("http://a/", "http://b/")))

    assert said == expected


def test_other_events_are_not_said() -> None:
    said: list[str] = []
    NoticeReporter(said.append).emit(PhaseStarted("update", "assembling", 1, "bytes"))

    assert said == []
