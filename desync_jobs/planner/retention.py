"""Which indexes of a place are kept, by their names and their ages."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from operator import attrgetter
from typing import TYPE_CHECKING

from desync_jobs.errors import UsageError

if TYPE_CHECKING:
    from desync_jobs.manifest.roots import IndexesBelowSpec, RootSpec


@dataclass(frozen=True, slots=True)
class FoundIndex:
    """An index as a listing shows it."""

    name: str
    """Below its place."""
    size: int
    modified: float | None
    """Seconds since 1970; None where the place does not tell."""
    leads_to: str | None = None
    """Of a link, the name of what it leads to, empty where that is elsewhere or nowhere."""


def is_root(name: str, spec: "IndexesBelowSpec") -> bool:
    """Whether an object of this name is an index that counts."""
    return _any(name, spec.include) and not is_excluded(name, spec)


def is_excluded(name: str, spec: "IndexesBelowSpec") -> bool:
    """Whether an object of this name counts for nothing, whatever it is."""
    return _any(name, spec.exclude)


def retained(found: Sequence[FoundIndex], spec: "RootSpec", now: float) -> set[str]:
    """Return the names of those that are kept.

    All of them without any rule about ages, but for `tombstones`; with rules, those that any of
    them keeps. What `golden` names is always kept. A link has no age: it is kept, and keeps what it
    leads to, unless a tombstone has either's name. `UsageError` where ages are not known.
    """
    golden = {one.name for one in found if _any(one.name, spec.golden)}
    dead = {one.name for one in found if _any(one.name, spec.tombstones)} - golden
    links = {one.name: one.leads_to for one in found if one.leads_to is not None}
    golden |= {links[name] for name in golden & links.keys()}
    dead -= golden
    dead |= {name for name, leads_to in links.items() if leads_to in dead} - golden
    linked = {name for pair in links.items() if pair[0] not in dead for name in pair}
    living = [one for one in found if one.name not in dead and one.leads_to is None]
    return {one.name for one in found} & (linked | golden | _by_age(living, spec, now))


def _by_age(living: Sequence[FoundIndex], spec: "RootSpec", now: float) -> set[str]:
    """Return the names of those that rules about ages keep; of all, without such rules."""
    if spec.keeps_all:
        return {one.name for one in living}
    for one in living:
        if one.modified is None:
            raise UsageError(
                f"{spec.url}: nobody can tell how old {one.name} is; rules of ages are of no use "
                "there, name what is kept by golden and tombstones"
            )
    newest = sorted(living, key=attrgetter("modified", "name"), reverse=True)
    kept = {one.name for one in newest[: spec.keep_last]}
    if spec.keep_for is not None:
        kept.update(one.name for one in newest if now - (one.modified or 0) <= spec.keep_for)
    days: dict[object, str] = {}
    for one in newest:
        days.setdefault(datetime.fromtimestamp(one.modified or 0, UTC).date(), one.name)
    kept.update([*days.values()][: spec.keep_daily])
    return kept


def _any(name: str, patterns: Sequence[str]) -> bool:
    """Whether a pattern fits the whole name, or its last part where the pattern has no slash."""
    last = name.rpartition("/")[2]
    return any(fnmatchcase(name if "/" in one else last, one) for one in patterns)
