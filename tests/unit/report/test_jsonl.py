import io
import json
import re
import threading
from datetime import UTC, datetime
from types import MappingProxyType

import jsonschema
import pytest

from desync_jobs.report.events import (
    Event,
    PhaseAdvanced,
    PhaseStarted,
    RunFinished,
    RunStarted,
    StepFinished,
    StepStarted,
    TotalChanged,
    Warned,
)
from desync_jobs.report.jsonl import JsonLinesReporter
from desync_jobs.report.schema import event_schema

EVENTS: tuple[Event, ...] = (
    RunStarted("nightly", ("a", "b"), 1000),
    TotalChanged(2000),
    StepStarted("a", "make", "the index is absent"),
    PhaseStarted("a", "chunking", 1000, "bytes"),
    PhaseAdvanced("a", "chunking", 500, 500),
    Warned("a", "the store is slow"),
    StepFinished("a", "make", "done", 1.5, MappingProxyType({"chunks-total": 7})),
    RunFinished(0, 2.0),
)


class ClosedPipe(io.BytesIO):
    """A stream whose reader has gone."""

    def write(self, _data: object) -> int:
        raise BrokenPipeError(32, "Broken pipe")


def lines_of(stream: io.BytesIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def written(*events: Event) -> list[dict[str, object]]:
    stream = io.BytesIO()
    reporter = JsonLinesReporter(stream, "events.ndjson", pytest.fail)
    for event in events:
        reporter.emit(event)
    reporter.close()
    return lines_of(stream)


def test_every_event_is_one_line_named_in_kebab_case() -> None:
    names = [line["event"] for line in written(*EVENTS)]

    assert names == [
        "run-started",
        "total-changed",
        "step-started",
        "phase-started",
        "phase-advanced",
        "warned",
        "step-finished",
        "run-finished",
    ]


def test_the_fields_of_an_event_are_those_of_its_class() -> None:
    line = written(*EVENTS)[6]
    line.pop("time")

    assert line == {
        "event": "step-finished",
        "operation": "a",
        "kind": "make",
        "status": "done",
        "seconds": 1.5,
        "statistics": {"chunks-total": 7},
        "error": None,
        "reason": "",
    }


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_every_line_fits_the_schema(event: Event) -> None:
    jsonschema.validate(written(event)[0], event_schema())


def test_the_first_line_carries_the_schema_and_the_wall_time_whatever_it_is() -> None:
    first, second = written(Warned("a", "early"), Warned("a", "late"))

    assert first["schema"] == "desync-run.events/1"
    assert datetime.fromisoformat(str(first["wall_time"])).tzinfo == UTC
    assert "schema" not in second
    assert "wall_time" not in second


def test_time_never_goes_back_with_many_threads() -> None:
    stream = io.BytesIO()
    reporter = JsonLinesReporter(stream, "events.ndjson", pytest.fail)

    def work() -> None:
        for _ in range(200):
            reporter.emit(PhaseAdvanced("a", "chunking", 1, 1))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    times = [line["time"] for line in lines_of(stream)]

    assert len(times) == 800
    assert times == sorted(times, key=lambda time: float(str(time)))


def test_a_name_that_is_not_utf8_is_written_escaped() -> None:
    stream = io.BytesIO()
    JsonLinesReporter(stream, "e", pytest.fail).emit(Warned("a", "caf\udce9.caibx"))

    assert rb"caf\udce9.caibx" in stream.getvalue()
    assert lines_of(stream)[0]["message"] == "caf\udce9.caibx"


def test_a_stream_that_fails_is_complained_about_once_and_never_raises() -> None:
    complaints: list[str] = []
    reporter = JsonLinesReporter(ClosedPipe(), "events.ndjson", complaints.append)
    for event in EVENTS:
        reporter.emit(event)

    assert len(complaints) == 1
    assert re.fullmatch(
        r"events can no longer be written to events\.ndjson: .*Broken pipe", complaints[0]
    )
