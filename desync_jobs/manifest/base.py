"""What every spec has in common.

The string under a field is its description in the JSON Schema. `manifest/schema.py`
reads those strings itself: pydantic's `use_attribute_docstrings` parses the
source of every class at import, which costs a fifth of the start-up time. Validators are
built when first used (`defer_build`), so that one job builds one validator and not twenty.
"""

from abc import abstractmethod
from collections.abc import Iterator
from typing import TypeAlias

from pydantic import BaseModel, ConfigDict

from desync_jobs.manifest.access import Access

Found: TypeAlias = tuple[tuple[str | int, ...], str]
"""The path of keys within an operation, and the message."""


class Spec(BaseModel):
    """Something a user declares; immutable, and refuses what it does not know.

    Immutability does not reach into mappings: treat those as read-only.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        validate_default=True,
        defer_build=True,
    )


class OperationBase(Spec):
    """One operation of a job; each kind adds its own keys."""

    description: str = ""
    """What this operation is for, in the user's words."""
    after: tuple[str, ...] = ()
    """Operations that must be done first, besides those that write what this one reads."""

    @abstractmethod
    def access(self) -> Access:
        """Say which files and stores this operation touches, as they are written."""

    def contradictions(self) -> Iterator[Found]:
        """Yield what is wrong with the keys of this operation together."""
        yield from ()
