"""Doing `diff`: both trees are read beside each other, once."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

from desync_jobs.archive.metadata import Metadata
from desync_jobs.execute.archives import OpenArchive, open_archive
from desync_jobs.execute.blob_range import survey_range
from desync_jobs.execute.comparing import Telling, described, tell_changes
from desync_jobs.execute.inputs import file_facts, output_facts
from desync_jobs.execute.kept_features import kept_features
from desync_jobs.execute.result import Done
from desync_jobs.execute.task import Task
from desync_jobs.execute.tree_looks import preview_tree
from desync_jobs.execute.trees import is_directory, open_directory, written_into
from desync_jobs.formats.catar.comparing import Change, Changed, Difference
from desync_jobs.formats.catar.listing import escaped
from desync_jobs.manifest.operations.diff import DiffSpec
from desync_jobs.manifest.tree_place import TreePlaceSpec
from desync_jobs.planner.archives import Archive, ArchiveFacts
from desync_jobs.planner.operations.diff import DiffDetail, DiffFacts, both_costs
from desync_jobs.planner.step import Step


def survey_diff(task: Task[DiffSpec]) -> DiffFacts:
    """Look at both trees."""
    output = output_facts(task.path(task.spec.output), task.machine.streams)
    old, new = (_facts(task, place) for place in task.spec.places)
    inside = written_into(old, output), written_into(new, output)
    return DiffFacts((old, new), output, inside)


def _facts(task: Task[DiffSpec], place: TreePlaceSpec) -> ArchiveFacts:
    if place.index is not None:
        return survey_range(task, place.index)
    path = place.archive or place.directory or ""
    return file_facts(task.path(path), task.machine.streams)


def preview_diff(task: Task[DiffSpec], step: Step) -> Step:
    """Look where the chunks of indexes are, and at directories."""
    detail = step.detail_as(DiffDetail)
    both = detail.old, detail.new
    directories = all(map(is_directory, both))
    kept = Metadata(kept_features(task.spec)) if directories else None
    (old, old_trees), (new, new_trees) = (preview_tree(task, tree, kept) for tree in both)
    return replace(step, cost=both_costs(old, new), trees=(*old_trees, *new_trees))


def do_diff(task: Task[DiffSpec], step: Step) -> Done:
    """Tell every change."""
    detail, spec = step.detail_as(DiffDetail), task.spec
    telling = Telling(spec.format, _words, ("old", "new"), frozenset(spec.ignore))
    with ExitStack() as opened:
        old, new = _open(task, detail.old, detail.new, opened)
        status, counts = tell_changes(task, old, new, telling, spec.output)
    return Done(status, counts)


def _open(
    task: Task[DiffSpec], old: Archive, new: Archive, opened: ExitStack
) -> tuple[OpenArchive, OpenArchive]:
    """Open both; a directory with the features of the archive beside it, where there is one."""
    archives = {
        side: opened.enter_context(open_archive(task, tree))
        for side, tree in (("old", old), ("new", new))
        if not is_directory(tree)
    }
    beside = next(iter(archives.values()), None)
    features = int(kept_features(task.spec)) if beside is None else beside.features()
    for side, tree in (("old", old), ("new", new)):
        if side not in archives and is_directory(tree):
            archives[side] = opened.enter_context(open_directory(task, tree, features))
    return archives["old"], archives["new"]


def _words(one: Changed) -> Iterator[str]:
    match one.change:
        case Change.ADDED:
            yield f"+ {described(one)}"
        case Change.REMOVED:
            yield f"- {described(one)}"
        case Change.CHANGED:
            yield f"* {escaped(one.path)}: " + "; ".join(map(_difference, one.differences))


def _difference(each: Difference) -> str:
    if each.attribute == "content":
        return "content"
    old = "none" if each.old is None else each.old
    new = "none" if each.new is None else each.new
    return f"{each.attribute} {old} -> {new}"
