"""Trees as commands take them: a catar, a directory, or with `-i` or by its name an index."""

import functools
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import click

from desync_jobs.cli import options as opt
from desync_jobs.cli.oneline import OneLine
from desync_jobs.cli.seeds import declared_seeds

T = TypeVar("T")

INDEX_SUFFIX: Final = ".caidx"


@dataclass(frozen=True, slots=True)
class ArchiveOptions:
    """Where the chunks of an index come from, and whether there is one."""

    chunked: bool
    stores: tuple[str, ...]
    cache: str | None
    cache_repair: bool | None
    seed: tuple[str, ...]
    seed_directory: tuple[str, ...]
    chunks_info: str | None

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
            need_store_of_index(tree, self.stores)
        return self.sourced(kind, {key: tree, **fields})

    def sourced(self, kind: str, fields: Mapping[str, object]) -> OneLine:
        """Return the operation `kind`, whose chunks come from what was asked for."""
        places: dict[str, object] = {
            "cache_repair": self.cache_repair,
            "chunks_info": self.chunks_info,
        }
        seeds = declared_seeds(self.seed, self.seed_directory)
        return OneLine(
            kind, {**fields, **places}, stores=self.stores, cache=self.cache, seeds=seeds
        )


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
    @opt.optional_stores
    @opt.optional_cache
    @opt.cache_repair
    @opt.seed
    @opt.seed_directory
    @opt.chunks_info
    @functools.wraps(function)
    def with_archive(**given: Any) -> T:
        names = ArchiveOptions.__dataclass_fields__
        reading = ArchiveOptions(**{name: given.pop(name) for name in names})
        return function(reading=reading, **given)

    return with_archive
