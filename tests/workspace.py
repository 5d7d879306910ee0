"""A directory that jobs run in, in this process, through the Python interface."""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryFile
from threading import Thread
from typing import Any, BinaryIO

from desync_jobs.api import Settings, plan, run
from desync_jobs.assembly.cancel import Cancel
from desync_jobs.core.kernel import Kernel, best
from desync_jobs.execute.result import Outcome, Result
from desync_jobs.formats.index import Index, parse_index
from desync_jobs.manifest.job import Job
from desync_jobs.manifest.load import job_from_document
from desync_jobs.planner.plan import Plan
from desync_jobs.report.events import Event, Reporter, Reporters, SilentReporter, Warned
from desync_jobs.stores.leases.promises import FOLDER

SMALL = "2KiB:8KiB:32KiB"
"""Chunk sizes that give blobs of some 100 kB a good number of chunks."""

_PLACES = ("store", "stores", "repair_from", "cache")


@dataclass(frozen=True)
class Ended:
    """A run that is over."""

    result: Result
    output: bytes
    """What went to standard output."""
    warnings: list[str] = field(default_factory=list)

    @property
    def only(self) -> Outcome:
        """The outcome of a job of one operation."""
        (outcome,) = self.result.outcomes
        return outcome

    @property
    def summary(self) -> tuple[int, str]:
        """Exit code and status of a job of one operation."""
        return self.result.exit_code, self.only.status.value

    @property
    def statistics(self) -> Mapping[str, Any]:
        return self.only.statistics

    @property
    def message(self) -> str:
        return str(self.only.error)

    @property
    def statuses(self) -> dict[str, str]:
        return {outcome.operation: outcome.status.value for outcome in self.result.outcomes}


@dataclass
class Collector:
    """A reporter that keeps every event."""

    events: list[Event] = field(default_factory=list)

    def emit(self, event: Event) -> None:
        self.events.append(event)

    def close(self) -> None:
        """Have nothing to release."""


@dataclass(frozen=True)
class How:
    """How a job is run; the defaults suit nearly every test."""

    given: bytes | BinaryIO | None = None
    """Standard input: bytes come through a pipe."""
    workers: int = 2
    keep_going: bool = False
    kernel: Kernel = field(default_factory=best)
    cancel: Cancel = field(default_factory=Cancel)
    reporter: Reporter = field(default_factory=SilentReporter)


@dataclass(frozen=True)
class Workspace:
    """A directory with blobs, indexes and stores.

    A store or cache is declared by being named in an operation, and is the directory of
    its name, except where `places` says more.
    """

    path: Path
    places: dict[str, dict[str, object]] = field(default_factory=dict)
    seeds: dict[str, dict[str, str]] = field(default_factory=dict)
    """What every job declares as seeds."""
    groups: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What every job declares as failover groups; their members are stores."""

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    def job(self, operations: Mapping[str, Mapping[str, Any]], how: How | None = None) -> Job:
        """Return the job of these operations."""
        how = how or How()
        stores: dict[str, object] = {}
        caches: dict[str, object] = {}
        for fields in operations.values():
            for key in _PLACES:
                named = fields.get(key, ())
                for name in self._ungrouped([named] if isinstance(named, str) else named):
                    table = caches if key == "cache" else stores
                    table[name] = {"url": name, **self.places.get(name, {})}
        # A cache may be read as a store, and not the other way.
        only_read = {name: place for name, place in stores.items() if name not in caches}
        document = {
            "version": 1,
            "engine": {"kind": "local", "workers": how.workers},
            "keep_going": how.keep_going,
            "stores": only_read,
            "caches": caches,
            "seeds": self.seeds,
            "failover_groups": self.groups,
            "operations": operations,
        }
        return job_from_document(document, str(self.path), "job")

    def _ungrouped(self, names: Iterable[str]) -> Iterator[str]:
        for name in names:
            yield from self.groups[name]["members"] if name in self.groups else [name]

    def run(self, operations: Mapping[str, Mapping[str, Any]], how: How | None = None) -> Ended:
        """Run the job of these operations."""
        how = how or How()
        output = BytesIO()
        collector = Collector()
        with _standard_input(how.given) as stdin:
            settings = Settings(
                reporter=Reporters(collector, how.reporter),
                cancel=how.cancel,
                kernel=how.kernel,
                stdin=stdin,
                stdout=output,
            )
            result = run(self.job(operations, how), settings)
        warned = [event.message for event in collector.events if isinstance(event, Warned)]
        return Ended(result, output.getvalue(), warned)

    def do(self, kind: str, how: How | None = None, /, **fields: Any) -> Ended:
        """Run a job of one operation; a field that is None is left out."""
        given = {key: value for key, value in fields.items() if value is not None}
        return self.run({kind: {"kind": kind, **given}}, how)

    def plan(
        self, operations: Mapping[str, Mapping[str, Any]], reporter: Reporter | None = None
    ) -> Plan:
        """Plan the job of these operations."""
        with _standard_input(None) as stdin:
            settings = Settings(
                reporter=reporter or SilentReporter(), stdin=stdin, stdout=BytesIO()
            )
            return plan(self.job(operations), settings)

    def make(self, blob: str, data: bytes | None = None, /, **fields: Any) -> Index:
        """Write a blob and make `BLOB.caibx` of it, with small chunks, in `store` unless said."""
        if data is not None:
            (self.path / blob).write_bytes(data)
        settings = {"store": "store", "chunk_size": SMALL, **fields}
        ended = self.do("make", blob=blob, index=f"{blob}.caibx", **settings)
        assert ended.result.exit_code == 0, ended.message
        return self.index(f"{blob}.caibx")

    def index(self, name: str) -> Index:
        return parse_index((self.path / name).read_bytes(), name)


def chunk_files(store: Path) -> dict[str, bytes]:
    """Return every file of a store by its path in it, but for what a server promised clients."""
    return {
        str(path.relative_to(store)): path.read_bytes()
        for path in sorted(store.rglob("*"))
        if not path.is_dir() and not path.is_relative_to(store / FOLDER)
    }


def chunk_file(store: Path, chunk_id: bytes, suffix: str = ".cacnk") -> Path:
    name = chunk_id.hex()
    return store / name[:4] / f"{name}{suffix}"


def ids_of(index: Index) -> list[bytes]:
    return [index.id(position) for position in range(len(index))]


def overwrite(path: Path, data: bytes) -> None:
    """Put other content into a file that may not be writable, as damage does."""
    path.unlink()
    path.write_bytes(data)


def stamp(path: Path) -> tuple[int, int, int, int]:
    """Return what changes when a file is replaced or written."""
    found = path.stat()
    return found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size


def stamps(folder: Path) -> dict[str, tuple[int, int, int, int]]:
    """Return the stamp of every file below `folder`."""
    return {
        str(path.relative_to(folder)): stamp(path)
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink()
    }


@contextmanager
def _standard_input(given: bytes | BinaryIO | None) -> Iterator[BinaryIO]:
    if given is None:
        with TemporaryFile() as empty:
            yield empty
    elif isinstance(given, bytes):
        with _pipe(given) as pipe:
            yield pipe
    else:
        yield given


@contextmanager
def _pipe(data: bytes) -> Iterator[BinaryIO]:
    reader, writer = os.pipe()

    def feed() -> None:
        with open(writer, "wb") as stream:
            try:
                stream.write(data)
            except BrokenPipeError:
                return

    feeder = Thread(target=feed)
    feeder.start()
    with open(reader, "rb") as stream:
        yield stream
    feeder.join()
