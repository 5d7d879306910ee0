import io
import subprocess
import sys
import threading
import time

import pytest

from desync_jobs.report.console import ConsoleReporter
from desync_jobs.report.events import (
    PhaseAdvanced,
    PhaseStarted,
    RunStarted,
    StepStarted,
    TotalChanged,
    Warned,
)

MIB = 1024 * 1024


class WatchedText(io.StringIO):
    """Text whose arrival can be waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.arrived = threading.Condition()

    def write(self, text: str) -> int:
        with self.arrived:
            written = super().write(text)
            self.arrived.notify_all()
            return written

    def wait_for(self, text: str) -> bool:
        with self.arrived:
            return self.arrived.wait_for(lambda: text in self.getvalue(), timeout=20)


def test_a_run_that_ends_within_a_moment_shows_nothing() -> None:
    text = io.StringIO()
    reporter = ConsoleReporter(text, patience=3600)
    reporter.emit(RunStarted("job", ("a",), 10))
    reporter.emit(PhaseAdvanced("a", "chunking", 10, 10))
    reporter.close()

    assert text.getvalue() == ""


def test_the_bar_shows_operation_phase_and_the_share_of_the_whole_run() -> None:
    text = WatchedText()
    reporter = ConsoleReporter(text, patience=0)
    reporter.emit(RunStarted("job", ("update", "check"), 2 * MIB))
    reporter.emit(TotalChanged(4 * MIB))
    reporter.emit(StepStarted("update", "extract", "the target is absent"))
    reporter.emit(PhaseStarted("update", "assembling", MIB, "bytes"))
    reporter.emit(PhaseAdvanced("update", "assembling", MIB, MIB))
    shown = [text.wait_for(part) for part in ("update: assembling", " 25%", "1.0/4.0 MiB")]
    reporter.close()

    assert shown == [True, True, True]


def test_the_bar_shows_the_rate_in_binary_units() -> None:
    text = WatchedText()
    reporter = ConsoleReporter(text, patience=0)
    reporter.emit(RunStarted("job", ("update",), 1024 * MIB))
    for _ in range(50):
        reporter.emit(PhaseAdvanced("update", "assembling", MIB, MIB))
        time.sleep(0.005)
    shown = text.wait_for("iB/s")
    reporter.close()

    assert shown


def test_work_beyond_an_estimate_never_passes_the_end_of_the_bar() -> None:
    text = WatchedText()
    reporter = ConsoleReporter(text, patience=0)
    reporter.emit(RunStarted("job", ("update",), MIB))
    reporter.emit(PhaseAdvanced("update", "assembling", 3, 3 * MIB))
    shown = text.wait_for("100%")
    reporter.close()

    assert shown
    assert "300%" not in text.getvalue()


def test_a_line_said_before_the_bar_appears_is_plain_text() -> None:
    text = io.StringIO()
    reporter = ConsoleReporter(text, patience=3600)
    reporter.say("warning: [update] is slow")
    reporter.close()

    assert text.getvalue() == "warning: [update] is slow\n"


def test_a_line_said_above_the_bar_keeps_its_brackets() -> None:
    text = WatchedText()
    reporter = ConsoleReporter(text, patience=0)
    reporter.emit(RunStarted("job", ("update",), MIB))
    appeared = text.wait_for("%")
    reporter.say("warning: [update] is slow")
    reporter.close()

    assert appeared
    assert "warning: [update] is slow\n" in text.getvalue()


def test_events_it_does_not_show_are_no_error() -> None:
    reporter = ConsoleReporter(io.StringIO(), patience=3600)

    reporter.emit(Warned("a", "slow"))
    reporter.close()


@pytest.mark.parametrize("module", ["console", "jsonl", "parsable", "notices", "words"])
def test_rich_is_not_imported_before_a_bar_appears(module: str) -> None:
    code = f"import sys, desync_jobs.report.{module}; sys.exit('rich' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
