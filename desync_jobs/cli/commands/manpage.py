"""`desync-run manpage`: the manual, as pages for man(1)."""

import re
from typing import Final

import click

from desync_jobs.cli.command import Command
from desync_jobs.cli.output import write_line

_SECTION: Final = re.compile(r"[0-9A-Za-z]{1,16}")
_EXAMPLES = (
    "desync-run manpage ~/.local/share/man/man1",
    "desync-run manpage --section 8 --manual 'System administration' ./manual",
)


def _section(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    if value is not None and not _SECTION.fullmatch(value):
        raise click.BadParameter(f"{value!r} is no section of the manual; write for example 1 or 8")
    return value


def _line(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    if value is not None and not value.isprintable():
        raise click.BadParameter("it is not one line of text")
    return value


@click.command("manpage", cls=Command, examples=_EXAMPLES)
@click.argument("directory", metavar="DIR")
@click.option(
    "--title", callback=_line, metavar="TEXT", help="Title of every page; by default its command's."
)
@click.option(
    "--section", callback=_section, metavar="N", help="Section of the manual; by default 1."
)
@click.option(
    "--source", callback=_line, metavar="TEXT", help="Source of the pages; by default this release."
)
@click.option(
    "--manual", callback=_line, metavar="TEXT", help="Title of the manual, above every page."
)
def command(*, directory: str, **given: str | None) -> int:
    """Write a page for each command, and one for the program, into DIR.

    The names of their files end in the section.
    """
    from desync_jobs.cli.manual import Heading, write_manual

    heading = Heading(**{key: value for key, value in given.items() if value is not None})
    write_line(f"{directory}: {len(write_manual(directory, heading))} pages")
    return 0
