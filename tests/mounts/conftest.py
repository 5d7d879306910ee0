from pathlib import Path

import pytest

from tests.vectors.inputs import ctr, text
from tests.workspace import Workspace

BLOB = ctr(600_000, b"mount") + bytes(900_000) + text(500_000) + ctr(1_100_000, b"more") + bytes(77)
"""With zeros in the middle and at its end."""


@pytest.fixture(scope="session")
def imaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The index of BLOB, with its chunks in `store`; not to be written to."""
    workspace = Workspace(tmp_path_factory.mktemp("imaged"))
    workspace.make("disk.img", BLOB)
    return workspace.path


@pytest.fixture
def image(imaged: Path, workspace: Workspace) -> Workspace:
    """The index `disk.img.caibx`, and a link to its store."""
    (workspace / "disk.img.caibx").write_bytes((imaged / "disk.img.caibx").read_bytes())
    (workspace / "store").symlink_to(imaged / "store")
    return workspace
