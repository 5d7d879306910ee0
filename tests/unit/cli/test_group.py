import shlex
import subprocess
import sys
from importlib import import_module

import click
import pytest
from click.testing import CliRunner

from desync_jobs.cli.command import Command
from desync_jobs.cli.group import command_line
from desync_jobs.cli.main import main
from desync_jobs.cli.table import COMMANDS, module_of


def load(name: str) -> Command:
    command = import_module(module_of(name)).command
    assert isinstance(command, Command)
    return command


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(name: str) -> None:
    result = CliRunner().invoke(command_line, [name, "--help"])

    assert result.exit_code == 0
    assert f"Usage: desync-run {name} " in result.output
    assert f"Examples:\n  {load(name).examples[0]}" in result.output


@pytest.mark.parametrize("name", COMMANDS)
def test_every_example_is_a_line_that_the_command_accepts(name: str) -> None:
    command = load(name)
    for example in command.examples:
        for words in _uses_of_the_program(example):
            arguments = words[1:] if words[0] == name else words

            with command.make_context(name, arguments) as context:
                assert context.params


def _uses_of_the_program(example: str) -> list[list[str]]:
    """The words after the program's name, for each part of a pipeline that starts it."""
    parts = [shlex.split(part.partition(">")[0]) for part in example.split("|")]
    uses = [part[part.index("desync-run") + 1 :] for part in parts if "desync-run" in part]
    assert uses
    return uses


@pytest.mark.parametrize("name", COMMANDS)
def test_the_listing_covers_what_the_command_says_of_itself(name: str) -> None:
    command = load(name)

    assert command.name == name
    assert (command.help or "").strip()
    assert COMMANDS[name].endswith(".")


def test_help_lists_every_command_in_its_section() -> None:
    output = CliRunner().invoke(command_line, ["--help"]).output

    assert "Jobs:\n  run " in output
    assert all(f"\n  {name} " in output for name in COMMANDS)


@pytest.mark.parametrize("arguments", [["--help"], ["make", "--help"]])
def test_help_imports_no_heavy_package(arguments: list[str]) -> None:
    code = (
        "import sys; from desync_jobs.cli.main import main; main(sys.argv[1:]);"
        "heavy = {'numpy', 'pydantic', 'rich', 'zstandard'} & set(sys.modules);"
        "sys.exit(', '.join(heavy) or 0)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, check=False
    )

    assert ended.stderr == b""
    assert ended.returncode == 0


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("exract", "; did you mean 'extract'?"),
        ("frobnicate", ""),
        ("serve-nbd", "; did you mean 'nbd-server'?"),
    ],
)
def test_a_misspelled_command_is_not_taken_for_a_job(word: str, hint: str) -> None:
    result = CliRunner().invoke(command_line, [word, "a", "b"], standalone_mode=False)

    assert isinstance(result.exception, click.UsageError)
    assert result.exception.message == f"no job file and no command is called '{word}'{hint}"


def test_what_looks_like_a_file_is_taken_for_a_job(capfd: pytest.CaptureFixture[str]) -> None:
    code = main(["absent.toml"])

    assert code == 64
    assert capfd.readouterr().err == "desync-run: absent.toml: no such file\n"


def test_options_may_stand_before_the_job(capfd: pytest.CaptureFixture[str]) -> None:
    code = main(["--quiet", "--var", "a=b", "absent.toml"])

    assert code == 64
    assert capfd.readouterr().err == "desync-run: absent.toml: no such file\n"


def test_an_empty_command_line_is_an_error() -> None:
    result = CliRunner().invoke(command_line, [], standalone_mode=False)

    assert isinstance(result.exception, click.UsageError)
    assert result.exception.message == "no job file and no command given"
