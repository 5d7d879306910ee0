"""What differs between two plans of one job, in words."""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from desync_jobs.planner.saved import SavedAmount, SavedPlan, SavedStep, SavedTree
from desync_jobs.planner.step import Action
from desync_jobs.planner.tree_changes import tree_changes
from desync_jobs.report.words import counted, in_a_line

_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "begun": "progress",
        "difference": "index's content",
        "filled": "stores' content",
        "free": "device",
        "gone": "old indexes",
        "had": "store's content",
        "hidden": "mountpoint",
        "ids": "source's chunks",
        "inside": "output's place",
        "known": "device",
        "lacking": "store's content",
        "missing": "store's content",
        "mounted": "target",
        "place": "store's place",
        "place_exists": "mountpoint",
        "present": "directory",
        "quarantined": "quarantine",
        "read": "input",
        "reported": "report",
        "resumed": "earlier attempt",
        "rewritable": "store's content",
        "right": "target's content",
        "roots": "indexes",
        "staged": "earlier attempt",
        "stock": "store's chunks",
        "there": "old indexes",
        "wanted": "needed chunks",
    }
)
"""What facts are called that have names for those who know the code."""
_DERIVED: Final = frozenset({"zero_ids", "needed", "sifted"})
"""Facts that follow from others."""


def differences(saved: SavedPlan, now: SavedPlan) -> list[str]:
    """Say what is not as it was when `saved` was made; nothing where all is.

    Of what follows from something else only that is said: a job that has changed has other steps.
    """
    if saved.program != now.program:
        return [f"was made by version {saved.program}, this is {now.program}"]
    changed = list(_changed(saved.job.parts, now.job.parts, "{} of the job"))
    if changed:
        return changed
    before = {step.operation: step for step in saved.steps}
    after = {step.operation: step for step in now.steps}
    if list(before) != list(after):
        return [f"the order was {', '.join(before)} and is {', '.join(after)}"]
    return [
        f"operation {name}: {one}" for name in before for one in _moved(before[name], after[name])
    ]


def every_difference(old: SavedPlan, new: SavedPlan) -> list[str]:
    """Say everything that differs between two plans, of whichever jobs, from `old` to `new`."""
    told = []
    if old.program != new.program:
        told.append(f"made by version {new.program}, not {old.program}")
    for name in dict.fromkeys((*old.job.variables, *new.job.variables)):
        before, after = old.job.variables.get(name), new.job.variables.get(name)
        if before != after:
            told.append(f"variable {name}: {after!r}, was {before!r}")
    told += _changed(old.job.parts, new.job.parts, "{} of the job")
    before_steps = {step.operation: step for step in old.steps}
    after_steps = {step.operation: step for step in new.steps}
    for name in dict.fromkeys((*before_steps, *after_steps)):
        if name not in after_steps:
            told.append(f"operation {name} is gone")
        elif name not in before_steps:
            told.append(f"operation {name} is new: {after_steps[name].reason}")
        else:
            found = _moved(before_steps[name], after_steps[name])
            told += [f"operation {name}: {one}" for one in found]
    return told


def _changed(saved: Mapping[str, str], now: Mapping[str, str], words: str) -> Iterator[str]:
    for name in dict.fromkeys((*saved, *now)):
        several = words.startswith("its ") and name.endswith("s")
        if name not in now:
            yield f"{words.format(name)} {'are' if several else 'is'} gone"
        elif name not in saved:
            yield f"{words.format(name)} {'are' if several else 'is'} new"
        elif saved[name] != now[name]:
            yield f"{words.format(name)} {'have' if several else 'has'} changed"


def _moved(saved: SavedStep, now: SavedStep) -> list[str]:
    told = []
    if (saved.action, saved.reason) != (now.action, now.reason):
        blocked = now.action == Action.BLOCKED.value
        reason = f"cannot be done: {in_a_line(now.reason)}" if blocked else f"{now.reason} now"
        told.append(f"{reason}; the plan has: {saved.reason}")
    if saved.facts and now.facts:
        # Without facts the step waits for another one, or cannot be done: that is told already.
        facts, seen = map(_named, (saved.facts, now.facts))
        told += dict.fromkeys(_changed(facts, seen, "its {}"))
        told += _trees(saved.trees, now.trees)
    if told:
        return told
    told += _amounts("reads", saved.cost.reads, now.cost.reads)
    told += _amounts("writes", saved.cost.writes, now.cost.writes)
    return told if told or saved == now else ["it is planned otherwise now"]


def _trees(saved: Sequence[SavedTree], now: Sequence[SavedTree]) -> Iterator[str]:
    """Say what has changed in directory trees, by their tops."""
    old, new = ({tree.path: tree for tree in some} for some in (saved, now))
    for path in dict.fromkeys((*old, *new)):
        if path not in new:
            yield f"tree {path} is not looked at any more"
        elif path not in old:
            yield f"tree {path} was not looked at when the plan was made"
        else:
            yield from tree_changes(old[path], new[path])


def _named(facts: Mapping[str, str]) -> dict[str, str]:
    """Return facts by what people call them, without those that follow from others."""
    named: dict[str, str] = {}
    for name, digest in facts.items():
        if name not in _DERIVED:
            words = _WORDS.get(name, name.replace("_", " "))
            named[words] = named.get(words, "") + digest
    return named


def _amounts(verb: str, saved: Sequence[SavedAmount], now: Sequence[SavedAmount]) -> Iterator[str]:
    """Say by place what is read or written otherwise."""
    old, new = ({amount.place: amount for amount in some} for some in (saved, now))
    for place in dict.fromkeys((*old, *new)):
        before, after = old.get(place), new.get(place)
        if before != after:
            yield f"{verb} {_said(after)} of {place} now; the plan has {_said(before)}"


def _said(amount: SavedAmount | None) -> str:
    if amount is None:
        return "nothing"
    words = f"{counted(amount.chunks, 'chunk')} of {counted(amount.bytes, 'byte')}"
    if amount.stored is None:
        return words
    return f"{words} ({' to '.join(f'{one:,}' for one in dict.fromkeys(amount.stored))} stored)"
