import pytest

from desync_jobs.report.events import Event, RunFinished, StepFinished, Warned
from desync_jobs.report.lines import LineReporter


def lines_for(*events: Event) -> list[str]:
    said: list[str] = []
    reporter = LineReporter(said.append)
    for event in events:
        reporter.emit(event)
    reporter.close()
    return said


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (
            StepFinished("ids", "list-chunks", "done", 0.5, {"chunks": 3}),
            "ids: listed 3 chunks (0.50 s)",
        ),
        (
            StepFinished("image", "extract", "unchanged", 1.0, reason="the target is as described"),
            "image: nothing to do: the target is as described (1.00 s)",
        ),
        (
            StepFinished("index", "make", "unchanged", 1.0, {"chunks": 3}, reason="it always runs"),
            "index: nothing to do: the result was there already (1.00 s)",
        ),
        (
            StepFinished("check", "verify", "failed", 1.0, {"chunks": 9, "damaged": ["ab"]}, "bad"),
            "check: failed: checked 9 chunks (0 bytes), 1 damaged (1.00 s)",
        ),
        (StepFinished("a", "make", "failed", 1.0, error="no space"), "a: failed (1.00 s)"),
        (
            StepFinished("b", "chop", "skipped", 0.0, reason="needs a, which did not succeed"),
            "b: skipped: needs a, which did not succeed (0.00 s)",
        ),
        (StepFinished("a", "make", "interrupted", 1.0), "a: interrupted (1.00 s)"),
    ],
)
def test_an_operation_that_ended_is_a_line(event: StepFinished, line: str) -> None:
    assert lines_for(event) == [line]


def test_the_run_ends_with_a_count_of_every_outcome() -> None:
    lines = lines_for(
        StepFinished("a", "list-chunks", "done", 0.5, {"chunks": 3}),
        StepFinished("b", "make", "unchanged", 0.5),
        StepFinished("c", "make", "unchanged", 0.5),
        StepFinished("d", "make", "failed", 0.5),
        RunFinished(1, 61.0),
    )

    assert lines[-1] == "4 operations: 1 done, 2 with nothing to do, 1 failed; 1 min 01 s in all"


def test_a_run_that_began_nothing_says_so() -> None:
    assert lines_for(RunFinished(130, 0.0)) == ["0 operations: none was begun; 0.00 s in all"]


def test_other_events_are_no_lines() -> None:
    assert lines_for(Warned("a", "slow")) == []
