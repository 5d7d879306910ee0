"""What lies in a directory tree that it should not be in."""

import os
from collections.abc import Iterable

from desync_jobs.manifest.job import Job


def first_inside(top: str, places: Iterable[str]) -> str | None:
    """Return the first of `places` that is `top` or below it, links followed; URLs never are."""
    beginning = os.path.realpath(top).rstrip("/") + "/"
    for place in places:
        if os.path.isabs(place) and (os.path.realpath(place) + "/").startswith(beginning):
            return place
    return None


def directories_of(job: Job, names: Iterable[str]) -> list[str]:
    """Return where the stores, caches and members of groups called `names` are on this machine."""
    members = (member for name in names for member in job.spec.members(name))
    return [job.location(one) for one in members if job.spec.place(one).directory is not None]
