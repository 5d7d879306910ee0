"""What makes a command of a function that says which `OneLine` its arguments are."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

import click

from desync_jobs.cli.oneline import OneLine
from desync_jobs.cli.options import RunOptions, desync_config, run_options
from desync_jobs.cli.options import metrics as metrics_option

REMARKS: Final = "desync_jobs.remarks"
"""Where a context has lines that go before a manifest, if it has any."""


def one_line(function: Callable[..., OneLine]) -> Callable[..., int]:
    """Make a command of a function that turns its arguments into a `OneLine`.

    Adds `--print-manifest`, desync's options of all commands, and the options of every run.
    """

    @click.option(
        "--print-manifest", is_flag=True, help="Print this command as a job file, and stop."
    )
    @desync_config
    @click.option("--verbose", is_flag=True, help="Write every event to standard error as JSON.")
    @metrics_option
    @run_options
    @functools.wraps(function)
    def carried_out(
        *,
        options: RunOptions,
        print_manifest: bool,
        config: str | None,
        verbose: bool,
        metrics: str | None,
        index_digest: str | None = None,
        **given: Any,
    ) -> int:
        from desync_jobs.cli.running import plan_line, print_as_manifest, run_line

        dry_run = given.pop("dry_run", False)
        line = function(**given)
        line = replace(line, index_digest=index_digest or line.index_digest)
        if options.as_json:
            line = _told_as_json(line)
        line = _configured(line, config)
        if print_manifest:
            remarks = click.get_current_context().meta.get(REMARKS, ())
            return print_as_manifest(line, options, remarks)
        if dry_run:
            return plan_line(line, options)
        if line.ask is not None:
            line.ask()
        return run_line(line, replace(options, verbose=verbose, metrics=metrics))

    return carried_out


def _told_as_json(line: OneLine) -> OneLine:
    """Return `line` with JSON as the form of what it writes, unless another one was asked for."""
    if line.fields.get("format", "") is not None:
        return line
    return replace(line, fields={**line.fields, "format": "json"})


def _configured(line: OneLine, config: str | None) -> OneLine:
    """Return `line` with the configuration of desync, which is read when the job is made."""
    adapt, again = line.adapt, line.again

    def configure(document: Mapping[str, object]) -> dict[str, object]:
        from desync_jobs.cli.desync.configured import with_config

        return adapt(with_config(document, config))

    reread = None
    if again is not None:

        def reread() -> OneLine:
            return replace(_configured(again(), config), index_digest=line.index_digest)

    return replace(line, adapt=configure, again=reread)
