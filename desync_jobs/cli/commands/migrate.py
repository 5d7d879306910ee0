"""`desync-run migrate`: a store's chunks in another store, and indexes after them."""

import click

from desync_jobs.cli import options as opt
from desync_jobs.cli.command import Command
from desync_jobs.cli.connection import connected
from desync_jobs.cli.decorator import one_line
from desync_jobs.cli.oneline import OneLine
from desync_jobs.cli.sizes import as_in_a_manifest

_EXAMPLES = (
    "desync-run migrate -s old.castr --to new.castr",
    "desync-run migrate -s old.castr --to new.castr --root images --indexes-to new-images",
    "desync-run migrate -s store --to usb/store image.caibx --indexes-to usb",
)


@click.command("migrate", cls=Command, examples=_EXAMPLES)
@click.argument("indexes", metavar="[INDEX]...", nargs=-1)
@opt.required_stores
@click.option("--to", "store", required=True, metavar="PLACE", help="Store to fill.")
@click.option(
    "--root",
    "roots",
    multiple=True,
    metavar="PLACE",
    help="Directory or URL below which every index is migrated; may be repeated. Without this and "
    "without an INDEX, all chunks of the store are.",
)
@click.option("--indexes-to", metavar="PLACE", help="Directory or URL that gets the indexes.")
@click.option(
    "--remove-gone", is_flag=True, help="Remove indexes there that are gone below the roots."
)
@click.option(
    "--new-digest",
    type=click.Choice(["sha512-256", "sha256"]),
    help="Name chunks by this digest, and rewrite the indexes.",
)
@click.option(
    "-m",
    "--chunk-size",
    callback=as_in_a_manifest,
    metavar="MIN:AVG:MAX",
    help="Cut the blobs anew, in KiB or with units.",
)
@click.option("--recompress", is_flag=True, help="Compress again what is compressed already.")
@click.option(
    "--rewrite", is_flag=True, help="Rewrite what the store has in another form than its own."
)
@click.option("--read-back", is_flag=True, help="Read every chunk again that was stored.")
@click.option("--id-map", metavar="FILE", help="File of old and new IDs, for --new-digest.")
@click.option("--progress-file", metavar="FILE", help="File that says how far a whole store is.")
@click.option("--report", metavar="FILE", help="Write what was migrated to FILE, as JSON.")
@opt.chunks_info
@opt.index_digest
@opt.dry_run
@one_line
@connected
def command(  # noqa: PLR0913 -- one parameter for each option
    *,
    indexes: tuple[str, ...],
    stores: tuple[str, ...],
    store: str,
    roots: tuple[str, ...],
    indexes_to: str | None,
    remove_gone: bool,
    new_digest: str | None,
    chunk_size: str | None,
    recompress: bool,
    rewrite: bool,
    read_back: bool,
    id_map: str | None,
    progress_file: str | None,
    report: str | None,
    chunks_info: str | None,
) -> OneLine:
    """Copy the chunks of a store, or those of INDEXes, into another store, in its form.

    What is there is not copied, so a run that was stopped goes on where it was.
    """
    fields = {
        "indexes": list(indexes) or None,
        "roots": [{"url": one} for one in roots] or None,
        "indexes_to": indexes_to,
        "remove_gone": remove_gone or None,
        "digest": new_digest,
        "chunk_size": chunk_size,
        "recompress": recompress or None,
        "rewrite": rewrite or None,
        "read_back": read_back or None,
        "id_map": id_map,
        "progress": progress_file,
        "report": report,
        "chunks_info": chunks_info,
    }
    return OneLine("migrate", fields, store=store, stores=stores)
