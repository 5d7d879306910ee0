"""What can be done with a place of chunks or indexes."""

from enum import Enum


class Capability(Enum):
    """What a place can do; what it cannot is refused before anything is begun."""

    READ = "read"
    WRITE = "write"
    PRESENCE = "presence"
    """Say whether something is there, and how large, without sending it."""
    LIST = "list"
    DELETE = "delete"
    CREATE = "create"
    """Write something only where nothing of its name is, and tell."""
