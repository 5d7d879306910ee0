"""Doing `mtree`: as `casync mtree` or `desync mtree` prints it."""

from collections.abc import Callable, Iterator

from desync_jobs.execute.archive_listing import (
    preview_archive_listing,
    survey_archive_listing,
    write_archive_listing,
)
from desync_jobs.execute.result import Done
from desync_jobs.execute.task import Task
from desync_jobs.formats.catar.listing import (
    DESYNC_MTREE_BEGINNING,
    desync_mtree_line,
    mtree_line,
)
from desync_jobs.formats.catar.node import Node, NodeKind
from desync_jobs.formats.catar.reading import Closed, Event, Opened
from desync_jobs.formats.flags import flags_algorithm
from desync_jobs.manifest.operations.mtree import MtreeSpec
from desync_jobs.planner.archive_listing import ArchiveListingFacts
from desync_jobs.planner.step import Step


def survey_mtree(task: Task[MtreeSpec]) -> ArchiveListingFacts:
    """Look at the archive."""
    return survey_archive_listing(task, task.spec.output)


def preview_mtree(task: Task[MtreeSpec], step: Step) -> Step:
    """Look where the chunks of an archive are."""
    return preview_archive_listing(task, step)


def do_mtree(task: Task[MtreeSpec], step: Step) -> Done:
    """Write a line for each node: a file's when its content is digested, others' at once."""

    def lines(events: Iterator[Event]) -> Iterator[str]:
        if task.spec.style == "casync":
            yield from _lines(events, mtree_line)
        else:
            yield DESYNC_MTREE_BEGINNING
            yield from _lines(events, desync_mtree_line)

    return write_archive_listing(task, step, task.spec.output, lines)


def _lines(
    events: Iterator[Event], line: Callable[[bytes, Node, str | None], str]
) -> Iterator[str]:
    digest = None
    for event in events:
        match event:
            case Opened(path, node) if node.kind is NodeKind.FILE:
                digest = flags_algorithm(node.entry.feature_flags).new()
            case Opened(path, node):
                yield line(path, node, None)
            case memoryview() if digest is not None:
                digest.update(event)
            case Closed(path, node) if digest is not None:
                yield line(path, node, digest.hexdigest())
                digest = None
