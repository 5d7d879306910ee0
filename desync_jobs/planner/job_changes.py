"""What changed from one job file to another, key by key."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class KeyChange:
    """A key that is new, gone, or has another value."""

    place: str
    """The path of keys: `operations.install.target`."""
    old: object = None
    """The value that it had; None where it was not there."""
    new: object = None
    """The value that it has; None where it is gone."""

    def words(self) -> str:
        """Say it in a line."""
        if self.old is None:
            return f"+ {self.place} = {self.new!r}"
        if self.new is None:
            return f"- {self.place} = {self.old!r}"
        return f"~ {self.place} = {self.new!r}, was {self.old!r}"

    def to_json(self) -> dict[str, object]:
        """Return it as JSON values."""
        return {"place": self.place, "old": self.old, "new": self.new}


def job_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[KeyChange]:
    """Return what is not the same in the documents of two job files, in the order of the files."""
    return list(_changes(old, new, ""))


def _changes(old: Mapping[str, Any], new: Mapping[str, Any], above: str) -> Iterator[KeyChange]:
    for key in dict.fromkeys((*old, *new)):
        place = f"{above}{key}"
        before, after = old.get(key), new.get(key)
        if isinstance(before, dict) and isinstance(after, dict):
            yield from _changes(before, after, f"{place}.")
        elif before != after:
            yield KeyChange(place, before, after)
