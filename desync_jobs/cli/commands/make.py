"""`desync-run make`: the indexes of blobs, and their chunks in a store."""

from collections.abc import Sequence

import click

from desync_jobs.cli import options as opt
from desync_jobs.cli.archives import is_index_name
from desync_jobs.cli.command import Command
from desync_jobs.cli.connection import connected
from desync_jobs.cli.decorator import one_line
from desync_jobs.cli.oneline import OneLine

_EXAMPLES = (
    "desync-run make disk.img.caibx disk.img -s /srv/store",
    "desync-run make -m 64:256:1024 disk.img.caibx disk.img",
    "zcat disk.img.gz | desync-run make disk.img.caibx - -s /srv/store",
    "desync-run make -s /srv/store --index-dir /srv/images root.img data.img",
)


@click.command("make", cls=Command, examples=_EXAMPLES)
@click.argument("paths", nargs=-1, required=True, metavar="INDEX BLOB | BLOB...")
@click.option("-s", "--store", metavar="PLACE", help="Store that receives the chunks.")
@click.option(
    "--index-dir",
    "indexes",
    metavar="DIR",
    help="Make for every BLOB x an index x.caibx in DIR, which may be a URL.",
)
@opt.chunk_size
@opt.digest
@opt.cut
@click.option("--print-stats", is_flag=True, help="Print chunk counts as JSON to standard error.")
@opt.no_cache
@one_line
@connected
def command(  # noqa: PLR0913 -- one parameter for each option
    *,
    paths: tuple[str, ...],
    indexes: str | None,
    store: str | None,
    chunk_size: str | None,
    digest: str | None,
    cut: str | None,
    print_stats: bool,
) -> OneLine:
    """Cut BLOB into chunks, write its INDEX, and store the chunks; or do so with many of them.

    BLOB may be a file, a block device, or '-' for standard input; INDEX may be
    '-' for standard output. Without a store only the index is written. For an INDEX called .caidx,
    which is that of an archive, this is `put`.
    """
    if indexes is None and is_index_name(paths[0]):
        if digest is not None:
            raise click.UsageError("an archive says itself which digest it has; leave out --digest")
        index, archive = _one(paths)
        fields: dict[str, object] = {
            "archive": archive,
            "index": index,
            "chunk_size": chunk_size,
            "cut": cut,
        }
        return OneLine("put", fields, store=store, print_stats=print_stats)
    fields = {
        **_blobs(paths, indexes),
        "chunk_size": chunk_size,
        "digest": digest,
        "cut": cut,
    }
    return OneLine("make", fields, store=store, print_stats=print_stats)


def _blobs(paths: Sequence[str], indexes: str | None) -> dict[str, object]:
    """Return the fields that say which blobs are cut, and where their indexes go."""
    if indexes is None:
        index, blob = _one(paths)
        return {"index": index, "blob": blob}
    # Imported where it is needed: whoever only asks for help does not wait for the manifest.
    from desync_jobs.manifest.globs import as_pattern

    return {"blobs": [as_pattern(path) for path in paths], "indexes": indexes}


def _one(paths: Sequence[str]) -> Sequence[str]:
    if len(paths) == 1:
        raise click.UsageError("give BLOB too, or --index-dir")
    if len(paths) > len(("INDEX", "BLOB")):
        raise click.UsageError("to make more than one index, give --index-dir instead of INDEX")
    return paths
