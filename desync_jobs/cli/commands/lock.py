"""`desync-run lock`: what a job's names stand for, kept beside it."""

import click

from desync_jobs.cli import options as opt
from desync_jobs.cli.command import Command
from desync_jobs.cli.jobs import adjusted, load_locked_from, load_to_lock_from
from desync_jobs.cli.options import RunOptions, run_options
from desync_jobs.cli.output import write_json, write_line
from desync_jobs.errors import EXIT_DONE, OutdatedError

_EXAMPLES = (
    "desync-run lock update.toml --var version=2.1",
    "desync-run lock update.toml --check",
)


@click.command("lock", cls=Command, examples=_EXAMPLES)
@click.argument("job")
@opt.variables
@click.option(
    "--check", is_flag=True, help="Write nothing; exit with 6 where the lock no longer holds."
)
@run_options
def command(*, job: str, variables: tuple[str, ...], check: bool, options: RunOptions) -> int:
    """Write down beside JOB what its variables and indexes are now.

    JOB.lock has the values of variables, the digest of every index that is read, and how blobs are
    cut. From then on JOB is run, planned and applied with those alone: variables that are not given
    have the locked values, and an index that is another one is refused with exit code 6. 'lock'
    itself takes a locked value only where a variable has no default and is not given. Remove the
    file to be rid of it.
    """
    from desync_jobs.cli.running import lock_now
    from desync_jobs.execute.locking import lock_differences
    from desync_jobs.execute.published import publish_text
    from desync_jobs.manifest.lock import lock_path, read_lock

    path = lock_path(job)
    loaded = load_locked_from(job, variables) if check else load_to_lock_from(job, variables)
    loaded = adjusted(loaded, concurrency=options.concurrency)
    lock = lock_now(loaded, options)
    if check:
        held = read_lock(path)
        found = ["there is no lock"] if held is None else [*lock_differences(loaded, held, lock)]
        if found and options.as_json:
            write_json({"lock": path, "changed": False, "differences": found})
        if found:
            raise OutdatedError(path, found, f"'desync-run lock {job}' writes it anew")
        changed = False
    else:
        changed = publish_text(path, lock.text())
    if options.as_json:
        write_json({"lock": path, "changed": changed, **lock.model_dump()})
    elif not options.quiet:
        write_line(f"{path}: {'written' if changed else 'holds'}")
    return EXIT_DONE
