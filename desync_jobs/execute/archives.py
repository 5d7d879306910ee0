"""Reading an archive once, from a file or standard input, and writing text about it."""

from collections.abc import Callable, Iterator
from typing import Any

from desync_jobs.execute.blob_digest import blocks
from desync_jobs.execute.inputs import file_facts, open_input, output_facts
from desync_jobs.execute.outputs import open_output
from desync_jobs.execute.result import Done
from desync_jobs.execute.task import Task
from desync_jobs.formats.catar.listing import escaped
from desync_jobs.formats.catar.reading import Event, LeftOut, Opened, TreeReader
from desync_jobs.planner.archives import ArchiveFacts
from desync_jobs.planner.facts import FileFacts

_BATCH = 1000
"""Lines written at a time."""


def archive_facts(task: Task[Any], archive: str, output: str) -> ArchiveFacts:
    """Look at an archive and at the place of what is written about it."""
    streams = task.machine.streams
    return ArchiveFacts(
        file_facts(task.path(archive), streams), output_facts(task.path(output), streams)
    )


def write_archive_listing(
    task: Task[Any],
    archive: FileFacts,
    output: str,
    lines: Callable[[Iterator[Event]], Iterator[str]],
) -> Done:
    """Write the `lines` made of what is in `archive`, as it is read.

    Raises `ArchiveFormatError` where the archive is none; a file is written whole or not at all.
    """
    nodes = 0

    def counted() -> Iterator[Event]:
        nonlocal nodes
        for event in _events(task, archive):
            nodes += isinstance(event, Opened)
            yield event

    with open_output(task.path(output), task.machine.streams) as out:
        batch: list[str] = []
        for line in lines(counted()):
            batch.append(f"{line}\n")
            if len(batch) == _BATCH:
                out.write("".join(batch).encode("ascii"))
                batch = []
        out.write("".join(batch).encode("ascii"))
        return Done(out.finish(), {"nodes": nodes})


def _events(task: Task[Any], archive: FileFacts) -> Iterator[Event]:
    """Yield what is in the archive; say which names desync left without anything."""
    name = "standard input" if archive.path == "-" else archive.path
    reader = TreeReader(name)
    phase = task.phase("reading", archive.size)
    left_out: list[bytes] = []
    count = 0
    with open_input(archive.path, task.machine.streams) as fd:
        for block in blocks(fd, name, task.machine.workers):
            for event in reader.feed(block):
                if isinstance(event, LeftOut):
                    left_out, count = left_out or [event.path], count + 1
                yield event
            phase.advance(len(block))
    reader.finish()
    if left_out:
        task.warn(
            f"{name}: desync left out what it could not keep, a FIFO or a socket: "
            f"{escaped(left_out[0])}" + (f" and {count - 1:,} more" if count > 1 else "")
        )
