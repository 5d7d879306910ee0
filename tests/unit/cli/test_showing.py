import io
import os
import sys

import pytest

from desync_jobs.cli.options import RunOptions
from desync_jobs.cli.showing import Audience, shown_to
from desync_jobs.errors import UsageError
from desync_jobs.report.events import (
    PhaseStarted,
    RunFinished,
    StepFinished,
    StepStarted,
    Warned,
)

EVERYTHING = (
    StepStarted("update", "make", "the index is absent"),
    PhaseStarted("update", "chunking", 100, "bytes"),
    Warned("update", "the store is slow"),
    StepFinished("update", "make", "done", 1.0, {"bytes": 3, "chunks": 1}),
    RunFinished(0, 1.0),
)
UPDATE = "update: cut 3 bytes into 1 chunk, stored no chunks (1.00 s)\n"
CLOSING = "1 operation: 1 done; 1.00 s in all\n"
WARNING = "desync-run: warning: update: the store is slow\n"
NOTHING: dict[str, str] = {}


class Terminal(io.StringIO):
    """Text that says it is shown on a terminal."""

    def isatty(self) -> bool:
        return True


def tell(audience: Audience, environment: dict[str, str]) -> None:
    with shown_to(audience, environment) as reporter:
        for event in EVERYTHING:
            reporter.emit(event)


def audience(*, lines: bool = True, data: bool = False, **options: object) -> Audience:
    return Audience(RunOptions(**options), lines=lines, data_on_stdout=data)  # type: ignore[arg-type]  # each test gives one option


def test_people_read_lines_and_warnings(capfd: pytest.CaptureFixture[str]) -> None:
    tell(audience(), NOTHING)
    written = capfd.readouterr()

    assert (written.out, written.err) == (UPDATE + CLOSING, WARNING)


@pytest.mark.parametrize("said", [{"quiet": True}, {"as_json": True}, {"lines": False}])
def test_warnings_are_said_whoever_reads(
    said: dict[str, bool], capfd: pytest.CaptureFixture[str]
) -> None:
    tell(audience(**said), NOTHING)
    written = capfd.readouterr()

    assert (written.out, written.err) == ("", WARNING)


def test_lines_make_room_for_data(capfd: pytest.CaptureFixture[str]) -> None:
    tell(audience(data=True), NOTHING)
    written = capfd.readouterr()

    assert (written.out, written.err) == ("", WARNING + UPDATE + CLOSING)


@pytest.mark.parametrize("wish", [{"as_json": True}, {"data": True}])
def test_events_share_standard_output_with_nothing(wish: dict[str, bool]) -> None:
    with pytest.raises(UsageError, match="--events - and other output need standard output"):
        tell(audience(events="-", **wish), NOTHING)


def test_parsable_progress_is_written_where_it_is_asked_for(
    capfd: pytest.CaptureFixture[str],
) -> None:
    tell(audience(lines=False), {"DESYNC_ENABLE_PARSABLE_PROGRESS": "1"})

    assert capfd.readouterr().err == WARNING + "Chunking  100.00% 0s\n\n"


def test_a_quiet_run_shows_no_progress(capfd: pytest.CaptureFixture[str]) -> None:
    tell(audience(lines=False, quiet=True), {"DESYNC_ENABLE_PARSABLE_PROGRESS": "1"})

    assert capfd.readouterr().err == WARNING


def test_lines_and_warnings_go_above_the_bar_of_a_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(sys, "stdout", screen)
    tell(audience(), NOTHING)

    assert screen.getvalue() == WARNING + UPDATE + CLOSING


def test_lines_go_to_a_file_though_errors_are_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    tell(audience(), NOTHING)

    assert screen.getvalue() == WARNING
    assert capfd.readouterr().out == UPDATE + CLOSING


def test_a_run_goes_on_when_nobody_reads_its_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w", encoding="utf-8") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        tell(audience(), NOTHING)
        os.dup2(os.open(os.devnull, os.O_WRONLY), writer)
