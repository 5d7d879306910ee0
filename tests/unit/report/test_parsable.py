import re
import threading

import pytest

from desync_jobs.report.events import Event, PhaseAdvanced, PhaseStarted, StepFinished, StepStarted
from desync_jobs.report.parsable import ParsableReporter, in_clock_units

NEVER = 3600.0


def lines_for(*events: Event) -> list[str]:
    lines: list[str] = []
    reporter = ParsableReporter(lines.append, interval=NEVER)
    for event in events:
        reporter.emit(event)
    reporter.close()
    return lines


@pytest.mark.parametrize(
    ("kind", "phase", "line"),
    [
        ("make", "chunking", "Chunking  100.00% 0s"),
        ("make", "storing", "Storing  100.00% 0s"),
        ("extract", "assembling", "Attempt 1: Assembling  100.00% 0s"),
        ("cache", "copying", " 100.00% 0s"),
    ],
)
def test_phases_have_the_prefixes_of_desync(kind: str, phase: str, line: str) -> None:
    lines = lines_for(
        StepStarted("op", kind, "new"),
        PhaseStarted("op", phase, 10, "chunks"),
        PhaseAdvanced("op", phase, 10, 640),
        StepFinished("op", kind, "done", 0.1),
    )

    assert lines == [line, ""]


def test_a_phase_ends_with_an_empty_line_when_the_next_begins() -> None:
    lines = lines_for(
        StepStarted("op", "make", "new"),
        PhaseStarted("op", "chunking", 4, "bytes"),
        PhaseAdvanced("op", "chunking", 4, 4),
        PhaseStarted("op", "storing", 0, "chunks"),
        StepFinished("op", "make", "done", 0.1),
    )

    assert lines == ["Chunking  100.00% 0s", "", "Storing  100.00% 0s", ""]


def test_a_phase_that_failed_shows_how_far_it_came() -> None:
    lines = lines_for(
        StepStarted("op", "make", "new"),
        PhaseStarted("op", "chunking", 3, "bytes"),
        StepFinished("op", "make", "failed", 0.1, error="no space"),
    )

    assert lines == ["Chunking  0.00%", ""]


def test_a_stream_of_unknown_size_counts_as_done_only_at_its_end() -> None:
    lines = lines_for(
        StepStarted("op", "make", "new"),
        PhaseStarted("op", "chunking", 0, "bytes"),
        PhaseAdvanced("op", "chunking", 500, 500),
        StepFinished("op", "make", "interrupted", 0.1),
        PhaseStarted("op", "chunking", 0, "bytes"),
        PhaseAdvanced("op", "chunking", 500, 500),
        StepFinished("op", "make", "done", 0.1),
    )

    assert lines == ["Chunking  0.00%", "", "Chunking  100.00% 0s", ""]


def test_lines_appear_while_a_phase_is_under_way() -> None:
    lines: list[str] = []
    twice = threading.Semaphore(0)

    def write(line: str) -> None:
        lines.append(line)
        twice.release()

    reporter = ParsableReporter(write, interval=0.01)
    reporter.emit(StepStarted("op", "make", "new"))
    reporter.emit(PhaseStarted("op", "chunking", 8, "bytes"))
    reporter.emit(PhaseAdvanced("op", "chunking", 4, 4))
    arrived = [twice.acquire(timeout=10) for _ in range(2)]
    reporter.close()

    assert arrived == [True, True]
    assert re.fullmatch(r"Chunking  50\.00% \ds", lines[1])


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.9, "0s"), (59.0, "59s"), (65.0, "1m5s"), (7209.0, "2h0m9s")]
)
def test_remaining_time_is_written_as_desync_writes_it(seconds: float, text: str) -> None:
    assert in_clock_units(seconds) == text
