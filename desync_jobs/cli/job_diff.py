"""What changed between two job files, or two saved plans: `diff` of those."""

import functools
from collections.abc import Callable
from typing import Any, Final

from desync_jobs.cli.output import write_json, write_line
from desync_jobs.errors import EXIT_DONE, SourceError, UsageError

_BEGINNING: Final = 1 << 16
_JOBS: Final = (".toml", ".json")
_PLAN: Final = b"desync-run.saved-plan/"


def or_of_jobs(function: Callable[..., int]) -> Callable[..., int]:
    """Let a command with `old` and `new` also take two job files, or two saved plans."""

    @functools.wraps(function)
    def chosen(**given: Any) -> int:
        old, new = given["old"], given["new"]
        as_json = given["as_json"] or given["form"] == "json"
        plans = [_is_plan(one) for one in (old, new)]
        if all(plans):
            return _tell(_plan_changes(old, new), as_json=as_json)
        if any(plans):
            other = new if plans[0] else old
            raise UsageError(f"{other}: no saved plan, and the other one is; give two of a kind")
        if old.endswith(_JOBS) and new.endswith(_JOBS):
            return _tell(_job_changes(old, new), as_json=as_json)
        return function(**given)

    return chosen


def _tell(changes: list[tuple[str, object]], *, as_json: bool) -> int:
    if as_json:
        write_json({"changes": [value for _, value in changes]})
    else:
        for words, _ in changes:
            write_line(words)
    return EXIT_DONE


def _job_changes(old: str, new: str) -> list[tuple[str, object]]:
    from desync_jobs.manifest.read import read_document
    from desync_jobs.planner.job_changes import job_changes

    found = job_changes(read_document(old), read_document(new))
    return [(one.words(), one.to_json()) for one in found]


def _plan_changes(old: str, new: str) -> list[tuple[str, object]]:
    from desync_jobs.execute.published import read_published
    from desync_jobs.planner.changes import every_difference
    from desync_jobs.planner.saved import SIZE_LIMIT, parse_saved

    plans = [parse_saved(read_published(path, SIZE_LIMIT) or b"", path) for path in (old, new)]
    return [(words, words) for words in every_difference(*plans)]


def _is_plan(path: str) -> bool:
    """Whether a file begins as saved plans do."""
    from desync_jobs.execute.published import read_published

    try:
        return _PLAN in (read_published(path, _BEGINNING) or b"")[:_BEGINNING]
    except SourceError:
        return False
