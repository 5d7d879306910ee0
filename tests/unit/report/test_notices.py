from desync_jobs.report.events import PhaseStarted, Warned
from desync_jobs.report.notices import NoticeReporter


def test_a_warning_names_its_operation() -> None:
    said: list[str] = []
    NoticeReporter(said.append).emit(Warned("update", "the cache cannot be written"))

    assert said == ["warning: update: the cache cannot be written"]


def test_other_events_are_not_said() -> None:
    said: list[str] = []
    NoticeReporter(said.append).emit(PhaseStarted("update", "assembling", 1, "bytes"))

    assert said == []
