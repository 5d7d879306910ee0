"""An archive as it is read, written as a tar stream."""

from desync_jobs.archive.tar_writing import Bytes, TarWriter
from desync_jobs.archive.wanted import Choice
from desync_jobs.execute.archives import open_archive
from desync_jobs.execute.outputs import open_output
from desync_jobs.execute.result import Done
from desync_jobs.execute.task import Task
from desync_jobs.formats.tar.writing import TarFormat
from desync_jobs.manifest.operations.untar import UntarSpec
from desync_jobs.planner.operations.untar import UntarDetail


def write_tar_stream(task: Task[UntarSpec], detail: UntarDetail) -> Done:
    """Write the stream; a file is there as a whole or not at all, and what it cannot hold is told.

    Raises what reading the archive and writing the output raise.
    """
    spec, machine = task.spec, task.machine
    choice = Choice(spec.with_features, spec.without_features)
    size = 0
    with (
        open_archive(task, detail.archive) as archive,
        open_output(detail.target.path, machine.streams) as output,
    ):

        def write(data: Bytes) -> None:
            nonlocal size
            machine.cancel.check()
            output.write(data)
            size += len(data)

        writer = TarWriter(write, TarFormat(spec.tar_format), choice)
        writer.write(archive.events())
        machine.cancel.check()
        status = output.finish()
    for message in writer.unkept.messages():
        task.warn(message)
    counts = {"bytes": size, "entries": writer.entries, "entries_left_out": writer.left_out}
    return Done(status, {**counts, **archive.statistics()})
