"""Doing `archive-verify`: the directory is read as an archive with the features of the other."""

from collections.abc import Iterator
from dataclasses import replace

from desync_jobs.errors import TreeMismatchError
from desync_jobs.execute.archives import open_archive, preview_archive, survey_archive
from desync_jobs.execute.comparing import Telling, described, tell_changes
from desync_jobs.execute.inputs import file_facts, output_facts
from desync_jobs.execute.result import Done
from desync_jobs.execute.task import Task
from desync_jobs.execute.tree_looks import look_at
from desync_jobs.execute.trees import open_directory, written_into
from desync_jobs.formats.catar.comparing import Change, Changed
from desync_jobs.formats.catar.listing import escaped
from desync_jobs.manifest.operations.archive_verify import ArchiveVerifySpec
from desync_jobs.planner.archives import tree_cost
from desync_jobs.planner.cost import summed
from desync_jobs.planner.operations.archive_verify import ArchiveVerifyDetail, ArchiveVerifyFacts
from desync_jobs.planner.step import Step


def survey_archive_verify(task: Task[ArchiveVerifySpec]) -> ArchiveVerifyFacts:
    """Look at the archive and the directory."""
    streams = task.machine.streams
    directory = file_facts(task.path(task.spec.directory), streams)
    output = output_facts(task.path(task.spec.output), streams)
    return ArchiveVerifyFacts(
        survey_archive(task), directory, output, written_into(directory, output)
    )


def preview_archive_verify(task: Task[ArchiveVerifySpec], step: Step) -> Step:
    """Look where the chunks of an index are, and at all of the directory."""
    detail = step.detail_as(ArchiveVerifyDetail)
    costs, trees = [preview_archive(task, detail.archive)], []
    seen = look_at(task, detail.directory, None)
    if seen is not None:
        costs.append(tree_cost(seen))
        trees.append(seen)
    return replace(step, cost=summed(costs, {}), trees=tuple(trees))


def do_archive_verify(task: Task[ArchiveVerifySpec], step: Step) -> Done:
    """Tell every difference; raises `TreeMismatchError` after that, where there is any."""
    detail, spec = step.detail_as(ArchiveVerifyDetail), task.spec
    telling = Telling(
        spec.format,
        _words,
        ("expected", "found"),
        frozenset(spec.ignore),
        extra=not spec.ignore_extra,
    )
    with (
        open_archive(task, detail.archive) as archive,
        open_directory(task, detail.directory, archive.features()) as directory,
    ):
        status, counts = tell_changes(task, archive, directory, telling, spec.output)
    words = (("removed", "missing"), ("added", "not in the archive"), ("changed", "changed"))
    differing = [f"{counts[key]:,} {word}" for key, word in words if counts[key]]
    if differing:
        raise TreeMismatchError(
            f"{directory.name} is not what {archive.name} says: {', '.join(differing)}"
        )
    return Done(status, counts)


def _words(one: Changed) -> Iterator[str]:
    match one.change:
        case Change.REMOVED:
            yield f"{described(one)} is missing"
        case Change.ADDED:
            yield f"{described(one)} is not in the archive"
        case Change.CHANGED:
            for each in one.differences:
                old = "absent" if each.old is None else each.old
                new = "absent" if each.new is None else each.new
                yield f"{escaped(one.path)}: {each.attribute} is {new}, should be {old}"
