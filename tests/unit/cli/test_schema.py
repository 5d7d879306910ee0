import json

import pytest

from desync_jobs.cli.main import main
from desync_jobs.manifest.schema import job_schema
from desync_jobs.planner.schema import plan_schema
from desync_jobs.report.schema import event_schema


@pytest.mark.parametrize(
    ("arguments", "schema"),
    [
        ([], job_schema()),
        (["job"], job_schema()),
        (["event"], event_schema()),
        (["plan"], plan_schema()),
    ],
)
def test_a_schema_is_printed(
    arguments: list[str], schema: dict[str, object], capfd: pytest.CaptureFixture[str]
) -> None:
    code = main(["schema", *arguments])

    assert code == 0
    assert json.loads(capfd.readouterr().out) == schema
