"""Adding up what is counted of many blobs, and telling each by itself."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

_NOT_ADDED: Final = ("block_size", "seeds")

Counted = tuple[str, str, Mapping[str, Any]]
"""A target, what became of it, and its statistics."""


def tally(counted: Iterable[Counted], renamed: Mapping[str, str]) -> dict[str, Any]:
    """Return the sums of all statistics, by their names, and `targets`: those of each.

    Of what cannot be added, such as the size of blocks, the largest is told. `renamed` maps
    places to what the sums call them.
    """
    total: dict[str, Any] = {}
    targets = []
    for target, status, statistics in counted:
        _add(total, statistics, renamed)
        targets.append({"target": target, "status": status, **statistics})
    return {**total, "targets": targets}


def _add(total: dict[str, Any], more: Mapping[str, Any], renamed: Mapping[str, str]) -> None:
    for called, value in more.items():
        name = renamed.get(called, called)
        if isinstance(value, Mapping):
            _add(total.setdefault(name, {}), value, renamed)
        elif name in _NOT_ADDED:
            total[name] = max(total.get(name, 0), value)
        elif isinstance(value, int | float):
            total[name] = total.get(name, 0) + value
