"""Trees as commands take them: a catar, a directory, or with `-i` or by its name an index."""

import functools
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import click

from desync_jobs.cli import options as opt
from desync_jobs.cli.fetching import Fetching, fetching
from desync_jobs.cli.oneline import OneLine

T = TypeVar("T")

INDEX_SUFFIX: Final = ".caidx"


@dataclass(frozen=True, slots=True)
class ArchiveOptions:
    """Whether there is an index, and where its chunks come from."""

    chunked: bool
    sources: Fetching

    def key(self, tree: str) -> str:
        """Say what `tree` is: `index`, `directory` or `archive`."""
        if self.chunked or is_index_name(tree):
            return "index"
        return "directory" if os.path.isdir(tree) else "archive"

    def line(self, kind: str, archive: str, fields: Mapping[str, object]) -> OneLine:
        """Return the operation `kind` on `archive`; `UsageError` for an index without a store."""
        key = "index" if self.chunked or is_index_name(archive) else "archive"
        return self.line_on(kind, key, archive, fields)

    def line_on(self, kind: str, key: str, tree: str, fields: Mapping[str, object]) -> OneLine:
        """Return the operation `kind` on `tree`, which is what `key` says."""
        if key == "index":
            need_store_of_index(tree, self.sources.stores)
        return self.sources.line(kind, {key: tree, **fields})


def need_store_of_index(index: str, stores: Sequence[str]) -> None:
    """Raise `UsageError` for an index without a store."""
    if not stores:
        raise click.UsageError(
            f"{index} is read as an index, whose chunks are in a store; name it with --store"
        )


def is_index_name(text: str) -> bool:
    """Whether `text` is the path or URL of something called `.caidx`."""
    path = text.partition("?")[0] if "://" in text else text
    return path.endswith(INDEX_SUFFIX)


def archive_options(function: Callable[..., T]) -> Callable[..., T]:
    """Add the options of a command that reads an archive, which become its `reading`."""

    @click.option(
        "-i",
        "--index",
        "chunked",
        is_flag=True,
        help="Read the index of an archive, for which the name x.caidx is enough.",
    )
    @fetching(opt.optional_stores)
    @functools.wraps(function)
    def with_archive(*, chunked: bool, sources: Fetching, **given: Any) -> T:
        return function(reading=ArchiveOptions(chunked, sources), **given)

    return with_archive
