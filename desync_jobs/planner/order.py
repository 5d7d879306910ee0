"""In which order operations run, from what they touch.

An operation that reads a file comes after the one that writes it; one that reads a store comes
after the one whose purpose is to fill it; one that uses a directory of seeds comes after those that
write into it, and of those that do both the first declared comes first. What goes on until it is
stopped comes after everything else. `after` adds to that.
Refused, each with its own message: two writers of one file, two readers of standard input, a
deleter in a store that others use without an order between them, and cycles.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from itertools import combinations
from typing import TypeAlias

from desync_jobs.errors import ManifestError, Problem
from desync_jobs.manifest.endless import EndlessSpec
from desync_jobs.manifest.globs import matches, may_meet
from desync_jobs.manifest.job import Job
from desync_jobs.manifest.operations import OperationSpec


@dataclass(frozen=True, slots=True)
class Order:
    """Operations in a deterministic order that respects every need."""

    names: tuple[str, ...]
    needs: Mapping[str, frozenset[str]]
    """All operations that must have succeeded before, direct ones only."""
    data: Mapping[str, frozenset[str]]
    """Of `needs`, those whose output is an input."""


Real: TypeAlias = Callable[[str], str]


def order_operations(job: Job, real: Real = str) -> Order:
    """Return the order of `job`'s operations; `ManifestError` with every conflict found.

    `real` says where the directory of a store really is: another one may be a link to it.
    """
    touched = _Touched(job, real)
    specs = job.spec.operations
    problems = [*touched.double_writers(), *touched.double_readers_of_input()]
    try:
        files = {name: frozenset(touched.makers(name)) for name in specs}
        fixed = {name: files[name] | frozenset(specs[name].after) for name in specs}
        # What fills a store from something it gave before cannot have come first.
        before = _ancestors(_sorted(fixed), fixed)
        data = {
            name: files[name] | {one for one in touched.fillers(name) if name not in before[one]}
            for name in specs
        }
        needs = {name: data[name] | fixed[name] for name in specs}
        seeded = _without_cycles(needs, {name: touched.seeders(name) for name in specs})
        data = {name: data[name] | seeded[name] for name in specs}
        needs = {name: needs[name] | seeded[name] | _before_endless(specs, name) for name in specs}
        names = _sorted(needs)
    except CycleError as error:
        problems.append(_cycle(error.args[1]))
        raise ManifestError(job.source, problems) from error
    problems += touched.unordered_deletions(_ancestors(names, needs))
    if problems:
        raise ManifestError(job.source, problems)
    return Order(names, needs, data)


def _before_endless(specs: Mapping[str, OperationSpec], name: str) -> frozenset[str]:
    """Return what comes before an operation that ends when it is stopped: everything else."""
    if not isinstance(specs[name], EndlessSpec):
        return frozenset()
    return frozenset(other for other in specs if other != name)


def _sorted(needs: Mapping[str, frozenset[str]]) -> tuple[str, ...]:
    """Sort so that among operations that could run next the first declared goes first."""
    declared = {name: place for place, name in enumerate(needs)}
    sorter = TopologicalSorter(needs)
    sorter.prepare()
    names: list[str] = []
    ready: list[str] = []
    while sorter.is_active():
        ready = sorted([*ready, *sorter.get_ready()], key=declared.__getitem__)
        names.append(ready.pop(0))
        sorter.done(names[-1])
    return tuple(names)


def _cycle(names: list[str]) -> Problem:
    path = " → ".join(reversed(names))
    return Problem(
        ("operations", names[-1]),
        f"operations wait for each other: {path}; remove one `after` or change what one reads",
    )


def _ancestors(
    names: Iterable[str], needs: Mapping[str, frozenset[str]]
) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for name in names:
        found[name] = needs[name].union(*(found[need] for need in needs[name]))
    return found


def _without_cycles(
    needs: Mapping[str, frozenset[str]], wished: Mapping[str, list[str]]
) -> dict[str, set[str]]:
    """Return of what each operation is wished to come after what it can come after.

    `needs` hold in any case; of wishes that exclude each other the one for the order in which
    both are declared.
    """
    declared = {name: place for place, name in enumerate(needs)}
    pairs = [(name, other) for name, others in wished.items() for other in others]
    pairs.sort(key=lambda pair: declared[pair[1]] > declared[pair[0]])
    before = _ancestors(_sorted(needs), needs)
    granted: dict[str, set[str]] = {name: set() for name in needs}
    for name, other in pairs:
        if name in before[other]:
            continue
        granted[name].add(other)
        if other not in before[name]:
            new = before[other] | {other}
            for one in before:
                if one == name or name in before[one]:
                    before[one] |= new
    return granted


class _Touched:
    """Who reads, writes, fills and deletes what; files by absolute path, stores by location."""

    def __init__(self, job: Job, real: Real) -> None:
        self._job = job
        self._real = real
        self._readers: dict[str, list[str]] = defaultdict(list)
        self._writers: dict[str, list[str]] = defaultdict(list)
        self._searchers: dict[str, list[str]] = defaultdict(list)
        """Who reads what a pattern stands for."""
        self._scatterers: dict[str, list[str]] = defaultdict(list)
        """Who may write what a pattern stands for."""
        self._trees: dict[str, list[str]] = defaultdict(list)
        """Who reads a directory with everything in it."""
        self._planters: dict[str, list[str]] = defaultdict(list)
        """Who writes a directory with everything in it."""
        self._users: dict[str, list[str]] = defaultdict(list)
        self._fillers: dict[str, list[str]] = defaultdict(list)
        self._deleters: dict[str, list[str]] = defaultdict(list)
        self._directories: dict[str, list[str]] = defaultdict(list)
        """Who takes seeds from a directory."""
        self._stdin: list[str] = []
        for name, spec in job.spec.operations.items():
            access = spec.access()
            if access.reads_stdin:
                self._stdin.append(name)
            _note(self._readers, name, map(job.path, access.reads))
            for seed in access.uses_seeds:
                _note(self._readers, name, map(job.path, job.spec.seeds[seed].paths))
                _note(self._directories, name, map(job.path, job.spec.seeds[seed].directories))
            _note(self._writers, name, map(job.path, access.writes))
            _note(self._searchers, name, map(job.pattern, access.reads_matching))
            _note(self._scatterers, name, map(job.pattern, access.writes_matching))
            _note(self._trees, name, map(job.path, access.reads_trees))
            _note(self._planters, name, map(job.path, access.plants))
            _note(self._users, name, self._places(access.uses_stores))
            _note(self._fillers, name, self._places(access.adds_to))
            _note(self._deleters, name, self._places(access.deletes_from))

    def _places(self, names: Iterable[str]) -> Iterator[str]:
        """Yield where stores, caches and the members of failover groups are."""
        for name in names:
            for member in self._job.spec.members(name):
                location = self._job.location(member)
                local = self._job.spec.place(member).directory is not None
                yield self._real(location) if local else location

    def makers(self, name: str) -> Iterator[str]:
        """Yield operations that write a file that `name` reads, or may write it."""
        for path, readers in self._readers.items():
            if name in readers:
                makers = [*self._writers.get(path, ()), *self._scattered(path)]
                yield from (maker for maker in makers if maker != name)
        for pattern, searchers in self._searchers.items():
            if name in searchers:
                for makers in self._matched(pattern):
                    yield from (maker for maker in makers if maker != name)
        yield from self._growers(name)
        yield from self._planting(name)

    def _matched(self, pattern: str) -> Iterator[list[str]]:
        """Yield the operations that write, or may write, a file that `pattern` stands for."""
        yield from (one for path, one in self._writers.items() if matches(path, pattern))
        yield from (one for other, one in self._scatterers.items() if may_meet(other, pattern))

    def _growers(self, name: str) -> Iterator[str]:
        """Yield operations that write, or may write, into a tree that `name` reads."""
        for top, readers in self._trees.items():
            if name in readers:
                for path, writers in (*self._writers.items(), *self._scatterers.items()):
                    if path.startswith(top.rstrip("/") + "/"):
                        yield from (writer for writer in writers if writer != name)

    def _planting(self, name: str) -> Iterator[str]:
        """Yield operations that write a tree in which `name` reads a file, or a tree, or both."""
        for top, planters in self._planters.items():
            files = [path for path, readers in self._readers.items() if name in readers]
            trees = [path for path, readers in self._trees.items() if name in readers]
            if any(_is_within(path, top) for path in (*files, *trees)) or any(
                _is_within(top, path) for path in trees
            ):
                yield from (planter for planter in planters if planter != name)

    def _scattered(self, path: str) -> Iterator[str]:
        """Yield operations that may write `path`."""
        for pattern, scatterers in self._scatterers.items():
            if matches(path, pattern):
                yield from scatterers

    def fillers(self, name: str) -> Iterator[str]:
        """Yield operations whose purpose is to fill a store that `name` takes from."""
        for place, users in self._users.items():
            if name in users:
                yield from (filler for filler in self._fillers.get(place, ()) if filler != name)

    def seeders(self, name: str) -> list[str]:
        """Return the operations that write into a directory of seeds of `name`, the last first."""
        own = [place for place, users in self._directories.items() if name in users]
        found = {
            writer
            for written in (self._writers, self._scatterers)
            for path, writers in written.items()
            if any(path.startswith(place.rstrip("/") + "/") for place in own)
            for writer in writers
        }
        # From the last on, so that the nearest ones say where most of the others are.
        return [one for one in reversed(self._job.spec.operations) if one in found - {name}]

    def double_writers(self) -> Iterator[Problem]:
        for path, writers in (*self._writers.items(), *self._planters.items()):
            for first, second in combinations(writers, 2):
                yield Problem(
                    ("operations", second),
                    f"writes {path}, as operation {first!r} does; give one of them another target",
                )

    def double_readers_of_input(self) -> Iterator[Problem]:
        for second in self._stdin[1:]:
            yield Problem(
                ("operations", second),
                f"reads standard input, as operation {self._stdin[0]!r} does; it can be read once",
            )

    def unordered_deletions(self, ancestors: Mapping[str, frozenset[str]]) -> Iterator[Problem]:
        for place, deleters in self._deleters.items():
            for deleter in deleters:
                for other in {*self._users.get(place, ()), *self._fillers.get(place, ())}:
                    ordered = other in ancestors[deleter] or deleter in ancestors[other]
                    if other != deleter and not ordered:
                        yield Problem(
                            ("operations", deleter),
                            f"deletes from {place}, which operation {other!r} uses; "
                            f"say which comes first with `after`",
                        )


def _is_within(path: str, top: str) -> bool:
    return (path + "/").startswith(top.rstrip("/") + "/")


def _note(table: dict[str, list[str]], name: str, keys: Iterable[str]) -> None:
    for key in keys:
        if name not in table[key]:
            table[key].append(name)
