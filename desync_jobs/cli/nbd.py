"""The options of block devices, as the keys of a manifest."""

import functools
from collections.abc import Callable, Mapping
from typing import Any, Final

import click

from desync_jobs.cli import options as opt
from desync_jobs.cli.oneline import OneLine
from desync_jobs.cli.store_file import store_file, take_stores

_OPTIONS: Final = (
    opt.optional_stores,
    opt.optional_cache,
    opt.cache_repair,
    store_file,
    click.option(
        "--memory", metavar="SIZE", help="Bytes of chunks kept in memory; by default 32MiB."
    ),
    click.option(
        "--drain", metavar="TIME", help="Time for requests under way at the end; by default 30s."
    ),
)


def nbd_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of every block device."""
    return functools.reduce(lambda made, option: option(made), reversed(_OPTIONS), function)


def nbd_line(kind: str, given: dict[str, Any], fields: Mapping[str, object]) -> OneLine:
    """Return the operation of `kind` with what every block device has, and `fields`."""
    stores, cache = take_stores(given)
    shared = {key: given[key] for key in ("index", "cache_repair", "memory", "drain")}
    return OneLine(kind, {**shared, **fields}, stores=stores, cache=cache)
