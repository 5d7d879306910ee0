"""`desync-run tar`: a directory tree, as an archive or as chunks with an index."""

import click

from desync_jobs.cli import options as opt
from desync_jobs.cli.command import Command
from desync_jobs.cli.connection import connected
from desync_jobs.cli.decorator import one_line
from desync_jobs.cli.kept import KeptOptions, kept_options
from desync_jobs.cli.oneline import OneLine

_EXAMPLES = (
    "desync-run tar root.catar /srv/root",
    "desync-run tar -i -s /srv/store root.caidx /srv/root",
    "docker export box | desync-run tar --input-format tar --tar-add-root box.catar -",
    "desync-run tar --with=unix --no-time - /srv/root | ssh host casync extract - root",
)


@click.command("tar", cls=Command, examples=_EXAMPLES)
@click.argument("output")
@click.argument("source")
@click.option(
    "--input-format",
    type=click.Choice(["disk", "tar"]),
    default="disk",
    help="What SOURCE is: a directory on disk (default) or a tar stream.",
)
@click.option(
    "--tar-add-root",
    is_flag=True,
    help="Add a directory for all that the tar stream has, where it has none called '.'.",
)
@click.option(
    "--max-expansion",
    metavar="SIZE",
    help="Refuse a tar stream that grows by more, through holes, links and compression [1 TiB].",
)
@click.option(
    "-i", "--index", "chunked", is_flag=True, help="Cut the archive into chunks; write its index."
)
@click.option("-s", "--store", metavar="PLACE", help="Store that receives the chunks.")
@kept_options
@click.option(
    "--dialect",
    metavar="PROGRAM",
    help="Whose archive to write: casync (default) or desync, which keeps less.",
)
@opt.chunk_size
@opt.digest
@opt.cut
@opt.no_cache
@one_line
@connected
def command(  # noqa: PLR0913 -- one parameter for each option
    *,
    output: str,
    source: str,
    input_format: str,
    tar_add_root: bool,
    max_expansion: str | None,
    chunked: bool,
    store: str | None,
    kept: KeptOptions,
    dialect: str | None,
    chunk_size: str | None,
    digest: str | None,
    cut: str | None,
) -> OneLine:
    """Archive the tree of SOURCE as OUTPUT, byte for byte as casync does it.

    SOURCE is a directory, or with --input-format tar a tar stream, where '-' is standard input.
    OUTPUT is a catar file, or with -i the index of one, for which a name that ends in .caidx is
    enough; '-' is standard output.
    """
    key = "index" if chunked or output.endswith(".caidx") else "archive"
    fields = {
        "tar_stream" if input_format == "tar" else "directory": source,
        "add_root": tar_add_root or None,
        "max_expansion": max_expansion,
        key: output,
        **kept.fields(),
        "dialect": dialect,
        "chunk_size": chunk_size,
        "digest": digest,
        "cut": cut,
    }
    return OneLine("tar", fields, store=store)
