"""The options of mounts, as the keys of a manifest."""

from typing import Any, Final

import click

from desync_jobs.cli.live import Decorator, live_options

mount_options: Final[Decorator] = live_options(
    click.option("--allow-other", is_flag=True, help="Let other users see it."),
    click.option(
        "--patience",
        metavar="TIME",
        help="How long it may still be used when it is stopped; by default 10s.",
    ),
)


def mount_fields(given: dict[str, Any]) -> dict[str, object]:
    """Return the keys of a manifest that these options, and the place, stand for."""
    return {
        "mountpoint": given["mountpoint"],
        "cache_repair": given["cache_repair"],
        "memory": given["memory"],
        "allow_other": given["allow_other"] or None,
        "patience": given["patience"],
    }
