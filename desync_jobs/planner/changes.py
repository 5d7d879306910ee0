"""What differs between two plans of one job, in words."""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from desync_jobs.planner.saved import SavedAmount, SavedPlan, SavedStep
from desync_jobs.report.words import counted

_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "read": "input",
        "right": "target's content",
        "lacking": "store's content",
        "difference": "index's content",
    }
)
"""What facts are called that have names for those who know the code."""
_DERIVED: Final = frozenset({"zero_ids"})
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
        if name not in now:
            yield f"{words.format(name)} is gone"
        elif name not in saved:
            yield f"{words.format(name)} is new"
        elif saved[name] != now[name]:
            yield f"{words.format(name)} has changed"


def _moved(saved: SavedStep, now: SavedStep) -> list[str]:
    told = []
    if (saved.action, saved.reason) != (now.action, now.reason):
        told.append(f"{now.reason} now; the plan has: {saved.reason}")
    facts, seen = (
        {
            _WORDS.get(name, name.replace("_", " ")): digest
            for name, digest in step.facts.items()
            if name not in _DERIVED
        }
        for step in (saved, now)
    )
    told += dict.fromkeys(_changed(facts, seen, "its {}"))
    if told:
        return told
    told += _amounts("reads", saved.cost.reads, now.cost.reads)
    told += _amounts("writes", saved.cost.writes, now.cost.writes)
    return told if told or saved == now else ["it is planned otherwise now"]


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
