"""Carrying out a job and saying what came of it."""

import gc
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from desync_jobs.assembly.cancel import Cancel
from desync_jobs.cli.failures import complain
from desync_jobs.cli.jobs import data_on_stdout
from desync_jobs.cli.oneline import OneLine
from desync_jobs.cli.options import RunOptions
from desync_jobs.cli.output import write_json, write_json_aside, write_line
from desync_jobs.cli.refusals import refusal_json
from desync_jobs.cli.showing import Audience, shown_to
from desync_jobs.cli.signals import cancelling
from desync_jobs.cli.statistics import print_statistics
from desync_jobs.errors import DesyncRunError, InterruptedRunError, TargetError

if TYPE_CHECKING:
    from desync_jobs.api import Settings
    from desync_jobs.execute.result import Result
    from desync_jobs.execute.status import JobStatus
    from desync_jobs.manifest.job import Job
    from desync_jobs.manifest.lock import Lock
    from desync_jobs.planner.plan import Plan
    from desync_jobs.planner.saved import SavedPlan

SOURCE: Final = "command line"
"""What messages call the job that a command stands for."""


def run_job(job: "Job", options: RunOptions, reload: Callable[[], "Job"]) -> int:
    """Run a job from a file, which `reload` reads again, with a line for each operation."""
    audience = Audience(options, lines=True, data_on_stdout=data_on_stdout(job))
    return _told(_result_of(job, audience, reload), audience)


def apply_saved(job: "Job", saved: "SavedPlan", source: str, options: RunOptions) -> int:
    """Carry out a saved plan of `job`, as `run_job` does it."""
    from desync_jobs.api import apply

    audience = Audience(options, lines=True, data_on_stdout=data_on_stdout(job))
    with _refusals_printed(job, audience), _settings(audience) as settings:
        result = apply(job, saved, source, settings)
    return _told(result, audience)


def _told(result: "Result", audience: Audience) -> int:
    """Say what went wrong, and return the exit code."""
    for message in _error_messages(result):
        complain(message)
    _print_json(result, audience)
    return result.exit_code


def run_line(line: OneLine, options: RunOptions) -> int:
    """Run the one operation of a command, which prints no more than desync does."""
    job = _job_of(line, options)
    # Statistics of `extract` go to standard output, as desync's do.
    taken = data_on_stdout(job) or (line.print_stats and line.kind == "extract")
    audience = Audience(options, lines=False, data_on_stdout=taken)
    again = line.again
    result = _result_of(job, audience, None if again is None else lambda: _job_of(again(), options))
    for outcome in result.outcomes:
        if outcome.error is not None:
            complain(str(outcome.error))
        elif line.print_stats and outcome.succeeded:
            print_statistics(outcome.kind, outcome.statistics)
    _print_json(result, audience)
    return result.exit_code


def plan_line(line: OneLine, options: RunOptions) -> int:
    """Show what the one operation of a command would do; the exit code is that of its error."""
    plan = planned(_job_of(line, options), options)
    show_plan(plan, options)
    return told_hindrances(plan)


def show_plan(plan: "Plan", options: RunOptions) -> None:
    """Print a plan, unless nothing is to be printed."""
    from desync_jobs.planner.explain import explain

    if options.as_json:
        write_json(plan.to_json())
    elif not options.quiet:
        write_line(explain(_without_errors(plan)).rstrip("\n"))


def _without_errors(plan: "Plan") -> "Plan":
    """Return a plan that says of blocked operations no more than that; errors are told aside."""
    return replace(plan, steps=tuple(replace(step, error=None) for step in plan.steps))


def told_hindrances(plan: "Plan") -> int:
    """Say what cannot be done; returns the exit code of that, or 0.

    `LimitError` where a limit would be passed.
    """
    blocked = [(step.operation, step.error) for step in plan.blocked if step.error is not None]
    for operation, error in blocked:
        complain(f"{operation}: {error}" if len(plan.steps) > 1 else str(error))
    if blocked:
        return blocked[0][1].exit_code
    if plan.passed_limit is not None:
        raise plan.passed_limit
    return 0


