"""`desync-run extract`: blobs from their indexes and stores."""

from collections.abc import Sequence

import click

from desync_jobs.cli import options as opt
from desync_jobs.cli.command import Command
from desync_jobs.cli.connection import connected
from desync_jobs.cli.decorator import one_line
from desync_jobs.cli.oneline import OneLine
from desync_jobs.cli.seeds import declared_seeds

_EXAMPLES = (
    "desync-run extract disk.img.caibx disk.img -s /srv/store",
    "desync-run extract -s /mnt/near -s /mnt/far -c /var/cache/chunks disk.img.caibx disk.img",
    "desync-run extract --in-place disk.img.caibx /dev/sdb2 -s /srv/store",
    "desync-run extract --seed old.img.caibx new.img.caibx new.img -s /srv/store",
    "desync-run extract -s /srv/store --target-dir /var/lib/images root.caibx data.caibx",
)


@click.command("extract", cls=Command, examples=_EXAMPLES)
@click.argument("paths", nargs=-1, required=True, metavar="INDEX OUTPUT | INDEX...")
@opt.required_stores
@opt.optional_cache
@opt.cache_repair
@click.option(
    "-k",
    "--in-place",
    is_flag=True,
    help="Write into OUTPUT itself and keep what is right in it; needed for devices.",
)
@click.option(
    "--direct-io", is_flag=True, help="Write past the page cache, for devices with little memory."
)
@opt.seed
@opt.seed_directory
@click.option(
    "--skip-invalid-seeds", "skip", is_flag=True, help="Take what a seed lacks from the stores."
)
@click.option(
    "--regenerate-invalid-seeds",
    "regenerate",
    is_flag=True,
    help="Index a seed anew that is not what its index says.",
)
@click.option(
    "--target-dir",
    "targets",
    metavar="DIR",
    help="Extract every INDEX x.caibx to x in DIR; no chunk is fetched for two of them.",
)
@click.option("--print-stats", is_flag=True, help="Print counts as JSON to standard output.")
@opt.chunks_info
@opt.index_digest
@one_line
@connected
def command(  # noqa: PLR0913 -- one parameter for each option
    *,
    paths: tuple[str, ...],
    targets: str | None,
    stores: tuple[str, ...],
    cache: str | None,
    cache_repair: bool | None,
    in_place: bool,
    direct_io: bool,
    seed: tuple[str, ...],
    seed_directory: tuple[str, ...],
    skip: bool,
    regenerate: bool,
    print_stats: bool,
    chunks_info: str | None,
) -> OneLine:
    """Put the blob that INDEX describes together at OUTPUT, or several in a directory.

    OUTPUT appears complete or not at all, unless --in-place is given. INDEX may
    be '-' for standard input.
    """
    if skip and regenerate:
        raise click.UsageError("give --skip-invalid-seeds or --regenerate-invalid-seeds, not both")
    fields = {
        **_blobs(paths, targets),
        "chunks_info": chunks_info,
        "cache_repair": cache_repair,
        "in_place": in_place or None,
        "direct_io": direct_io or None,
        "invalid_seeds": "skip" if skip else "regenerate" if regenerate else None,
    }
    return OneLine(
        "extract",
        fields,
        stores=stores,
        cache=cache,
        seeds=declared_seeds(seed, seed_directory),
        print_stats=print_stats,
    )


def _blobs(paths: Sequence[str], targets: str | None) -> dict[str, object]:
    """Return the fields that say which blobs go where."""
    # Imported where it is needed: whoever only asks for help does not wait for the manifest.
    from desync_jobs.manifest.globs import as_pattern

    if targets is not None:
        return {"indexes": [as_pattern(path) for path in paths], "targets": targets}
    if len(paths) == 1:
        raise click.UsageError("give OUTPUT too, or --target-dir")
    if len(paths) > len(("INDEX", "OUTPUT")):
        raise click.UsageError(
            "to extract more than one INDEX, give --target-dir instead of OUTPUT"
        )
    index, output = paths
    return {"index": index, "target": output}
