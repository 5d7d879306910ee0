"""`desync-run completion`: completion of commands and options in a shell."""

import click
from click.shell_completion import get_completion_class

from desync_jobs.cli.command import Command
from desync_jobs.cli.output import write_line

_EXAMPLES = (
    "desync-run completion bash > ~/.local/share/bash-completion/completions/desync-run",
    "desync-run completion zsh > ~/.zfunc/_desync-run",
    "desync-run completion fish > ~/.config/fish/completions/desync-run.fish",
)


@click.command("completion", cls=Command, examples=_EXAMPLES)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(*, shell: str) -> int:
    """Print the script that completes commands and options in SHELL."""
    from desync_jobs.cli.group import command_line

    completion = get_completion_class(shell)
    if completion is None:  # pragma: no cover -- click knows the three shells
        raise click.UsageError(f"no completion for {shell}")
    # Only the text is wanted: `source()` would also start the shell to ask for its version.
    script = completion(command_line, {}, "desync-run", "_DESYNC_RUN_COMPLETE")
    write_line((script.source_template % script.source_vars()).rstrip())
    return 0
