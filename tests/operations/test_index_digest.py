"""The digest that every index of a job has to have."""

import pytest

from tests.conftest import Run
from tests.vectors.inputs import ctr
from tests.workspace import Workspace


@pytest.mark.parametrize("digest", ["sha256", "sha512-256"])
def test_an_index_with_another_digest_is_refused(
    workspace: Workspace, desync_run: Run, digest: str
) -> None:
    workspace.make("blob", ctr(100_000, b"digest"), digest="sha256")

    ended = desync_run("--digest", digest, "extract", "-s", "store", "blob.caibx", "copy")

    if digest == "sha256":
        assert (ended.returncode, ended.stderr) == (0, b"")
        assert (workspace / "copy").read_bytes() == (workspace / "blob").read_bytes()
    else:
        assert ended.returncode == 4
        assert ended.stderr.decode() == (
            f"desync-run: {workspace / 'blob.caibx'}: names its chunks by sha256, and not by "
            "sha512-256\n"
        )
        assert not (workspace / "copy").exists()


def test_events_are_told_on_standard_error(workspace: Workspace, desync_run: Run) -> None:
    workspace.make("blob", ctr(100_000, b"digest"))

    ended = desync_run("--verbose", "verify-index", "blob.caibx", "blob")

    assert ended.returncode == 0
    assert b'"event": "step-finished"' in ended.stderr or b'"event":"step-finished"' in ended.stderr
