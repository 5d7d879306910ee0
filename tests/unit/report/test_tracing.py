"""Traces of runs: kept in memory, and sent to a collector."""

import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from desync_jobs.cli.main import main
from desync_jobs.report.record import OperationRecord, PhaseRecord, RunRecord
from desync_jobs.report.tracing import send_trace, traces_wanted

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"


def a_run() -> RunRecord:
    places = {"origin": {"bytes": 7, "requests": 3}}
    make = OperationRecord(
        "make", "make", "done", "why", None, 0.5, 1.5, {"chunks": 2, "stores": places},
        [PhaseRecord("storing", "bytes", 9, 0.75, 1.25, 9)],
    )  # fmt: skip
    check = OperationRecord("check", "verify", "failed", "", "it is damaged", 1.5, 2.0)
    skipped = OperationRecord("last", "digest", "skipped")
    operations = {one.name: one for one in (make, check, skipped)}
    return RunRecord("job", 100.0, {}, {"token": "s3cret"}, operations, [("make", "slow")], 2.0, 1)


def test_there_is_a_span_for_the_run_each_operation_and_each_phase() -> None:
    exporter, told = InMemorySpanExporter(), list[str]()
    send_trace(a_run(), exporter, {}, told.append)
    spans = {span.name: span for span in exporter.get_finished_spans()}
    run, make, check = spans["run job"], spans["make make"], spans["verify check"]

    assert set(spans) == {"run job", "make make", "storing", "verify check"}
    assert (make.start_time, make.end_time) == (100_500_000_000, 101_500_000_000)
    assert make.parent is not None
    assert run.context is not None
    assert make.parent.span_id == run.context.span_id
    storing = spans["storing"].parent
    assert storing is not None
    assert make.context is not None
    assert storing.span_id == make.context.span_id
    assert make.attributes is not None
    assert make.attributes["desync_run.place.origin.requests"] == 3
    assert make.attributes["desync_run.figure.chunks"] == 2
    assert [(event.name, event.attributes) for event in make.events] == [
        ("warning", {"message": "slow"})
    ]
    assert (check.status.status_code, check.status.description) == (
        StatusCode.ERROR,
        "it is damaged",
    )
    assert run.status.description == "exit code 1"
    assert make.status.status_code is StatusCode.UNSET
    assert told == []
    assert all("s3cret" not in span.to_json() for span in spans.values())


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c"}, True),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c"}, False),
        ({"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c"}, False),
    ],
)
def test_traces_are_sent_where_the_environment_asks_for_them(
    environment: dict[str, str], wanted: bool
) -> None:
    assert traces_wanted(environment) is wanted


class Collector(ThreadingHTTPServer):
    """An OTLP collector that keeps what it gets."""

    def __init__(self) -> None:
        self.got: list[tuple[str, bytes]] = []
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Collector)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, body))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base's name
        """Say nothing."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_collector_gets_the_trace_of_a_command(
    collector: Collector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "blob").write_bytes(b"x" * 100_000)
    address = f"http://127.0.0.1:{collector.server_port}"
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=test")
    monkeypatch.setenv("TRACEPARENT", f"00-{TRACE}-{PARENT}-01")

    code = main(["make", str(tmp_path / "blob.caibx"), str(tmp_path / "blob"), "-q"])

    assert code == 0
    ((path, body),) = collector.got
    (resource,) = ExportTraceServiceRequest.FromString(body).resource_spans
    spans = {span.name: span for scope in resource.scope_spans for span in scope.spans}
    said = {pair.key: pair.value.string_value for pair in resource.resource.attributes}
    run = next(span for name, span in spans.items() if name.startswith("run "))
    assert path == "/v1/traces"
    assert said["service.name"] == "desync-run"
    assert said["deployment.environment"] == "test"
    assert (run.trace_id.hex(), run.parent_span_id.hex()) == (TRACE, PARENT)
    assert spans["make make"].parent_span_id == run.span_id


def test_a_collector_that_is_not_there_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "blob").write_bytes(b"x" * 100_000)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")

    code = main(["make", str(tmp_path / "blob.caibx"), str(tmp_path / "blob"), "-q"])

    assert code == 0
    assert capfd.readouterr().err == (
        "desync-run: warning: the trace of the run was not sent; "
        "is OTEL_EXPORTER_OTLP_ENDPOINT right?\n"
    )


def test_a_missing_library_is_a_warning_with_the_command_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "blob").write_bytes(b"x" * 100_000)
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "otlp")
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)

    code = main(["make", str(tmp_path / "blob.caibx"), str(tmp_path / "blob"), "-q"])

    assert code == 0
    assert capfd.readouterr().err == (
        "desync-run: warning: OTEL_* variables ask for traces, "
        "which need: pip install 'desync-jobs[otel]'\n"
    )
