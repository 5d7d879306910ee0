"""What is migrated: the chunks as a whole, and each index."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MovedIndex:
    """An index that is migrated."""

    name: str
    """In its new place."""
    url: str
    """The place it is in, absolute or a URL."""
    within: str
    """Its name there."""
    source: str
    """The SHA-256 of its file."""
    chunks: int
    bytes: int
    """Of its blob."""
    target: str | None = None
    """The SHA-256 of what is to be in its new place; None where only the run finds that out."""
    found: str | None = None
    """The SHA-256 of what is there now; None where nothing is."""

    @property
    def done(self) -> bool:
        """Whether it is in its new place."""
        return self.target is not None and self.target == self.found


@dataclass(frozen=True, slots=True)
class Wanted:
    """All chunks that the store is to have."""

    chunks: int
    bytes: int
    """Plain bytes where indexes say them, otherwise stored ones."""
    ids: str
    """The SHA-256 of the IDs that they have at the source, in ascending order."""
