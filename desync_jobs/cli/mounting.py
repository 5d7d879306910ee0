"""The options of mounts, as the keys of a manifest."""

import functools
from collections.abc import Callable
from typing import Any, Final

import click

from desync_jobs.cli import options as opt
from desync_jobs.cli.store_file import store_file

_OPTIONS: Final = (
    opt.optional_stores,
    opt.optional_cache,
    opt.cache_repair,
    store_file,
    click.option(
        "--memory", metavar="SIZE", help="Bytes of chunks kept in memory; by default 32MiB."
    ),
    click.option("--allow-other", is_flag=True, help="Let other users see it."),
    click.option(
        "--patience",
        metavar="TIME",
        help="How long it may still be used when it is stopped; by default 10s.",
    ),
)


def mount_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of every mount."""
    return functools.reduce(lambda made, option: option(made), reversed(_OPTIONS), function)


def mount_fields(given: dict[str, Any]) -> dict[str, object]:
    """Return the keys of a manifest that these options, and the place, stand for."""
    return {
        "mountpoint": given["mountpoint"],
        "cache_repair": given["cache_repair"],
        "memory": given["memory"],
        "allow_other": given["allow_other"] or None,
        "patience": given["patience"],
    }
