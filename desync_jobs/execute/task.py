"""What a surveyor or doer of one operation is given."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, BinaryIO, Generic, Protocol, TypeVar

from desync_jobs.assembly.cancel import Cancel
from desync_jobs.assembly.workers import Workers
from desync_jobs.core.kernel import Kernel
from desync_jobs.execute.engines.base import Engine
from desync_jobs.execute.progress import Phase, Progress
from desync_jobs.manifest.job import Job
from desync_jobs.planner.facts import IndexFacts
from desync_jobs.report.events import Reporter, Warned
from desync_jobs.stores.leases.held import HeldLeases
from desync_jobs.stores.places import Places

if TYPE_CHECKING:
    from desync_jobs.formats.index import Index

S_co = TypeVar("S_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Streams:
    """What `-` stands for."""

    stdin: BinaryIO
    stdout: BinaryIO
    cancel: Cancel
    """Ends the waiting for input that does not come."""


class IndexRule(Protocol):
    """Which indexes a run may use."""

    def meet(self, job: Job, index: IndexFacts) -> None:
        """Take note of an index of `job`; the error that says why it is not to be used."""
        ...


class AnyIndex:
    """The rule that allows every index."""

    def meet(self, job: Job, index: IndexFacts) -> None:
        """Allow it."""


class Purpose(Enum):
    """What a plan is made for."""

    PREVIEW = "preview"
    """To be looked at: every figure that can be found out is."""
    STATUS = "status"
    """To say how things stand: as a preview, without looks into trees, of which nothing is told."""
    RUN = "run"
    """To be carried out at once: nothing is asked that the run finds out itself."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What all operations of a run share."""

    job: Job
    kernel: Kernel
    workers: Workers
    cancel: Cancel
    reporter: Reporter
    progress: Progress
    streams: Streams
    engine: Engine["Task[Any]"]
    """Does the many batches of a step."""
    fresh_indexes: "dict[tuple[str, str], Index]" = field(default_factory=dict)
    """Indexes that were made of seeds and are not kept yet, so that no seed is read twice; their
    keys are those of `KeptIndex`."""
    places: Places = field(default_factory=Places)
    """What is elsewhere and open already."""
    purpose: Purpose = Purpose.RUN
    indexes: IndexRule = field(default_factory=AnyIndex)
    """Told of every index that is read, before anything is made of it."""
    reload: Callable[[], Job] | None = None
    """Reads the job again from where it came from; None where it cannot be."""


@dataclass(frozen=True, slots=True)
class Task(Generic[S_co]):
    """One operation of a job and the machine it runs on."""

    name: str
    spec: S_co
    machine: Machine
    leases: HeldLeases = field(default_factory=HeldLeases)
    """Of the stores that it adds to, by their names, while it runs."""

    def path(self, text: str) -> str:
        """Return where `text` of the manifest points to; `-` stays `-`."""
        return text if text == "-" else self.machine.job.path(text)

    def phase(self, name: str, total: int, unit: str = "bytes") -> Phase:
        """Begin a phase of this operation."""
        return self.machine.progress.phase(self.name, name, total, unit)

    def warn(self, message: str) -> None:
        """Say that something is not as it should be."""
        self.machine.reporter.emit(Warned(self.name, message))
