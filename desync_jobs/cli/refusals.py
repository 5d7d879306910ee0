"""Why a run was not begun, as JSON."""

from typing import Final

from desync_jobs.errors import DesyncRunError, OutdatedError

_SCHEMA: Final = "desync-run.result/1"


def refusal_json(job: str, error: DesyncRunError) -> dict[str, object]:
    """Return what a result would be, with the reason why nothing came of the job."""
    value: dict[str, object] = {
        "schema": _SCHEMA,
        "job": job,
        "exit_code": error.exit_code,
        "error": str(error),
        "operations": [],
    }
    if isinstance(error, OutdatedError):
        value["differences"] = list(error.differences)
    return value
