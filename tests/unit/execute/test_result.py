import pytest

from desync_jobs.errors import (
    ChunkMissingError,
    DesyncRunError,
    InterruptedRunError,
    InvalidDataError,
    StoreError,
)
from desync_jobs.execute.result import Outcome, Result, Status

MISSING = ChunkMissingError(bytes(32), "a")
OK = (Status.DONE, None)
SAME = (Status.UNCHANGED, None)
SKIPPED = (Status.SKIPPED, None)


@pytest.mark.parametrize(
    ("endings", "code"),
    [
        ([OK, SAME], 0),
        ([], 0),
        ([(Status.FAILED, StoreError("x"))], 1),
        ([(Status.FAILED, MISSING), SKIPPED], 5),
        ([OK, (Status.FAILED, InvalidDataError("x"))], 4),
        ([OK, (Status.FAILED, InvalidDataError("x")), SKIPPED], 4),
        ([OK, (Status.INTERRUPTED, InterruptedRunError("SIGINT")), SKIPPED], 130),
        ([(Status.INTERRUPTED, InterruptedRunError("SIGTERM"))], 143),
        ([(Status.FAILED, MISSING), (Status.INTERRUPTED, InterruptedRunError("SIGINT"))], 130),
    ],
)
def test_the_exit_code_says_how_the_run_ended(
    endings: list[tuple[Status, DesyncRunError | None]], code: int
) -> None:
    outcomes = tuple(
        Outcome(f"op{number}", "cat", status, "because", error=error)
        for number, (status, error) in enumerate(endings)
    )

    assert Result("job", outcomes, 1.0).exit_code == code


@pytest.mark.parametrize(
    ("endings", "code"),
    [
        ([(Status.FAILED, InvalidDataError("x")), OK], 3),
        ([OK, (Status.FAILED, InvalidDataError("x"))], 3),
        ([SAME, (Status.FAILED, MISSING), SKIPPED], 3),
        ([(Status.FAILED, MISSING), SKIPPED], 5),
        ([OK, (Status.INTERRUPTED, InterruptedRunError("SIGINT"))], 130),
        ([OK, OK], 0),
    ],
)
def test_a_job_that_keeps_going_is_partly_done(
    endings: list[tuple[Status, DesyncRunError | None]], code: int
) -> None:
    outcomes = tuple(
        Outcome(f"op{number}", "cat", status, "because", error=error)
        for number, (status, error) in enumerate(endings)
    )

    assert Result("job", outcomes, 1.0, kept_going=True).exit_code == code


def test_the_json_of_a_result_carries_errors_with_their_codes() -> None:
    outcome = Outcome("get", "extract", Status.FAILED, "why", 1.23456, {"chunks": 3}, MISSING)

    assert Result("job", (outcome,), 2.0).to_json() == {
        "schema": "desync-run.result/1",
        "job": "job",
        "exit_code": 5,
        "seconds": 2.0,
        "operations": [
            {
                "operation": "get",
                "kind": "extract",
                "status": "failed",
                "reason": "why",
                "seconds": 1.235,
                "statistics": {"chunks": 3},
                "error": f"chunk {'00' * 32} is missing from a",
                "exit_code": 5,
            }
        ],
    }
