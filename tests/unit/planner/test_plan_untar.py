from typing import Any

import pytest

from desync_jobs.errors import TargetError, UsageError
from desync_jobs.manifest.operations.untar import UntarSpec
from desync_jobs.planner.facts import FileFacts, FileKind
from desync_jobs.planner.operations.untar import UntarFacts, plan_untar
from desync_jobs.planner.step import Action

ARCHIVE = FileFacts("/a.catar", FileKind.REGULAR, 1000)
NOTHING = FileFacts("/new", FileKind.ABSENT)
TREE = FileFacts("/new", FileKind.DIRECTORY)


def spec(**fields: Any) -> UntarSpec:
    return UntarSpec(kind="untar", archive="a.catar", target="new", **fields)


def facts(
    target: FileFacts, inside: str | None = None, *, mounted: str | None = None
) -> UntarFacts:
    return UntarFacts(ARCHIVE, target, mounted, inside)


@pytest.mark.parametrize(
    ("fields", "target", "reason"),
    [
        ({}, NOTHING, "the target does not exist"),
        (
            {},
            TREE,
            "what differs in the target is written, what else is in it is left alone",
        ),
        (
            {"delete": True},
            TREE,
            "what differs in the target is written, what else is in it is removed",
        ),
        ({"atomic": True}, TREE, "the target is replaced as a whole"),
    ],
)
def test_a_plan_says_what_becomes_of_the_target(
    fields: dict[str, Any], target: FileFacts, reason: str
) -> None:
    decision = plan_untar(spec(**fields), facts(target))

    assert (decision.action, decision.reason, decision.changes) == (Action.RUN, reason, True)
    assert [(one.place, one.bytes) for one in decision.cost.reads] == [("archive", 1000)]
    assert [(one.place, one.bytes, one.exact) for one in decision.cost.writes] == [
        ("target", 1000, False)
    ]


def test_what_would_be_removed_while_it_is_read_is_refused() -> None:
    within = facts(TREE, "/new/store")

    assert plan_untar(spec(), within).action is Action.RUN
    for key in ("delete", "atomic"):
        with pytest.raises(UsageError, match=r"^/new/store is in /new, from which everything else"):
            plan_untar(spec(**{key: True}), within)


def test_what_is_mounted_is_not_replaced_as_a_whole() -> None:
    within = facts(TREE, mounted="/new/proc")
    with pytest.raises(TargetError, match=r"as a whole: something is mounted at /new/proc"):
        plan_untar(spec(atomic=True), within)

    assert plan_untar(spec(), within).action is Action.RUN
