"""What a lease is for."""

from enum import Enum


class Role(Enum):
    """What a lease is for."""

    WRITER = "writer"
    """Adds chunks, and counts on those that are there."""
    WAITING = "waiting"
    """Will delete as soon as the writers are done that are there; no other one begins."""
    COLLECTOR = "collector"
    """Deletes."""
