"""A run as a trace of OpenTelemetry: a span for the run, for each operation, and for each phase.

Where spans go, how they are sent and what they are said to come from is set by the environment,
`OTEL_EXPORTER_OTLP_ENDPOINT` and its companions. `TRACEPARENT`, as CI systems set it, makes
the run a part of their trace. Spans carry figures, outcomes and errors, but no variables.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Final, TypeAlias

from desync_jobs._version import __version__
from desync_jobs.report.record import OperationRecord, RunRecord

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span, Tracer

Attribute: TypeAlias = str | int | float
SERVICE: Final = "desync-run"
_NANOSECONDS: Final = 1_000_000_000
_SKIPPED: Final = ("skipped", "not begun")


def traces_wanted(environment: Mapping[str, str]) -> bool:
    """Whether the environment asks for traces: with an endpoint, or by naming the exporter."""
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    exporter = environment.get("OTEL_TRACES_EXPORTER", "")
    endpoints = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    return exporter == "otlp" or (not exporter and any(map(environment.get, endpoints)))


def otlp_exporter() -> "SpanExporter":
    """Return what sends spans by OTLP over HTTP; `ImportError` without the extra `otel`."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    quiet = logging.getLogger("opentelemetry")
    quiet.addHandler(logging.NullHandler())
    quiet.propagate = False  # what went wrong is said once, by who calls this
    return OTLPSpanExporter()


def send_trace(
    run: RunRecord,
    exporter: "SpanExporter",
    environment: Mapping[str, str],
    complain: Callable[[str], None],
) -> None:
    """Send the spans of `run`; where that fails `complain` is told, in a sentence."""
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    named = environment.get("OTEL_SERVICE_NAME") or (
        "service.name=" in environment.get("OTEL_RESOURCE_ATTRIBUTES", "")
    )
    resource = Resource.create({} if named else {"service.name": SERVICE})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    kept = InMemorySpanExporter()  # so that all of them are sent at once, and it is known how
    provider.add_span_processor(SimpleSpanProcessor(kept))
    _trace(run, provider.get_tracer(SERVICE, __version__), _parent(environment))
    try:
        sent = exporter.export(kept.get_finished_spans()) is SpanExportResult.SUCCESS
        exporter.shutdown()
    except Exception as error:  # noqa: BLE001 -- whatever a library meets, the run has ended as it has
        complain(f"the trace of the run was not sent: {error}")
    else:
        if not sent:
            complain("the trace of the run was not sent; is OTEL_EXPORTER_OTLP_ENDPOINT right?")


def _parent(environment: Mapping[str, str]) -> "Context | None":
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    names = ("TRACEPARENT", "TRACESTATE")
    carrier = {name.lower(): environment[name] for name in names if name in environment}
    return TraceContextTextMapPropagator().extract(carrier) if carrier else None


def _trace(run: RunRecord, tracer: "Tracer", parent: "Context | None") -> None:
    from opentelemetry.trace import set_span_in_context

    def at(seconds: float) -> int:
        return round((run.started + seconds) * _NANOSECONDS)

    given: dict[str, Attribute] = {"desync_run.job": run.job, "desync_run.exit_code": run.exit_code}
    whole = tracer.start_span(f"run {run.job}", parent, attributes=given, start_time=at(0))
    inside = set_span_in_context(whole)
    for one in run.operations.values():
        if one.status in _SKIPPED:
            continue
        name = f"{one.kind} {one.name}"
        attributes = dict(_attributes(one))
        span = tracer.start_span(name, inside, attributes=attributes, start_time=at(one.began))
        for phase in one.phases:
            done: dict[str, Attribute] = {
                "desync_run.done": phase.done,
                "desync_run.unit": phase.unit,
            }
            tracer.start_span(
                phase.name, set_span_in_context(span), attributes=done, start_time=at(phase.began)
            ).end(at(phase.ended))
        for operation, message in run.warnings:
            if operation == one.name:
                span.add_event("warning", {"message": message}, at(one.ended))
        _set_status(span, one.error)
        span.end(at(one.ended))
    failed = f"exit code {run.exit_code}" if run.exit_code else None
    _set_status(whole, run.error or failed)
    whole.end(at(run.seconds))


def _attributes(one: OperationRecord) -> Iterator[tuple[str, Attribute]]:
    yield "desync_run.operation", one.name
    yield "desync_run.kind", one.kind
    yield "desync_run.status", one.status
    yield "desync_run.reason", one.reason
    for name, value in one.statistics.items():
        if isinstance(value, int | float):
            yield f"desync_run.figure.{name}", value
    for table, label in (("stores", "place"), ("sources", "source")):
        for called, figures in one.by_name(table).items():
            for name, value in figures.items():
                yield f"desync_run.{label}.{called}.{name}", value


def _set_status(span: "Span", error: str | None) -> None:
    from opentelemetry.trace import Status, StatusCode

    if error is not None:
        span.set_status(Status(StatusCode.ERROR, error))
