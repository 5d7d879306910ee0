"""The options that say where chunks come from: stores, a cache and seeds."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from desync_jobs.cli import options as opt
from desync_jobs.cli.oneline import OneLine
from desync_jobs.cli.seeds import declared_seeds

T = TypeVar("T")

Option: TypeAlias = Callable[[Callable[..., Any]], Callable[..., Any]]
"""What gives a command an option, or several."""


@dataclass(frozen=True, slots=True)
class Fetching:
    """Where chunks come from, as given on the command line."""

    stores: tuple[str, ...]
    cache: str | None
    cache_repair: bool | None
    seed: tuple[str, ...]
    seed_directory: tuple[str, ...]
    chunks_info: str | None

    def line(self, kind: str, fields: Mapping[str, object]) -> OneLine:
        """Return the operation of `kind` with these `fields` and these sources."""
        sources = {"cache_repair": self.cache_repair, "chunks_info": self.chunks_info}
        return OneLine(
            kind,
            {**fields, **sources},
            stores=self.stores,
            cache=self.cache,
            seeds=declared_seeds(self.seed, self.seed_directory),
        )


def fetching(stores: Option) -> Option:
    """Add `stores` and the other options, and pass all on as one `Fetching`, named `sources`."""

    def added(function: Callable[..., T]) -> Callable[..., T]:
        @stores
        @opt.optional_cache
        @opt.cache_repair
        @opt.seed
        @opt.seed_directory
        @opt.chunks_info
        @functools.wraps(function)
        def with_sources(**given: Any) -> T:
            named = {name: given.pop(name) for name in Fetching.__dataclass_fields__}
            return function(sources=Fetching(**named), **given)

        return with_sources

    return added
