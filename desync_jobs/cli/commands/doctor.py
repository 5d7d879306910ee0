"""`desync-run doctor`: this installation and this machine."""

from collections.abc import Iterator
from typing import Any

import click

from desync_jobs.cli.command import Command
from desync_jobs.cli.diagnosis import diagnose
from desync_jobs.cli.options import as_json
from desync_jobs.cli.output import write_json, write_line
from desync_jobs.report.words import in_bytes

_EXAMPLES = (
    "desync-run doctor",
    "desync-run doctor /srv/store /mnt/images",
    "desync-run doctor --json | jq .kernel",
)


@click.command("doctor", cls=Command, examples=_EXAMPLES)
@click.argument("directories", metavar="[DIR]...", nargs=-1)
@as_json
def command(*, directories: tuple[str, ...], as_json: bool) -> int:
    """Describe this installation, this machine, and what file systems can do.

    Without DIR the current directory's file system is tried.
    """
    found = diagnose(directories or (".",))
    if as_json:
        write_json(found)
    else:
        for line in _lines(found):
            write_line(line)
    return 0


def _lines(found: dict[str, Any]) -> Iterator[str]:
    memory, files, zstandard = found["memory"], found["open_files"], found["zstandard"]
    yield f"desync-run   {found['version']}"
    yield f"python       {found['python']['version']} ({found['python']['executable']})"
    yield f"platform     {found['platform']}"
    yield f"kernel       {found['kernel']['name']}: {found['kernel']['reason']}"
    yield f"trees        {found['trees']}"
    yield f"zstandard    {zstandard['binding']}, library {zstandard['library']}"
    for scheme, what in found["drivers"].items():
        yield f"driver       {scheme}: {what}"
    yield f"mounts       {found['mounts']}"
    yield f"libraries    {_listed(found['libraries'])}"
    yield f"cores        {found['cores']['usable']} usable of {found['cores']['present']}"
    yield f"memory       {in_bytes(memory['physical'])}, {in_bytes(memory['available'])} available"
    for limit, who in (("process_limit", "this process"), ("group_limit", "its control group")):
        if memory[limit] is not None:
            yield f"             limited to {in_bytes(memory[limit])} for {who}"
    yield f"open files   {files['limit'] or 'no limit'}, can be raised to {files['most'] or 'any'}"
    for name, path in found["programs"].items():
        yield f"{name:<13}{path or 'not on PATH'}"
    for directory in found["directories"]:
        yield from _directory_lines(directory)


def _listed(versions: dict[str, str | None]) -> str:
    return ", ".join(f"{name} {version or 'missing'}" for name, version in versions.items())


def _directory_lines(directory: dict[str, Any]) -> Iterator[str]:
    yield f"directory    {directory['path']}"
    if "error" in directory:
        yield f"             cannot be looked at: {directory['error']}"
        return
    yield f"             {in_bytes(directory['free'])} free of {in_bytes(directory['size'])}"
    answer = "yes" if directory["reflinks"] else f"no: {directory['reflinks_reason']}"
    yield f"             reflinks: {answer}"
