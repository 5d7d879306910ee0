"""Doing `untar`: an archive as it is read, and the tree that becomes of it."""

from dataclasses import replace

from desync_jobs.archive.borrowing import Borrowing
from desync_jobs.archive.making import Counts, Rules
from desync_jobs.archive.unpacking import Unpacking
from desync_jobs.archive.wanted import Choice
from desync_jobs.execute.archives import open_archive, preview_archive, survey_archive
from desync_jobs.execute.disks import mounted_within
from desync_jobs.execute.inputs import file_facts, output_facts
from desync_jobs.execute.inside import directories_of, first_inside
from desync_jobs.execute.planting import planted
from desync_jobs.execute.result import Done, Status
from desync_jobs.execute.task import Task
from desync_jobs.manifest.operations.untar import UntarSpec
from desync_jobs.planner.facts import FileFacts, FileKind, TreeFacts
from desync_jobs.planner.operations.untar import UntarDetail, UntarFacts
from desync_jobs.planner.step import Step


def survey_untar(task: Task[UntarSpec]) -> UntarFacts:
    """Look at the archive, and at what is at the place of what is written."""
    spec, streams = task.spec, task.machine.streams
    if spec.target is None:
        stream = output_facts(task.path(spec.tar_stream or ""), streams)
        return UntarFacts(survey_archive(task), stream, mounted=None, inside=None)
    target = file_facts(task.path(spec.target), streams)
    archive = survey_archive(task)
    if not isinstance(archive, FileFacts) and spec.seeds_target:
        archive = replace(archive, trees=(*archive.trees, *_standing_tree(target)))
    mounted = mounted_within(target.path) if spec.atomic and target.present else None
    return UntarFacts(archive, target, mounted, _inside(task, target.path))


def _standing_tree(target: FileFacts) -> tuple[TreeFacts, ...]:
    return (TreeFacts("target", target.path),) if target.kind is FileKind.DIRECTORY else ()


def _inside(task: Task[UntarSpec], target: str) -> str | None:
    """Return an archive, index or store that is in the target."""
    spec = task.spec
    read = [task.path(one) for one in (spec.archive, spec.index) if one is not None]
    names = (*spec.stores, *filter(None, [spec.cache]))
    return first_inside(target, [*read, *directories_of(task.machine.job, names)])


def preview_untar(task: Task[UntarSpec], step: Step) -> Step:
    """Say what reading the archive costs by where its chunks are."""
    cost = preview_archive(task, step.detail_as(UntarDetail).archive)
    written = [one for one in step.cost.writes if one.place in ("target", "tar stream")]
    return replace(step, cost=replace(cost, writes=(*cost.writes, *written)))


def do_untar(task: Task[UntarSpec], step: Step) -> Done:
    """Unpack the archive; of an atomic change nothing is seen before all of it is there."""
    detail, spec = step.detail_as(UntarDetail), task.spec
    if spec.target is None:
        from desync_jobs.execute.tar_output import write_tar_stream

        return write_tar_stream(task, detail)
    choice = Choice(
        spec.with_features,
        spec.without_features,
        same_owner=spec.same_owner,
        same_permissions=spec.same_permissions,
    )
    # A tree that is made beside its target has nothing in it that could be removed.
    delete = spec.deletes and not spec.atomic
    rules = Rules(choice, delete=delete, replace=spec.replace, unseen=spec.atomic)
    with (
        open_archive(task, detail.archive) as archive,
        planted(detail.target.path, spec) as place,
    ):
        borrowing = Borrowing(archive.twins(), links=spec.hardlink)
        workers = task.machine.workers
        unpacking = Unpacking(place.folder, place.path, rules, workers, place.lock, borrowing)
        counts = unpacking.unpack(archive.events(taker=unpacking.take))
        task.machine.cancel.check()
        left = place.publish(changed=counts.any)
    if left is not None:
        task.warn(left)
    changed = spec.atomic or counts.any
    status = Status.DONE if changed else Status.UNCHANGED
    return Done(status, {**_statistics(counts, borrowing), **archive.statistics()})


def _statistics(counts: Counts, borrowing: Borrowing) -> dict[str, object]:
    return {
        "entries": counts.entries,
        "entries_written": counts.written,
        "entries_changed": counts.changed,
        "entries_left_out": counts.left_out,
        "entries_removed": counts.removed,
        "files_cloned": borrowing.files_cloned,
        "bytes_cloned": borrowing.bytes_cloned,
        "files_linked": borrowing.files_linked,
        "bytes_linked": borrowing.bytes_linked,
    }
