"""A seed that cannot be read, or not all of it, costs what it would have given and no more."""

import subprocess
import sys
from collections.abc import Mapping
from subprocess import CompletedProcess
from typing import Final

import pytest

from desync_jobs.testing.programs import require_program
from tests.faults.test_permissions import UNPRIVILEGED
from tests.operations.versions import make_versions
from tests.trees import need_root
from tests.workspace import Workspace

LIST: Final = ("list", "-s", "store", "--seed", "old", "new.caidx")


@pytest.fixture
def versions(workspace: Workspace) -> Workspace:
    make_versions(workspace)
    return workspace


def ran(
    workspace: Workspace, environment: Mapping[str, str], *prefix: str
) -> CompletedProcess[str]:
    return subprocess.run(
        [*prefix, sys.executable, "-m", "desync_jobs", *LIST],
        cwd=workspace.path,
        env=dict(environment),
        capture_output=True,
        text=True,
        check=False,
    )


def listed(workspace: Workspace) -> str:
    ended = workspace.do("list", index="new.caidx", stores=["store"])
    return ended.output.decode()


def test_files_and_folders_that_may_not_be_read_are_left_out(
    versions: Workspace, environment: Mapping[str, str]
) -> None:
    need_root()
    require_program("setpriv")
    (versions / "old" / "d1" / "f01").chmod(0)
    (versions / "old" / "d2").chmod(0)
    ended = ran(versions, environment, *UNPRIVILEGED)

    assert (ended.returncode, ended.stdout) == (0, listed(versions)), ended.stderr
    assert (
        f"{versions.path}/old/d1/f01: cannot be read: Permission denied: left out of the seed, and "
        "1 other"
    ) in ended.stderr


def test_a_seed_whose_top_may_not_be_read_is_not_used(
    versions: Workspace, environment: Mapping[str, str]
) -> None:
    need_root()
    require_program("setpriv")
    (versions / "old").chmod(0)
    ended = ran(versions, environment, *UNPRIVILEGED)

    assert (ended.returncode, ended.stdout) == (0, listed(versions)), ended.stderr
    assert f"{versions.path}/old: cannot be opened: Permission denied; it is not used" in (
        ended.stderr
    )


def test_a_seed_whose_records_cannot_be_held_is_not_used(
    versions: Workspace, environment: Mapping[str, str]
) -> None:
    """No file may have more than four kilobytes; that is less than the records of the seed."""
    ended = ran(versions, environment, "sh", "-c", 'ulimit -f 8; exec "$@"', "sh")

    assert (ended.returncode, ended.stdout) == (0, listed(versions)), ended.stderr
    assert "seed seed-1: what an archive has besides content cannot be held in" in ended.stderr
    assert "name a folder with more room (TMPDIR); it is not used" in ended.stderr
