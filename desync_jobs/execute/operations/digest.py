"""Doing `digest`: one digest over all bytes, in hex, as `casync digest` prints it."""

from contextlib import closing
from dataclasses import replace

from desync_jobs.archive.metadata import Metadata
from desync_jobs.execute.blob_digest import blocks
from desync_jobs.execute.blob_range import open_range
from desync_jobs.execute.inputs import file_facts, open_input, output_facts
from desync_jobs.execute.kept_features import kept_features
from desync_jobs.execute.outputs import write_output
from desync_jobs.execute.result import Done
from desync_jobs.execute.task import Task
from desync_jobs.execute.tree_looks import preview_tree
from desync_jobs.execute.trees import is_directory, open_tree, survey_tree
from desync_jobs.formats.catar.features import KEPT
from desync_jobs.formats.flags import flags_algorithm
from desync_jobs.manifest.archive import ARCHIVE_SUFFIX
from desync_jobs.manifest.operations.digest import DigestSpec
from desync_jobs.planner.archives import Archive
from desync_jobs.planner.blob_range import BlobRange
from desync_jobs.planner.facts import FileFacts
from desync_jobs.planner.operations.digest import DigestDetail, DigestFacts
from desync_jobs.planner.step import Step


def survey_digest(task: Task[DigestSpec]) -> DigestFacts:
    """Look at the blob, the archive or the directory."""
    spec, streams = task.spec, task.machine.streams
    read = survey_tree(task) if spec.blob is None else file_facts(task.path(spec.blob), streams)
    return DigestFacts(read, output_facts(task.path(spec.output), streams))


def preview_digest(task: Task[DigestSpec], step: Step) -> Step:
    """Look where the chunks of an index are, or at the directory."""
    if task.spec.blob is not None:
        return step
    read = step.detail_as(DigestDetail).read
    cost, trees = preview_tree(task, read, Metadata(kept_features(task.spec)))
    return replace(step, cost=cost, trees=trees)


def do_digest(task: Task[DigestSpec], step: Step) -> Done:
    """Read everything once; an archive has to be a right one."""
    read = step.detail_as(DigestDetail).read
    if task.spec.blob is not None and isinstance(read, FileFacts):
        statistics = _of_blob(task, read)
    elif isinstance(read, BlobRange) and not _is_archive(read):
        statistics = _of_range(task, read)
    else:
        statistics = _of_tree(task, read)
    text = f"{statistics['digest']}\n".encode("ascii")
    status = write_output(task.path(task.spec.output), task.machine.streams, [text])
    return Done(status, statistics)


def _is_archive(blob: BlobRange) -> bool:
    """Whether an index is that of an archive, by its flags, or by its name where they are few."""
    return bool(blob.index.flags & KEPT) or blob.found.path.endswith(ARCHIVE_SUFFIX)


def _of_blob(task: Task[DigestSpec], blob: FileFacts) -> dict[str, object]:
    """Read the blob once; the next block is read while one is digested."""
    digest = task.spec.digest.new()
    phase = task.phase("reading", blob.size)
    with (
        open_input(blob.path, task.machine.streams) as fd,
        closing(blocks(fd, blob.path, task.machine.workers)) as pieces,
    ):
        for block in pieces:
            digest.update(block)
            phase.advance(len(block))
    return {"bytes": phase.done, "digest": digest.hexdigest()}


def _of_range(task: Task[DigestSpec], blob: BlobRange) -> dict[str, object]:
    # Whatever digest its chunks have: casync does not heed it here.
    digest = task.spec.digest.new()
    phase = task.phase("reading", blob.size)
    with open_range(task, blob) as reading:
        for piece in reading.pieces:
            digest.update(piece)
            phase.advance(len(piece))
    return {"bytes": phase.done, "digest": digest.hexdigest(), **reading.statistics()}


def _of_tree(task: Task[DigestSpec], tree: Archive) -> dict[str, object]:
    with open_tree(task, tree) as archive:
        digest = flags_algorithm(archive.features()).new()
        if is_directory(tree):
            for block in archive.plain():
                digest.update(block)
        else:
            for _ in archive.events(digest.update):
                pass
    return {"bytes": archive.size, "digest": digest.hexdigest(), **archive.statistics()}
