import pytest

from desync_jobs.planner.changes import differences
from desync_jobs.planner.cost import Cost
from desync_jobs.planner.saved import SavedCost, SavedOrigin, SavedPlan, SavedStep

FACTS = {"lacking": "1", "had": "2", "filled": "3", "files": "4", "needed": "5"}


def plan(facts: dict[str, str]) -> SavedPlan:
    step = SavedStep(
        operation="move",
        kind="migrate",
        action="run",
        reason="it has to",
        needs=[],
        cost=SavedCost.of(Cost()),
        charge=None,
        parts=[],
        facts=facts,
    )
    origin = SavedOrigin(path="job.toml", variables={}, targets=[], keep_going=False, parts={})
    return SavedPlan(schema="desync-run.saved-plan/1", program="1", job=origin, steps=[step])


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ([], []),
        (["lacking"], ["its store's content has changed"]),
        (["had"], ["its store's content has changed"]),
        (["had", "lacking"], ["its store's content has changed"]),
        (["filled", "files"], ["its stores' content has changed", "its files have changed"]),
        (["needed"], ["it is planned otherwise now"]),
    ],
)
def test_what_was_looked_at_is_called_what_people_call_it(
    changed: list[str], told: list[str]
) -> None:
    now = FACTS | dict.fromkeys(changed, "!")

    assert differences(plan(FACTS), plan(now)) == [f"operation move: {one}" for one in told]
