"""Doing `list`: as `casync list` prints it."""

from collections.abc import Iterator

from desync_jobs.execute.archive_listing import (
    preview_archive_listing,
    survey_archive_listing,
    write_archive_listing,
)
from desync_jobs.execute.result import Done
from desync_jobs.execute.task import Task
from desync_jobs.formats.catar.listing import list_line
from desync_jobs.formats.catar.reading import Event, Opened
from desync_jobs.manifest.operations.list import ListSpec
from desync_jobs.planner.archive_listing import ArchiveListingFacts
from desync_jobs.planner.step import Step


def survey_list(task: Task[ListSpec]) -> ArchiveListingFacts:
    """Look at the archive."""
    return survey_archive_listing(task, task.spec.output)


def preview_list(task: Task[ListSpec], step: Step) -> Step:
    """Look where the chunks of an archive are."""
    return preview_archive_listing(task, step)


def do_list(task: Task[ListSpec], step: Step) -> Done:
    """Write a line for each node as it begins."""
    return write_archive_listing(task, step, task.spec.output, _lines)


def _lines(events: Iterator[Event]) -> Iterator[str]:
    for event in events:
        if isinstance(event, Opened):
            yield list_line(event.path, event.node)
