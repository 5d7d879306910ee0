"""The options of whatever goes on until it is stopped and fetches what is read meanwhile."""

import functools
from collections.abc import Callable
from typing import Any, Final, TypeAlias

import click

from desync_jobs.cli import options as opt
from desync_jobs.cli.store_file import store_file

Decorator: TypeAlias = Callable[[Callable[..., Any]], Callable[..., Any]]

_SHARED: Final[tuple[Decorator, ...]] = (
    opt.optional_stores,
    opt.optional_cache,
    opt.cache_repair,
    store_file,
    click.option(
        "--memory", metavar="SIZE", help="Bytes of chunks kept in memory; by default 32MiB."
    ),
)


def live_options(*further: Decorator) -> Decorator:
    """Return what adds the options that all of them have, and `further` ones after those."""

    def add(function: Callable[..., Any]) -> Callable[..., Any]:
        options = reversed((*_SHARED, *further))
        return functools.reduce(lambda made, option: option(made), options, function)

    return add
