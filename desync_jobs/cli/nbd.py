"""The options of block devices, as the keys of a manifest."""

from collections.abc import Mapping
from typing import Any, Final

import click

from desync_jobs.cli.live import Decorator, live_options
from desync_jobs.cli.oneline import OneLine
from desync_jobs.cli.store_file import take_stores

nbd_options: Final[Decorator] = live_options(
    click.option(
        "--drain", metavar="TIME", help="Time for requests under way at the end; by default 30s."
    ),
)


def nbd_line(kind: str, given: dict[str, Any], fields: Mapping[str, object]) -> OneLine:
    """Return the operation of `kind` with what every block device has, and `fields`."""
    stores, cache = take_stores(given)
    shared = {key: given[key] for key in ("index", "cache_repair", "memory", "drain")}
    return OneLine(kind, {**shared, **fields}, stores=stores, cache=cache)
