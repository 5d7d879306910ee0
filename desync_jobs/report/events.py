"""Events of a run, as values; the closed union `Event` is what `--events` writes.

Every event is one line of NDJSON with `event` (its name here, in kebab case),
`time` (seconds since the first line) and the fields below. The schema has a
version, `SCHEMA`, carried by the first line; fields are only ever added to a
version. No event carries a secret or a chunk's content.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeAlias

SCHEMA: Final = "desync-run.events/1"


@dataclass(frozen=True, slots=True)
class RunStarted:
    """The plan is made and the run begins."""

    job: str
    """Name of the job, or its file."""
    operations: tuple[str, ...]
    """Operations in the order in which they run."""
    total_bytes: int
    """Bytes of work known at the start: the whole of the progress bar; see `TotalChanged`."""
    schema: str = SCHEMA
    needs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """For each operation those that must have succeeded before, direct ones only."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """The values of the job's variables."""


@dataclass(frozen=True, slots=True)
class TotalChanged:
    """More is known of the work to do: a survey looked at something, or a step was planned late."""

    total_bytes: int
    """Bytes of work over the whole run, from its beginning."""


@dataclass(frozen=True, slots=True)
class PhaseStarted:
    """A phase of an operation begins."""

    operation: str
    phase: str
    """What is done, in one or two words: `chunking`, `assembling`."""
    total: int
    """Units in this phase."""
    unit: str
    """`bytes` or `chunks`."""


@dataclass(frozen=True, slots=True)
class PhaseAdvanced:
    """Some of a phase is done."""

    operation: str
    phase: str
    done: int
    """Units done since the phase began, never above its total."""
    work: int
    """Bytes of the run's `total_bytes` done by this advance alone."""


@dataclass(frozen=True, slots=True)
class Warned:
    """Something is not as it should be, and the run goes on."""

    operation: str
    message: str


@dataclass(frozen=True, slots=True)
class Listening:
    """A server accepts connections."""

    operation: str
    urls: tuple[str, ...]
    """Where clients find it."""


@dataclass(frozen=True, slots=True)
class Mounted:
    """A file system is there."""

    operation: str
    path: str
    """The directory it is mounted at."""


@dataclass(frozen=True, slots=True)
class Stopping:
    """An operation that goes on until it is stopped was asked to end."""

    operation: str


@dataclass(frozen=True, slots=True)
class Attached:
    """A block device is there."""

    operation: str
    device: str
    """Its path."""


@dataclass(frozen=True, slots=True)
class StepStarted:
    """An operation begins."""

    operation: str
    kind: str
    reason: str


@dataclass(frozen=True, slots=True)
class StepFinished:
    """An operation ended; `status` is that of its outcome."""

    operation: str
    kind: str
    status: str
    seconds: float
    statistics: Mapping[str, object] = field(default_factory=dict)
    error: str | None = None
    reason: str = ""
    """Why it was done, was left alone or was skipped, in a clause."""


@dataclass(frozen=True, slots=True)
class RunFinished:
    """The run ended."""

    exit_code: int
    seconds: float
    error: str | None = None
    """Why the run ended before any operation was begun."""


Event: TypeAlias = (
    RunStarted
    | TotalChanged
    | StepStarted
    | PhaseStarted
    | PhaseAdvanced
    | Warned
    | Listening
    | Mounted
    | Stopping
    | Attached
    | StepFinished
    | RunFinished
)


class Reporter(Protocol):
    """Something that is told what happens; called from many threads, must not raise."""

    def emit(self, event: Event) -> None:
        """Take note of `event`."""
        ...

    def close(self) -> None:
        """Show what is left and release the terminal or the file."""
        ...


class SilentReporter:
    """Tells nobody."""

    def emit(self, event: Event) -> None:
        """Forget `event`."""

    def close(self) -> None:
        """Have nothing to release."""


class Reporters:
    """Tells each of several reporters, in order."""

    def __init__(self, *members: Reporter) -> None:
        self._members = members

    def emit(self, event: Event) -> None:
        for member in self._members:
            member.emit(event)

    def close(self) -> None:
        for member in self._members:
            member.close()
