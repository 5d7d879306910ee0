"""`desync-run config`: desync's configuration, as it is obeyed."""

import os

import click

from desync_jobs.cli import options as opt
from desync_jobs.cli.command import Command
from desync_jobs.cli.output import write_json
from desync_jobs.errors import UsageError

_EXAMPLES = (
    "desync-run config",
    "desync-run config --config server.json",
    "desync-run config --write",
)


@click.command("config", cls=Command, examples=_EXAMPLES)
@opt.desync_config
@click.option("-w", "--write", is_flag=True, help="Write an empty one where there is none.")
def command(*, config: str | None, write: bool) -> int:
    """Print desync's configuration, which all commands of one operation obey.

    Secrets are shown as '***'; what is not known is told on standard error. 'import' makes stores
    of a job file of it.
    """
    from desync_jobs.cli.desync.config import default_path, read_config, shown
    from desync_jobs.cli.failures import complain

    path = default_path(os.environ) if config is None else config
    if path is None:
        raise UsageError("HOME is not set, so there is no configuration; name one with --config")
    if not os.path.lexists(path) and write:
        _write_empty(path)
    found = read_config(path) if config is not None or os.path.lexists(path) else None
    for told in () if found is None else found.unknown:
        complain(f"warning: {path}: {told}")
    if not write:
        write_json(shown(found))
    return 0


def _write_empty(path: str) -> None:
    import json

    from desync_jobs.cli.desync.config import shown
    from desync_jobs.cli.desync.private import write_private

    write_private(path, json.dumps(shown(None), indent=2) + "\n")
