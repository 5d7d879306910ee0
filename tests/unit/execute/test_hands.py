import pytest

from desync_jobs.execute.hands import hands_of
from desync_jobs.manifest.live import LiveSpec
from desync_jobs.manifest.operations import KINDS
from desync_jobs.planner.decide import planner_of


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_operation_has_a_surveyor_a_planner_and_a_doer(kind: str) -> None:
    name = kind.replace("-", "_")

    assert planner_of(kind).__name__ == f"plan_{name}"
    hands = hands_of(kind)
    assert [hands.survey.__name__, hands.do.__name__] == [f"survey_{name}", f"do_{name}"]


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_fetches_chunks_or_reads_a_directory_can_be_previewed(kind: str) -> None:
    # What is fetched for others is not known before they ask.
    others = kind in ("info", "pull", "serve-chunks") or issubclass(KINDS[kind], LiveSpec)
    through_cache = {"stores", "cache"} <= set(KINDS[kind].model_fields) and not others
    fetches = through_cache or kind in ("migrate", "publish")
    reads = "directory" in KINDS[kind].model_fields

    assert (hands_of(kind).preview is not None) == (fetches or reads)
