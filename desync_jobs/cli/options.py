"""The options of all commands, each described once.

Names and meanings are desync's where desync has them. Locations are taken as
they are written: a comma is a part of the path.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, Final

import click

from desync_jobs.cli.sizes import as_in_a_manifest

_MOST_WORKERS: Final = 256


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a run is carried out and shown, the same for every command that runs something."""

    concurrency: int | None = None
    """Worker threads; `None` leaves it to the job."""
    events: str | None = None
    """File that receives events, `-` for standard output."""
    as_json: bool = False
    """Whether the result is printed as JSON."""
    quiet: bool = False
    """Whether progress and lines for people are left out."""
    metrics: str | None = None
    """File that receives figures for Prometheus when the run has ended."""
    page: str | None = None
    """File that receives a page about the run when it has ended."""
    verbose: bool = False
    """Whether every event goes to standard error."""


concurrency: Final = click.option(
    "-n",
    "--concurrency",
    type=click.IntRange(1, _MOST_WORKERS),
    metavar="N",
    help="Worker threads; by default as many as there are cores, and two more where a store or "
    "cache is not a directory.",
)
as_json: Final = click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print the result as JSON; on standard error where standard output has data.",
)
quiet: Final = click.option("-q", "--quiet", is_flag=True, help="Show errors and warnings only.")
events: Final = click.option(
    "--events",
    metavar="FILE",
    help="Write every event to FILE as a line of JSON; '-' is standard output.",
)
dry_run: Final = click.option(
    "--dry-run", is_flag=True, help="Show what would be done and why, and change nothing."
)
metrics: Final = click.option(
    "--metrics",
    metavar="FILE",
    help="Write figures for Prometheus to FILE at the end, for node_exporter's textfile collector.",
)
page: Final = click.option(
    "--report",
    "page",
    metavar="FILE",
    help="Write a page about the run to FILE at the end, in HTML.",
)
variables: Final = click.option(
    "--var",
    "variables",
    multiple=True,
    metavar="NAME=VALUE",
    help="Give a variable of the job its value; may be repeated.",
)
targets: Final = click.option(
    "--target",
    "targets",
    multiple=True,
    metavar="OPERATION",
    help="Leave out every operation but this one and what it needs; may be repeated.",
)
keep_going: Final = click.option(
    "--keep-going",
    is_flag=True,
    help="Carry on with operations that need nothing of a failed one.",
)
required_stores: Final = click.option(
    "-s",
    "--store",
    "stores",
    multiple=True,
    required=True,
    metavar="PLACE",
    help="Directory or URL to read chunks from; repeat it to ask several in order, and write a|b "
    "for stores that stand for each other.",
)
optional_stores: Final = click.option(
    "-s",
    "--store",
    "stores",
    multiple=True,
    metavar="PLACE",
    help="Store to look for chunks in, a directory or URL; may be repeated.",
)
optional_cache: Final = click.option(
    "-c", "--cache", metavar="PLACE", help="Store that is asked first and keeps what is fetched."
)
cache_repair: Final = click.option(
    "-r",
    "--cache-repair/--no-cache-repair",
    default=None,
    help="Whether damaged chunks of the cache are fetched again (default) or are an error.",
)
no_cache: Final = click.option(
    "-r",
    "--cache-repair/--no-cache-repair",
    default=None,
    hidden=True,
    expose_value=False,
    help="Taken as desync takes it: without a cache it says nothing.",
)
seed: Final = click.option(
    "--seed",
    "seed",
    multiple=True,
    metavar="INDEX[:BLOB]|DIR",
    help="Blob at hand and its index; the blob of x.caibx is x unless it is named. A directory is "
    "a tree, for commands that read archives.",
)
seed_directory: Final = click.option(
    "--seed-dir",
    "seed_directory",
    multiple=True,
    metavar="DIR",
    help="Directory with indexes and their blobs beside them.",
)
chunks_info: Final = click.option(
    "--chunks-info", metavar="FILE", help="Chunk sizes, as inspect-chunks writes them."
)
chunk_size: Final = click.option(
    "-m",
    "--chunk-size",
    callback=as_in_a_manifest,
    metavar="MIN:AVG:MAX",
    help="Chunk sizes in KiB, or with units; by default 16:64:256.",
)
cut: Final = click.option(
    "--cut",
    type=click.Choice(["casync", "desync-1.0"]),
    help="Where chunks may end: as casync and newer desync (default), or as desync 1.0.",
)
digest: Final = click.option(
    "--digest",
    type=click.Choice(["sha512-256", "sha256"]),
    help="Digest that names chunks; by default sha512-256.",
)
desync_config: Final = click.option(
    "--config",
    metavar="FILE",
    help="desync's configuration; by default $HOME/.config/desync/config.json.",
)
index_digest: Final = click.option(
    "--digest",
    "index_digest",
    type=click.Choice(["sha512-256", "sha256"]),
    help="Digest that indexes have to name chunks by; by default whichever they do.",
)
ignored_indexes: Final = click.option(
    "--ignore",
    multiple=True,
    metavar="INDEX",
    help="Leave out the chunks of this index; may be repeated.",
)
ignored_chunks: Final = click.option(
    "--ignore-chunks",
    multiple=True,
    metavar="FILE",
    help="Leave out the chunks listed in this file, one ID a line; may be repeated.",
)


@dataclass(frozen=True, slots=True)
class LimitOptions:
    """What a run may come to, as it is written on the command line; `None` leaves it to the job."""

    max_download: str | None = None
    max_requests: str | None = None
    max_cost: str | None = None
    max_duration: str | None = None
    max_deletions: str | None = None
    max_deletion_share: str | None = None
    max_bandwidth: str | None = None
    max_requests_per_second: str | None = None


def limit_options(function: Callable[..., int]) -> Callable[..., int]:
    """Add the options of limits and pass them on as one `LimitOptions`, named `limits`."""

    @click.option(
        "--max-download",
        metavar="SIZE",
        help="Do not begin what would fetch more from stores, as in '2 GiB'; exit code 8.",
    )
    @click.option(
        "--max-requests", metavar="N", help="Do not begin what would ask stores more often."
    )
    @click.option(
        "--max-cost",
        metavar="MONEY",
        help="Do not begin what may cost more by the prices of stores, as in '5 EUR'.",
    )
    @click.option(
        "--max-deletions",
        metavar="N",
        help="Do not begin what would remove more chunks and indexes.",
    )
    @click.option(
        "--max-deletion-share",
        metavar="PERCENT",
        help="Do not begin what would remove more of a store, or of a place of indexes; "
        "by default 50%.",
    )
    @click.option(
        "--max-duration", metavar="TIME", help="Stop in good order after this time, as in '30min'."
    )
    @click.option(
        "--max-bandwidth",
        metavar="SIZE",
        help="Have no more bytes a second from and to each host, as in '10 MiB'.",
    )
    @click.option(
        "--max-requests-per-second", metavar="N", help="Ask each host no more often than that."
    )
    @functools.wraps(function)
    def with_limits(**given: Any) -> int:
        names = [one.name for one in fields(LimitOptions)]
        return function(limits=LimitOptions(**{name: given.pop(name) for name in names}), **given)

    return with_limits


def run_options(function: Callable[..., int]) -> Callable[..., int]:
    """Add the options of every run and pass them on as one `RunOptions`, named `options`."""

    @concurrency
    @events
    @as_json
    @quiet
    @functools.wraps(function)
    def with_options(**given: Any) -> int:
        names = ("concurrency", "events", "as_json", "quiet")
        options = RunOptions(**{name: given.pop(name) for name in names})
        return function(options=options, **given)

    return with_options
