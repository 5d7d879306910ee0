"""Doing `list`: as `casync list` prints it."""

from collections.abc import Iterator

from desync_jobs.execute.archives import archive_facts, write_archive_listing
from desync_jobs.execute.result import Done
from desync_jobs.execute.task import Task
from desync_jobs.formats.catar.listing import list_line
from desync_jobs.formats.catar.reading import Event, Opened
from desync_jobs.manifest.operations.list import ListSpec
from desync_jobs.planner.archives import ArchiveFacts
from desync_jobs.planner.facts import FileFacts
from desync_jobs.planner.plan import Step


def survey_list(task: Task[ListSpec]) -> ArchiveFacts:
    """Look at the archive."""
    return archive_facts(task, task.spec.archive, task.spec.output)


def do_list(task: Task[ListSpec], step: Step) -> Done:
    """Write a line for each node as it begins."""
    return write_archive_listing(task, step.detail_as(FileFacts), task.spec.output, _lines)


def _lines(events: Iterator[Event]) -> Iterator[str]:
    for event in events:
        if isinstance(event, Opened):
            yield list_line(event.path, event.node)
