import pytest

from desync_jobs.execute.hands import hands_of
from desync_jobs.manifest.operations import KINDS
from desync_jobs.planner.decide import planner_of


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_operation_has_a_surveyor_a_planner_and_a_doer(kind: str) -> None:
    name = kind.replace("-", "_")

    assert planner_of(kind).__name__ == f"plan_{name}"
    assert [hand.__name__ for hand in hands_of(kind)] == [f"survey_{name}", f"do_{name}"]
