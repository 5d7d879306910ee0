"""`desync-run untar`: an archive, as a directory tree or a tar stream."""

import click

from desync_jobs.cli import kept
from desync_jobs.cli import options as opt
from desync_jobs.cli.archives import ArchiveOptions, archive_options
from desync_jobs.cli.command import Command
from desync_jobs.cli.connection import connected
from desync_jobs.cli.decorator import one_line
from desync_jobs.cli.oneline import OneLine

_EXAMPLES = (
    "desync-run untar root.catar /srv/root",
    "desync-run untar -i -s /srv/store root.caidx /srv/root",
    "desync-run untar --atomic --without=privileged -s /srv/store root.caidx /srv/root",
    "desync-run untar --seed=/ -s https://a.example.org/store root-v2.caidx /srv/root-v2",
    "desync-run untar --output-format pax root.catar - | docker import - root",
    "ssh host casync make - /srv/root | desync-run untar --no-same-owner - copy",
)

_DISK = "disk"
_TAR_FORMATS = {"pax": "pax", "gnu-tar": "gnu"}


@click.command("untar", cls=Command, examples=_EXAMPLES)
@click.argument("archive")
@click.argument("target")
@click.option(
    "--output-format",
    type=click.Choice([_DISK, *_TAR_FORMATS]),
    default=_DISK,
    help="What TARGET is: a directory on disk (default) or a tar stream, of POSIX or of GNU tar.",
)
@kept.with_features
@kept.without_features
@kept.no_time
@click.option("--no-same-owner", is_flag=True, help="Let files belong to who runs this.")
@click.option(
    "--no-same-permissions", is_flag=True, help="Give files the modes that the umask says."
)
@click.option("--delete", is_flag=True, help="Remove what the archive does not have.")
@click.option(
    "--replace", is_flag=True, help="Remove a directory where the archive has something else."
)
@click.option(
    "--atomic", is_flag=True, help="Put the tree together beside TARGET, and switch at the end."
)
@click.option(
    "--seed-target/--no-seed-target",
    default=None,
    help="Take chunks from what is in TARGET; by default with --atomic and --delete.",
)
@click.option(
    "--hardlink", is_flag=True, help="Link files of seeds that are the same, metadata included."
)
@archive_options
@opt.index_digest
@one_line
@connected
def command(  # noqa: PLR0913 -- one parameter for each option
    *,
    archive: str,
    target: str,
    output_format: str,
    reading: ArchiveOptions,
    with_features: tuple[str, ...],
    without_features: tuple[str, ...],
    no_time: bool,
    no_same_owner: bool,
    no_same_permissions: bool,
    delete: bool,
    replace: bool,
    atomic: bool,
    seed_target: bool | None,
    hardlink: bool,
) -> OneLine:
    """Unpack ARCHIVE as the directory TARGET; what is right in it already is left alone.

    With --output-format, TARGET is a tar stream, and '-' is standard output. ARCHIVE is a catar or
    an index of one, and may be '-' for standard input.
    """
    fields = {
        "target" if output_format == _DISK else "tar_stream": target,
        "tar_format": _TAR_FORMATS.get(output_format),
        "with_features": list(with_features) or None,
        "without_features": kept.left_out(without_features, no_time=no_time),
        "same_owner": False if no_same_owner else None,
        "same_permissions": False if no_same_permissions else None,
        "delete": delete or None,
        "replace": replace or None,
        "atomic": atomic or None,
        "seed_target": seed_target,
        "hardlink": hardlink or None,
    }
    return reading.line("untar", archive, fields)
