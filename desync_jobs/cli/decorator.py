"""What makes a command of a function that says which `OneLine` its arguments are."""

import functools
from collections.abc import Callable
from typing import Any

import click

from desync_jobs.cli.oneline import OneLine
from desync_jobs.cli.options import RunOptions, run_options


def one_line(function: Callable[..., OneLine]) -> Callable[..., int]:
    """Make a command of a function that turns its arguments into a `OneLine`.

    Adds `--print-manifest` and the options of every run.
    """

    @click.option(
        "--print-manifest", is_flag=True, help="Print this command as a job file, and stop."
    )
    @run_options
    @functools.wraps(function)
    def carried_out(*, options: RunOptions, print_manifest: bool, **given: Any) -> int:
        from desync_jobs.cli.running import print_as_manifest, run_line

        line = function(**given)
        if print_manifest:
            return print_as_manifest(line, options)
        return run_line(line, options)

    return carried_out
