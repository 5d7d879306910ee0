"""Promises in a local store: that nobody deletes from it before a time, whoever dies meanwhile.

The kernel's lock goes with its process; a client that was told by a server that a chunk is here
does not. So a server leaves a file for each promise, which a collector reads when it has the lock:
whoever makes one has that lock too. Times are by the clock of this machine.
"""

from typing import Final

from desync_jobs.stores.leases.log import OWN
from desync_jobs.stores.leases.posted import Posted
from desync_jobs.stores.objects.base import ObjectPlace

FOLDER: Final = f"{OWN}promises/"


def promises(place: ObjectPlace) -> Posted:
    """Return what is promised in a store, also what is over."""
    return Posted(place, FOLDER)
