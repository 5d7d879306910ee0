"""`desync-run make`: the index of a blob, and its chunks in a store."""

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
)


@click.command("make", cls=Command, examples=_EXAMPLES)
@click.argument("index")
@click.argument("blob")
@click.option("-s", "--store", metavar="PLACE", help="Store that receives the chunks.")
@opt.chunk_size
@opt.digest
@opt.cut
@click.option("--print-stats", is_flag=True, help="Print chunk counts as JSON to standard error.")
@opt.no_cache
@one_line
@connected
def command(  # noqa: PLR0913 -- one parameter for each option
    *,
    index: str,
    blob: str,
    store: str | None,
    chunk_size: str | None,
    digest: str | None,
    cut: str | None,
    print_stats: bool,
) -> OneLine:
    """Cut BLOB into chunks, write its INDEX, and store the chunks.

    BLOB may be a file, a block device, or '-' for standard input; INDEX may be
    '-' for standard output. Without a store only the index is written. For an INDEX called .caidx,
    which is that of an archive, this is `put`.
    """
    if is_index_name(index):
        if digest is not None:
            raise click.UsageError("an archive says itself which digest it has; leave out --digest")
        fields = {"archive": blob, "index": index, "chunk_size": chunk_size, "cut": cut}
        return OneLine("put", fields, store=store, print_stats=print_stats)
    fields = {
        "index": index,
        "blob": blob,
        "chunk_size": chunk_size,
        "digest": digest,
        "cut": cut,
    }
    return OneLine("make", fields, store=store, print_stats=print_stats)
