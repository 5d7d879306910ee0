"""Doing `put`: an archive is checked on its way to being cut, so that no index is of any other."""

from collections.abc import Callable
from dataclasses import replace

from desync_jobs.archive.encoding import Bytes
from desync_jobs.archive.piping import piped
from desync_jobs.assembly.cutting import Stream
from desync_jobs.execute.archives import open_file
from desync_jobs.execute.indexes import index_output_facts
from desync_jobs.execute.inputs import file_facts
from desync_jobs.execute.making import IndexWanted, make_chunks
from desync_jobs.execute.result import Done
from desync_jobs.execute.task import Task
from desync_jobs.formats.catar.reading import Opened
from desync_jobs.manifest.operations.put import PutSpec
from desync_jobs.planner.facts import FileFacts
from desync_jobs.planner.operations.put import PutFacts
from desync_jobs.planner.step import Step


def survey_put(task: Task[PutSpec]) -> PutFacts:
    """Look at the archive and at the index's place."""
    archive = file_facts(task.path(task.spec.archive), task.machine.streams)
    return PutFacts(archive, index_output_facts(task, task.spec.index))


def do_put(task: Task[PutSpec], step: Step) -> Done:
    """Cut the archive, store what the store lacks, sync, and publish the index."""
    facts = step.detail_as(FileFacts)
    nodes = 0
    with open_file(task, facts) as archive:
        wanted = IndexWanted(task.spec.index, archive.features())

        def feed(write: Callable[[Bytes], None]) -> None:
            nonlocal nodes
            for event in archive.events(lambda block: write(memoryview(block))):
                nodes += isinstance(event, Opened)

        with piped(feed) as pipe:
            stream = Stream(pipe.fd, archive.name)
            done = make_chunks(task, stream, wanted, pipe.finish)
    return replace(done, statistics={**done.statistics, "nodes": nodes})
