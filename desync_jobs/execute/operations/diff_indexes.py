"""Doing `diff-indexes`: figures of two indexes, in words or as JSON."""

import json
from dataclasses import asdict

from desync_jobs.assembly.zeros import zero_chunk_id
from desync_jobs.execute.indexes import find_index
from desync_jobs.execute.inputs import output_facts
from desync_jobs.execute.outputs import write_output
from desync_jobs.execute.result import Done
from desync_jobs.execute.task import Task
from desync_jobs.formats.index import Index
from desync_jobs.manifest.operations.diff_indexes import DiffIndexesSpec
from desync_jobs.planner.operations.diff_indexes import (
    Amounts,
    DiffIndexesDetail,
    DiffIndexesFacts,
    IndexDifference,
    difference_of,
)
from desync_jobs.planner.step import Step
from desync_jobs.report.words import counted, in_bytes


def survey_diff_indexes(task: Task[DiffIndexesSpec]) -> DiffIndexesFacts:
    """Read both indexes."""
    spec = task.spec
    output = output_facts(task.path(spec.output), task.machine.streams)
    return DiffIndexesFacts(find_index(task, spec.old), find_index(task, spec.new), output)


def do_diff_indexes(task: Task[DiffIndexesSpec], step: Step) -> Done:
    """Write the figures."""
    detail, spec = step.detail_as(DiffIndexesDetail), task.spec
    task.machine.cancel.check()
    found = difference_of(detail.old, detail.new, _zeros(detail.new))
    figures = asdict(found)
    text = json.dumps(figures, indent=2) if spec.format == "json" else _words(found)
    status = write_output(
        task.path(spec.output), task.machine.streams, [f"{text}\n".encode("ascii")]
    )
    return Done(status, figures)


def _zeros(index: Index) -> bytes:
    return zero_chunk_id(index.algorithm, index.sizes.maximum)


def _words(found: IndexDifference) -> str:
    if found.same:
        return f"both have the same {_amount(found.new)}"
    rows = (
        ("old", found.old),
        ("new", found.new),
        ("shared", found.shared),
        ("added", found.added),
        ("removed", found.removed),
        ("download", found.download),
    )
    return "\n".join(f"{name + ':':<10}{_amount(amount)}" for name, amount in rows)


def _amount(amount: Amounts) -> str:
    return f"{counted(amount.chunks, 'chunk')} ({in_bytes(amount.bytes)})"
