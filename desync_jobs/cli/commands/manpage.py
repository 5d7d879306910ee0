"""`desync-run manpage`: the manual, as pages for man(1)."""

import click

from desync_jobs.cli.command import Command
from desync_jobs.cli.output import write_line

_EXAMPLES = (
    "desync-run manpage ~/.local/share/man/man1",
    "desync-run manpage ./manual",
)


@click.command("manpage", cls=Command, examples=_EXAMPLES)
@click.argument("directory", metavar="DIR")
def command(*, directory: str) -> int:
    """Write a page for each command, and one for the program, into DIR."""
    from desync_jobs.cli.manual import write_manual

    write_line(f"{directory}: {len(write_manual(directory))} pages")
    return 0
