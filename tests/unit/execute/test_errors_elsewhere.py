import pickle

import pytest

from desync_jobs.errors import (
    ChunkInvalidError,
    ChunkMissingError,
    DeadlineError,
    DesyncRunError,
    InterruptedRunError,
    ManifestError,
    OutdatedError,
    Problem,
    StoreError,
)


@pytest.mark.parametrize(
    "error",
    [
        StoreError("store a: gone"),
        ChunkInvalidError(b"1" * 32, "a", "it is empty"),
        ChunkMissingError(b"1" * 32, "a"),
        ManifestError("job", [Problem(("stores", "a"), "missing")]),
        OutdatedError("plan", ["index a changed"], "plan anew"),
        InterruptedRunError("SIGTERM"),
        DeadlineError(3),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_of_another_process_is_the_same_one_here(error: DesyncRunError) -> None:
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - of this test

    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)
    assert again.exit_code == error.exit_code
