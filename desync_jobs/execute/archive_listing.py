"""Reading a tree once and writing text about it."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from desync_jobs.archive.metadata import Metadata
from desync_jobs.execute.inputs import output_facts
from desync_jobs.execute.kept_features import kept_features
from desync_jobs.execute.outputs import open_output
from desync_jobs.execute.result import Done
from desync_jobs.execute.task import Task
from desync_jobs.execute.tree_looks import preview_tree
from desync_jobs.execute.trees import open_tree, survey_tree, written_into
from desync_jobs.formats.catar.reading import Event, Opened
from desync_jobs.manifest.tree import TreeSpec
from desync_jobs.planner.archive_listing import ArchiveListingDetail, ArchiveListingFacts
from desync_jobs.planner.step import Step

_BATCH = 1000
"""Lines written at a time."""


def survey_archive_listing(task: Task[TreeSpec], output: str) -> ArchiveListingFacts:
    """Look at the archive and at the place of what is written about it."""
    tree, written = survey_tree(task), output_facts(task.path(output), task.machine.streams)
    return ArchiveListingFacts(tree, written, written_into(tree, written))


def preview_archive_listing(task: Task[TreeSpec], step: Step) -> Step:
    """Say what reading the archive costs by where its chunks are, or look at the directory."""
    archive = step.detail_as(ArchiveListingDetail).archive
    cost, trees = preview_tree(task, archive, Metadata(kept_features(task.spec)))
    return replace(step, cost=cost, trees=trees)


def write_archive_listing(
    task: Task[TreeSpec],
    step: Step,
    output: str,
    lines: Callable[[Iterator[Event]], Iterator[str]],
) -> Done:
    """Write the `lines` made of what is in the archive, as it is read.

    Raises `ArchiveFormatError` where the archive is none; a file is written whole or not at all.
    """
    nodes = 0

    def counted(events: Iterator[Event]) -> Iterator[Event]:
        nonlocal nodes
        for event in events:
            nodes += isinstance(event, Opened)
            yield event

    with (
        open_tree(task, step.detail_as(ArchiveListingDetail).archive) as archive,
        open_output(task.path(output), task.machine.streams) as out,
    ):
        batch: list[str] = []
        for line in lines(counted(archive.events())):
            batch.append(f"{line}\n")
            if len(batch) == _BATCH:
                out.write("".join(batch).encode("ascii"))
                batch = []
        out.write("".join(batch).encode("ascii"))
        status = out.finish()
    return Done(status, {"nodes": nodes, **archive.statistics()})
