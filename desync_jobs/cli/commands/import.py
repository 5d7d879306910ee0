"""`desync-run import`: what a command or the configuration of desync is, as a manifest."""

import os
import re
from collections.abc import Sequence
from typing import Final

import click

from desync_jobs.cli import options as opt
from desync_jobs.cli.command import Command
from desync_jobs.cli.decorator import REMARKS
from desync_jobs.cli.output import write_line

_EXAMPLES = (
    "desync-run import -- desync extract -s /srv/store -c /var/cache/desync disk.caibx disk.img",
    "desync-run import --config ~/.config/desync/config.json",
    "desync-run import --config config.json --secrets-dir /etc/desync-run/secrets",
)
_PROGRAMS: Final = ("desync", "desync-run")
_ASSIGNMENT: Final = re.compile("([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)


@click.command(
    "import",
    cls=Command,
    examples=_EXAMPLES,
    context_settings={"allow_interspersed_args": False},
)
@click.argument("words", nargs=-1, metavar="[-- desync COMMAND ...]")
@opt.desync_config
@click.option(
    "--secrets-dir",
    "directory",
    metavar="DIR",
    help="Write the configuration's secrets to files in DIR that only their owner can read.",
)
@click.pass_context
def command(
    context: click.Context, *, words: tuple[str, ...], config: str | None, directory: str | None
) -> int:
    """Print the job file for a command line of desync, or for its configuration.

    A command is printed with comments where it means something else to desync. Without one, each
    location of the configuration becomes a store, whose secrets are environment variables that
    comments name, or files; they are never printed.
    """
    if not words:
        return _import_config(config, directory)
    if directory is not None:
        raise click.UsageError("--secrets-dir is for the configuration; leave out the command")
    return _import_line(context, words, config)


def _import_config(path: str | None, directory: str | None) -> int:
    from desync_jobs.cli.desync.config import find_config
    from desync_jobs.cli.desync.declarations import declarations

    config = find_config(path, os.environ)
    if config is None:
        raise click.UsageError("there is no configuration of desync; name it with --config")
    for line in list(declarations(config, directory)):
        write_line(line)
    return 0


def _import_line(context: click.Context, words: Sequence[str], config: str | None) -> int:
    from desync_jobs.cli.desync.differences import differences
    from desync_jobs.cli.group import command_first, command_line
    from desync_jobs.cli.table import COMMANDS

    variables, rest = _without_variables(words)
    # They decide what the command is, such as whether a server asks for authorization.
    os.environ.update(variables)
    if rest and os.path.basename(rest[0]) in _PROGRAMS:
        rest = rest[1:]
    name, *arguments = command_first(rest) or [""]
    found = command_line.get_command(context, name) if name in COMMANDS else None
    if found is None or all(one.name != "print_manifest" for one in found.params):
        raise click.UsageError(f"{name or 'nothing'!r} is no command of desync that does something")
    remarks = [*differences(name, arguments)]
    if variables:
        remarks.append(f"Set in the environment, as before: {', '.join(variables)}.")
    context.meta[REMARKS] = remarks
    named = [] if config is None else ["--config", config]
    above = context.parent
    with found.make_context(name, ["--print-manifest", *named, *arguments], above) as inner:
        code: int = found.invoke(inner)
        return code


def _without_variables(words: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Return the variables that are set before a command, and the command."""
    variables: dict[str, str] = {}
    for at, word in enumerate(words):
        assignment = _ASSIGNMENT.fullmatch(word)
        if assignment is None:
            return variables, list(words[at:])
        variables[assignment[1]] = assignment[2]
    return variables, []
