"""Manual pages of the commands, made from what the commands say of themselves.

Written in the man macros of groff_man(7). click-man makes pages of click commands too, but has no
place for examples, exit codes and files, and puts the day on which it runs into every page.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import Final

import click

from desync_jobs import errors
from desync_jobs._version import __version__
from desync_jobs.cli.command import Command
from desync_jobs.cli.group import command_line
from desync_jobs.cli.table import COMMANDS, SECTIONS, module_of
from desync_jobs.execute.published import publish_text

PROGRAM: Final = "desync-run"


@dataclass(frozen=True, slots=True)
class Heading:
    """What stands above and below every page."""

    title: str | None = None
    """By default each page has the name of its command."""
    section: str = "1"
    """The section of the manual; file names end in it."""
    # No date: a page of the same release is the same on every day.
    source: str = f"{PROGRAM} {__version__}"
    manual: str = f"{PROGRAM} manual"

    def named(self, name: str) -> str:
        """Return the name of the file of a page."""
        return f"{name}.{self.section}"


HEADING: Final = Heading()
"""That of the pages that are installed."""

_EXIT_CODES: Final[Mapping[int, str]] = MappingProxyType(
    {
        errors.EXIT_DONE: "Done, or nothing to do.",
        errors.EXIT_FAILED: "Failed.",
        errors.EXIT_CHANGES: "There is something to do: status, plan --detailed-exitcode.",
        errors.EXIT_PARTLY_DONE: "Some operations failed, and others were done (--keep-going).",
        errors.EXIT_INVALID_DATA: "Data is invalid: a check found damage.",
        errors.EXIT_MISSING: "A chunk or an index is missing.",
        errors.EXIT_OUTDATED: "A saved plan or a lock no longer fits.",
        errors.EXIT_LOCKED: "Somebody else has the store or the target.",
        errors.EXIT_LIMIT: "A limit would be passed; nothing was begun.",
        errors.EXIT_USAGE: "The command line or the job file is wrong.",
        errors.EXIT_DEFECT: "A defect of this program.",
        errors.EXIT_INTERRUPTED: "Interrupted (SIGINT).",
        errors.EXIT_TERMINATED: "Terminated (SIGTERM).",
    }
)


def manual_pages(heading: Heading = HEADING) -> Iterator[tuple[str, str]]:
    """Yield the name and the text of each page: the program's, then one for each command."""
    yield heading.named(PROGRAM), _text(_program_page(heading))
    for name in COMMANDS:
        command: Command = import_module(module_of(name)).command
        yield heading.named(f"{PROGRAM}-{name}"), _text(_command_page(name, command, heading))


def write_manual(directory: str, heading: Heading = HEADING) -> list[str]:
    """Write every page into `directory`, which is made, and return their paths.

    `TargetError` where one cannot be written.
    """
    try:
        os.makedirs(directory, exist_ok=True)
    except OSError as error:
        raise errors.TargetError.of_writing(directory, error) from error
    paths = []
    for name, text in manual_pages(heading):
        path = os.path.join(directory, name)
        publish_text(path, text)
        paths.append(path)
    return paths


def _text(lines: Iterable[str]) -> str:
    return "\n".join(lines) + "\n"


def _program_page(heading: Heading) -> Iterator[str]:
    yield from _head(
        heading, PROGRAM, "carry out declarative jobs on content-addressed binary data"
    )
    yield from (".SH SYNOPSIS", ".SY desync\\-run", ".I JOB", ".RI [ OPTIONS ]", ".YS")
    yield from (".SY desync\\-run", ".I COMMAND", ".RI [ OPTIONS ]", ".YS")
    yield ".SH DESCRIPTION"
    yield from _paragraphs(command_line.help or "")
    for title, commands in SECTIONS.items():
        yield f".SH {_quoted(title.upper())}"
        for name, line in commands.items():
            yield from (
                ".TP",
                f".BR {_quoted(f'{PROGRAM}-{name}')} ({heading.section})",
                _escaped(line),
            )
    yield ".SH EXIT STATUS"
    for code, meaning in _EXIT_CODES.items():
        yield from (".TP", f".B {code}", _escaped(meaning))


def _command_page(name: str, command: Command, heading: Heading) -> Iterator[str]:
    yield from _head(heading, f"{PROGRAM}-{name}", _clause(COMMANDS[name]))
    context = click.Context(command, info_name=f"{PROGRAM} {name}")
    yield from (".SH SYNOPSIS", f".SY {_quoted(f'{PROGRAM} {name}')}")
    yield from (f".RI {_quoted(piece)}" for piece in command.collect_usage_pieces(context))
    yield ".YS"
    yield ".SH DESCRIPTION"
    yield from _paragraphs(command.help or "")
    yield ".SH OPTIONS"
    for parameter in command.params:
        record = parameter.get_help_record(context)
        if isinstance(parameter, click.Option) and record is not None:
            yield from (".TP", f".B {_quoted(record[0])}", _escaped(record[1]))
    yield from (".TP", f".B {_quoted('-h, --help')}", "Show what is here in short, and exit.")
    yield from (".SH EXAMPLES", ".EX")
    yield from (_escaped(example) for example in command.examples)
    section = heading.section
    yield from (".EE", ".SH EXIT STATUS", f"As in {PROGRAM}({section}).".replace("-", "\\-"))
    yield from (".SH SEE ALSO", f".BR {_quoted(PROGRAM)} ({section})")


def _head(heading: Heading, name: str, clause: str) -> Iterator[str]:
    title = _quoted(name.upper() if heading.title is None else heading.title)
    source, manual = _quoted(heading.source), _quoted(heading.manual)
    yield f'.TH {title} {heading.section} "" {source} {manual}'
    yield from (".SH NAME", f"{_escaped(name)} \\- {_escaped(clause)}")


def _clause(line: str) -> str:
    """Begin a line of the listing in lower case, without its full stop, as NAME has it."""
    return (line[0].lower() + line[1:]).removesuffix(".").replace("`", "'")


def _paragraphs(text: str) -> Iterator[str]:
    for number, paragraph in enumerate(re.split(r"\n\s*\n", text.strip())):
        if number:
            yield ".PP"
        yield _escaped(" ".join(paragraph.split()))


def _quoted(text: str) -> str:
    """Write `text` as one argument of a macro."""
    return '"' + _characters(text).replace('"', "\\(dq") + '"'


def _escaped(text: str) -> str:
    """Write `text` as a line of its own, which must not be taken for a request."""
    line = _characters(text)
    return f"\\&{line}" if line.startswith((".", "'")) else line


def _characters(text: str) -> str:
    """Keep the characters of programs: groff makes typography of these."""
    for character, name in (("\\", "\\e"), ("-", "\\-"), ("'", "\\(aq"), ("`", "\\(ga")):
        text = text.replace(character, name)
    return text.replace("^", "\\(ha").replace("~", "\\(ti")


if __name__ == "__main__":
    import sys

    write_manual(sys.argv[1])
