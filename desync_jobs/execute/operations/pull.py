"""Doing `pull`: casync's protocol on standard input and output."""

from desync_jobs.execute.inputs import read_index
from desync_jobs.execute.opening import EITHER, open_sources, source_facts
from desync_jobs.execute.result import Done
from desync_jobs.execute.task import Task
from desync_jobs.formats.index import serialize_index
from desync_jobs.manifest.operations.pull import PullSpec
from desync_jobs.planner.operations.pull import PullDetail, PullFacts
from desync_jobs.planner.step import Step
from desync_jobs.server.pull import Offer, PullSession


def survey_pull(task: Task[PullSpec]) -> PullFacts:
    """Look at the stores, and read the index where one is served."""
    spec = task.spec
    index = None
    if spec.index is not None:
        index = read_index(task.path(spec.index), task.machine.streams)
    return PullFacts(source_facts(task, spec.stores), index)


def do_pull(task: Task[PullSpec], step: Step) -> Done:
    """Serve until the client hangs up."""
    machine, index = task.machine, step.detail_as(PullDetail).index
    offer = Offer(open_sources(task, EITHER), None if index is None else serialize_index(index))
    machine.streams.stdout.flush()
    session = PullSession(
        offer,
        machine.streams.stdin.fileno(),
        machine.streams.stdout.fileno(),
        machine.cancel,
        task.warn,
    )
    session.serve()
    return Done(statistics={"chunks": session.chunks})
