"""Two open trees → every difference, as lines of words or as a JSON array."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from desync_jobs.execute.archives import OpenArchive
from desync_jobs.execute.outputs import open_output
from desync_jobs.execute.result import Status
from desync_jobs.execute.task import Task
from desync_jobs.formats.catar.comparing import Change, Changed, compare, seen
from desync_jobs.formats.catar.listing import escaped
from desync_jobs.report.words import counted


@dataclass(frozen=True, slots=True)
class Telling:
    """How changes are told."""

    form: str
    """`words` or `json`."""
    line: Callable[[Changed], Iterator[str]]
    """Tells one change in words."""
    keys: tuple[str, str]
    """What values of the older and of the newer tree are called in JSON."""
    ignored: frozenset[str] = frozenset()
    """Aspects that are not compared."""
    extra: bool = True
    """Whether it matters what only the newer tree has."""


def tell_changes(
    task: Task[Any], old: OpenArchive, new: OpenArchive, telling: Telling, output: str
) -> tuple[Status, dict[str, object]]:
    """Write what changed from `old` to `new`; returns how many paths are alike, and how many not.

    Raises what reading the trees raises; a file is written whole or not at all.
    """
    counts: Counter[Change | None] = Counter()

    def changes() -> Iterator[Changed]:
        trees = seen(old.events(), old.name), seen(new.events(), new.name)
        for one in compare(*trees, telling.ignored):
            change = None if one is None else one.change
            if one is not None and (telling.extra or change is not Change.ADDED):
                counts[change] += 1
                yield one
            elif one is None:
                counts[None] += 1

    with open_output(task.path(output), task.machine.streams) as out:
        words = telling.form == "words"
        for text in _lines(changes(), telling) if words else _array(changes(), telling):
            out.write(text.encode("ascii"))
        status = out.finish()
    return status, {
        "same": counts[None],
        "added": counts[Change.ADDED],
        "removed": counts[Change.REMOVED],
        "changed": counts[Change.CHANGED],
        "old": old.statistics(),
        "new": new.statistics(),
    }


def _lines(changes: Iterator[Changed], telling: Telling) -> Iterator[str]:
    for one in changes:
        yield from (f"{line}\n" for line in telling.line(one))


def _array(changes: Iterator[Changed], telling: Telling) -> Iterator[str]:
    separator = "[\n"
    for one in changes:
        yield f"{separator}  {json.dumps(_object(one, telling.keys))}"
        separator = ",\n"
    yield "[]\n" if separator == "[\n" else "\n]\n"


def _object(one: Changed, keys: tuple[str, str]) -> dict[str, object]:
    """Return a change as JSON has it; the path as in an mtree, because JSON has no bytes."""
    value: dict[str, object] = {
        "path": escaped(one.path),
        "change": one.change.value,
        "type": one.kind.value,
    }
    if one.size is not None:
        value["size"] = one.size
    if one.differences:
        value["differences"] = [
            {"attribute": each.attribute, keys[0]: each.old, keys[1]: each.new}
            for each in one.differences
        ]
    return value


def described(one: Changed) -> str:
    """Return a path with what it is: `usr/bin/x (file, 12 bytes)`."""
    size = "" if one.size is None else f", {counted(one.size, 'byte')}"
    return f"{escaped(one.path)} ({one.kind.value}{size})"
