"""The entry point of `desync-run`."""

import os
import sys
from collections.abc import Sequence
from typing import Final

from desync_jobs._version import __version__

PROGRAM: Final = "desync-run"


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out a command line and return its exit code.

    `arguments` are those after the program's name; `sys.argv` without them.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given == ["--version"]:
        # Answered without click, whose import takes longer than everything else here.
        sys.stdout.write(f"{PROGRAM} {__version__}\n")
        return 0
    # Looking for plugins of pydantic reads the metadata of every installed package.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    # NumPy's linear algebra, which nothing here uses, starts a spinning thread for each core.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from desync_jobs.cli.failures import guarded
    from desync_jobs.cli.group import command_line

    return guarded(
        lambda: command_line.main(given, PROGRAM, "_DESYNC_RUN_COMPLETE", standalone_mode=False)
    )
