"""The command line as a whole: `desync-run JOB`, or `desync-run COMMAND …`."""

import os
import re
from importlib import import_module
from types import MappingProxyType
from typing import Final

import click
from click.shell_completion import CompletionItem

from desync_jobs._version import __version__
from desync_jobs.cli.table import COMMANDS, SECTIONS, module_of

_OWN_OPTIONS: Final = frozenset({"-h", "--help", "--version"})
_BEFORE_COMMANDS: Final = frozenset({"--verbose"})
_BEFORE_COMMANDS_WITH_VALUE: Final = frozenset({"--config", "--digest"})
_WIDTH: Final = 100
_KINDS: Final = MappingProxyType(
    {
        "serve-chunks": "chunk-server",
        "serve-indexes": "index-server",
        "serve-nbd": "nbd-server",
        "diff-indexes": "diff",
    }
)
"""Kinds of operations that are called otherwise as commands."""
_NAMES_A_FILE: Final = re.compile(r"[./]")


class CommandLine(click.Group):
    """Imports a command when it is used, and takes `run` for granted before a job file."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(module_of(cmd_name)).command
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args:
            if ctx.resilient_parsing:  # a shell asks for completions
                return super().parse_args(ctx, args)
            raise click.UsageError("no job file and no command given", ctx)
        args = command_first(args)
        if args[0] not in COMMANDS and args[0] not in _OWN_OPTIONS:
            _refuse_misspelled(args[0], ctx)
            args = ["run", *args]
        return super().parse_args(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl(list(commands.items()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Offer commands, or files where no command begins like this."""
        found = [
            CompletionItem(name, help=line)
            for name, line in COMMANDS.items()
            if name.startswith(incomplete)
        ]
        del ctx
        return found or [CompletionItem(incomplete, type="file")]


def command_first(args: list[str]) -> list[str]:
    """Put what desync takes before a command after it, where each command has it here."""
    at = 0
    while at < len(args):
        name, equals, _ = args[at].partition("=")
        if name in _BEFORE_COMMANDS:
            at += 1
        elif name in _BEFORE_COMMANDS_WITH_VALUE:
            at += 1 if equals else 2
        else:
            break
    if at == 0 or at >= len(args) or args[at] not in COMMANDS:
        return args
    return [args[at], *args[:at], *args[at + 1 :]]


def _refuse_misspelled(word: str, ctx: click.Context) -> None:
    """Keep a misspelled command from being taken for a job file that is missing."""
    if word.startswith("-") or os.path.lexists(word):
        return
    from difflib import get_close_matches

    similar = [_KINDS[word]] if word in _KINDS else get_close_matches(word, COMMANDS, n=1)
    if similar or not _NAMES_A_FILE.search(word):
        hint = f"; did you mean '{similar[0]}'?" if similar else ""
        raise click.UsageError(f"no job file and no command is called '{word}'{hint}", ctx)


@click.group(
    name="desync-run",
    cls=CommandLine,
    options_metavar="",
    subcommand_metavar="JOB | COMMAND ...",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": _WIDTH},
    epilog="'desync-run COMMAND --help' explains a command, with examples.",
)
@click.version_option(__version__, prog_name="desync-run", message="%(prog)s %(version)s")
def command_line() -> None:
    """Carry out declarative jobs on content-addressed binary data.

    JOB is a file in TOML or JSON that declares stores and operations in the
    formats of casync and desync. What is already as declared is left alone.
    """
