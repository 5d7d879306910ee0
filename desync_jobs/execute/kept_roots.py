"""Which indexes below roots are kept: those that any rule keeps, of whichever root, or a pin."""

import os
from collections.abc import Iterator, Sequence
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from desync_jobs.execute.index_places import listed_indexes
from desync_jobs.execute.opening import open_place_of_indexes
from desync_jobs.execute.task import Task
from desync_jobs.manifest.index_places import below
from desync_jobs.manifest.operations.prune import PruneSpec
from desync_jobs.manifest.paths import url_scheme
from desync_jobs.planner.retention import FoundIndex, retained


class Kept(NamedTuple):
    """What was found below a root."""

    found: Sequence[FoundIndex]
    names: set[str]
    """Of those that are kept."""


def kept_below(task: Task[PruneSpec], now: float) -> list[Kept]:
    """Return for each root of the operation what is kept.

    An index that one root has no use for may be below another one too, or be named by itself: that
    keeps it.
    """
    spec = task.spec
    kept = []
    for root in spec.roots:
        found = listed_indexes(open_place_of_indexes(task, root.url), root)
        kept.append(Kept(found, retained(found, root, now)))
    if any(len(one.names) < len(one.found) for one in kept):
        held = set(_held(task, kept))
        for root, one in zip(spec.roots, kept, strict=True):
            for index in one.found:
                if index.name not in one.names and _identity(task, root.url, index.name) in held:
                    one.names.add(index.name)
    return kept


def _held(task: Task[PruneSpec], kept: Sequence[Kept]) -> Iterator[str]:
    """Yield where everything is that is kept for some reason."""
    for text in task.spec.indexes:
        yield _place(task.path(text))
    for root, one in zip(task.spec.roots, kept, strict=True):
        for name in one.names:
            yield _identity(task, root.url, name)


def _identity(task: Task[PruneSpec], url: str, name: str) -> str:
    return _place(below(task.path(url), name))


def _place(text: str) -> str:
    """Return what all names of a file have in common, by links or with characters escaped."""
    if url_scheme(text) is None:
        return os.path.realpath(text)
    parts = urlsplit(text)
    path = "/".join(filter(None, unquote(parts.path).split("/")))
    return f"{parts.scheme}://{parts.netloc}/{path}"
