"""What has to be the same in this process and on a worker: each unpickles what the other sent.

A worker is asked for it by name, with nothing of this program in the question: one without the
program, or with an earlier one that has no such list, has an answer too.
"""

import platform
from collections.abc import Mapping
from importlib.metadata import version
from types import MappingProxyType
from typing import Final

from desync_jobs._version import __version__

ASKED_FOR: Final = "desync_jobs.execute.engines.versions:HERE"
"""What `pkgutil.resolve_name` finds on a worker."""


def _release(text: str) -> str:
    """Return the first two numbers of a version: what is sent does not change within them."""
    return ".".join(text.split(".")[:2])


HERE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "desync-jobs": __version__,
        "Python": _release(platform.python_version()),
        **{name: _release(version(name)) for name in ("distributed", "numpy", "pydantic")},
    }
)
"""Versions of this process by what they are of: the first two numbers, but for its own."""


def other_version(worker: Mapping[str, str], here: Mapping[str, str]) -> str | None:
    """Say in words what a worker has in another version than this process; None for nothing."""
    for name, wanted in here.items():
        found = worker.get(name, "none")
        if found != wanted:
            return f"has {name} {found}, and this is {wanted}; install the same in both places"
    return None
