"""The folder of a target, which is looked for before anything is done."""

import os

from desync_jobs.errors import TargetError


def need_folder(path: str) -> str:
    """Return where a target is, links followed; `TargetError` where its folder does not exist."""
    place = os.path.realpath(path)
    if not os.path.isdir(os.path.dirname(place)):
        raise TargetError(f"{path}: cannot be written: its folder does not exist; create it")
    return place
