"""Libraries that only some places need: imported when they are, named when they are missing."""

from importlib import import_module
from types import ModuleType
from typing import Final

from desync_jobs.errors import UsageError

_DISTRIBUTION: Final = "desync-jobs"


def need(module: str, extra: str, what: str) -> ModuleType:
    """Import `module`, which is part of the optional dependencies `extra`, and return it.

    `what` says who needs it: "store origin: s3+https". `UsageError` with the command that installs
    the extra, or with the reason where the module is there and cannot be imported.
    """
    try:
        return import_module(module)
    except ImportError as error:
        library = module.partition(".")[0]
        if isinstance(error, ModuleNotFoundError) and error.name == library:
            hint = f"pip install '{_DISTRIBUTION}[{extra}]'"
            raise UsageError(f"{what} needs {library}: {hint}") from error
        raise UsageError(f"{what} needs {library}, which cannot be imported: {error}") from error
