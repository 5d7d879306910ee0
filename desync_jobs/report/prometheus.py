"""Figures of a run for Prometheus, as the textfile collector of node_exporter reads them.

Every metric is a gauge about the last run of a job. `job` is the job's name, or its file.
"""

from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

from desync_jobs.report.record import OperationRecord, RunRecord

Labels: TypeAlias = Mapping[str, str]
Sample: TypeAlias = tuple[str, Labels, float]

METRICS: Final[Mapping[str, str]] = {
    "desync_run_exit_code": "Exit code of the last run; 0 where all is as declared",
    "desync_run_seconds": "Seconds that the run took",
    "desync_run_start_timestamp_seconds": "When the run began, in seconds since the epoch",
    "desync_run_end_timestamp_seconds": "When the run ended, in seconds since the epoch",
    "desync_run_warnings": "Warnings during the run",
    "desync_run_operation_status": "1 for what became of the operation",
    "desync_run_operation_seconds": "Seconds that the operation took",
    "desync_run_operation_figure": "Every figure of the operation's result, by its name there",
    "desync_run_place_chunks": "Chunks that a store or cache gave",
    "desync_run_place_bytes": "Plain bytes of these chunks",
    "desync_run_place_stored_bytes": "Stored bytes of these chunks: what was fetched",
    "desync_run_place_requests": "Requests to a store or cache",
    "desync_run_place_retries": "Requests that were tried again",
    "desync_run_place_chunks_added": "Chunks that were added to a store or cache",
    "desync_run_place_stored_bytes_added": "Stored bytes of these chunks: what was sent",
    "desync_run_place_seconds": "Seconds that were waited for a store or cache, over all threads",
    "desync_run_source_chunks": "Chunks that came from a seed, zeros, or the target itself",
    "desync_run_source_bytes": "Bytes of these chunks",
}
"""Every name and what it says."""


def metrics_text(run: RunRecord) -> str:
    """Return the figures of `run` in Prometheus's text format, version 0.0.4."""
    samples: dict[str, list[str]] = {}
    for name, labels, value in _samples(run):
        pairs = ",".join(
            f'{key}="{_escaped(text)}"' for key, text in {"job": run.job, **labels}.items()
        )
        samples.setdefault(name, []).append(f"{name}{{{pairs}}} {value!r}")
    lines = []
    for name, description in METRICS.items():
        if name in samples:
            lines += [f"# HELP {name} {description}.", f"# TYPE {name} gauge", *samples[name]]
    return "\n".join(lines) + "\n"


def _samples(run: RunRecord) -> Iterator[Sample]:
    yield "desync_run_exit_code", {}, run.exit_code
    yield "desync_run_seconds", {}, round(run.seconds, 6)
    yield "desync_run_start_timestamp_seconds", {}, round(run.started, 3)
    yield "desync_run_end_timestamp_seconds", {}, round(run.started + run.seconds, 3)
    yield "desync_run_warnings", {}, len(run.warnings)
    for operation in run.operations.values():
        yield from _of_operation(operation)


def _of_operation(operation: OperationRecord) -> Iterator[Sample]:
    labels = {"operation": operation.name}
    described = {**labels, "kind": operation.kind}
    yield "desync_run_operation_status", {**described, "status": operation.status}, 1
    yield "desync_run_operation_seconds", described, round(operation.ended - operation.began, 6)
    for name, value in operation.statistics.items():
        if isinstance(value, int | float):
            yield "desync_run_operation_figure", {**described, "figure": name}, float(value)
    for label, table in (("place", "stores"), ("source", "sources")):
        for called, figures in operation.by_name(table).items():
            for name, value in figures.items():
                metric = f"desync_run_{label}_{name}"
                if metric in METRICS:
                    yield metric, {**labels, label: called}, value


def _escaped(text: str) -> str:
    # A file name that is not UTF-8 has lone surrogates, which the text format has no bytes for.
    text = text.encode("utf-8", "backslashreplace").decode()
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