def _error_messages(result: "Result") -> list[str]:
    """Say each error with its operation; being stopped is said once, whatever it hit."""
    messages = [
        str(outcome.error)
        if isinstance(outcome.error, InterruptedRunError)
        else f"{outcome.operation}: {outcome.error}"
        for outcome in result.outcomes
        if outcome.error is not None
    ]
    return list(dict.fromkeys(messages))


def print_as_manifest(line: OneLine, options: RunOptions, remarks: Sequence[str]) -> int:
    """Print the job file that a command stands for, with a comment for each of the remarks."""
    from desync_jobs.manifest.write import manifest_text

    text = manifest_text(_job_of(line, options).spec).rstrip("\n")
    for remark in remarks:
        write_line(f"# {remark}")
    write_line(text)
    return 0


def _job_of(line: OneLine, options: RunOptions) -> "Job":
    from desync_jobs.manifest.load import job_from_document

    return job_from_document(line.document(options.concurrency), os.getcwd(), SOURCE)


def planned(job: "Job", options: RunOptions) -> "Plan":
    """Plan a job from a file, which changes nothing."""
    from desync_jobs.api import plan

    # The plan itself is printed, unless nothing is.
    audience = Audience(options, lines=False, data_on_stdout=not options.quiet)
    with _settings(audience) as settings:
        return plan(job, settings)


def lock_now(job: "Job", options: RunOptions) -> "Lock":
    """Look at what the names in a job from a file stand for, which changes nothing."""
    from desync_jobs.api import lock

    with _settings(Audience(options, lines=False, data_on_stdout=not options.quiet)) as settings:
        return lock(job, settings)


def status_of(job: "Job", options: RunOptions) -> "JobStatus":
    """See how things stand with a job from a file, which changes nothing."""
    from desync_jobs.api import status

    audience = Audience(options, lines=False, data_on_stdout=not options.quiet)
    with _settings(audience) as settings:
        return status(job, settings)


def _result_of(job: "Job", audience: Audience, reload: Callable[[], "Job"] | None) -> "Result":
    from desync_jobs.api import run

    with _refusals_printed(job, audience), _settings(audience) as settings:
        return run(job, replace(settings, reload=reload))


@contextmanager
def _refusals_printed(job: "Job", audience: Audience) -> Iterator[None]:
    """Print as JSON too why nothing was begun, where that is how results are printed."""
    audience.check()  # nothing is printed where something else would be printed too
    try:
        yield
    except DesyncRunError as error:
        if audience.options.as_json:
            _write_json(refusal_json(job.spec.name, error), audience)
        raise


@contextmanager
def _settings(audience: Audience) -> Iterator["Settings"]:
    """Yield what a run is given: reporters, signals and standard streams."""
    from desync_jobs.api import Settings

    if sys.stdout is None and audience.data_on_stdout:
        raise TargetError("standard output is closed; open it or write to a file")
    cancel = Cancel()
    with (
        ExitStack() as opened,
        shown_to(audience, os.environ) as reporter,
        cancelling(cancel),
    ):
        # A closed standard stream is the null device, so that no other file gets its number.
        stdin = sys.stdin or opened.enter_context(open(os.devnull, encoding="utf-8"))
        stdout = sys.stdout or opened.enter_context(open(os.devnull, "w", encoding="utf-8"))
        # From here on there may be garbage, but none in what was imported.
        gc.freeze()
        gc.enable()
        yield Settings(reporter, cancel, stdin=stdin.buffer, stdout=stdout.buffer)


def _print_json(result: "Result", audience: Audience) -> None:
    if audience.options.as_json:
        _write_json(result.to_json(), audience)


def _write_json(value: object, audience: Audience) -> None:
    write = write_json_aside if audience.data_on_stdout else write_json
    write(value)
