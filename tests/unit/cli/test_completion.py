import pytest
from click.testing import CliRunner

from desync_jobs.cli.group import command_line


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_asks_the_program_for_completions(shell: str) -> None:
    result = CliRunner().invoke(command_line, ["completion", shell])

    assert result.exit_code == 0
    assert f"_DESYNC_RUN_COMPLETE={shell}_complete" in result.output


def completions(words: str, position: int) -> list[str]:
    result = CliRunner(
        env={
            "_DESYNC_RUN_COMPLETE": "bash_complete",
            "COMP_WORDS": words,
            "COMP_CWORD": str(position),
        }
    ).invoke(command_line, [], prog_name="desync-run", complete_var="_DESYNC_RUN_COMPLETE")
    return result.output.split()


@pytest.mark.parametrize(
    ("words", "position", "offered"),
    [
        ("desync-run verify", 1, ["plain,verify-index", "plain,verify", "plain,verify-chunks"]),
        ("desync-run update.t", 1, ["file,update.t"]),
        ("desync-run extract --in", 2, ["plain,--in-place"]),
        ("desync-run update.toml --keep", 2, ["plain,--keep-going"]),
        ("desync-run completion f", 2, ["plain,fish"]),
    ],
)
def test_commands_options_and_job_files_are_offered(
    words: str, position: int, offered: list[str]
) -> None:
    assert completions(words, position) == offered
