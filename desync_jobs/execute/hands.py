"""Who surveys and who does each kind of operation.

Found by the operation's name, which is the same everywhere: kind `verify-index` has
`survey_verify_index` and `do_verify_index` in `execute/operations/verify_index.py`, imported when
needed. A test proves that every kind has both. A kind that fetches chunks has `preview_…` too.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple

from desync_jobs.execute.result import Done
from desync_jobs.execute.task import Task
from desync_jobs.planner.step import Step


class Hands(NamedTuple):
    """The functions of one kind of operation; their own signatures name its spec."""

    survey: Callable[[Task[Any]], object]
    do: Callable[[Task[Any], Step], Done]
    preview: Callable[[Task[Any], Step], Step] | None
    """Finds out what a planned step costs in more detail, where that takes asking stores."""


def hands_of(kind: str) -> Hands:
    """Return the functions of operations of `kind`."""
    name = kind.replace("-", "_")
    module = import_module(f"desync_jobs.execute.operations.{name}")
    return Hands(
        getattr(module, f"survey_{name}"),
        getattr(module, f"do_{name}"),
        getattr(module, f"preview_{name}", None),
    )
