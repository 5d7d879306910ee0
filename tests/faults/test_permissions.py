"""What may not be read or written: one message that names it, exit code 1, nothing changed."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from desync_jobs.testing.programs import require_program
from tests.vectors.inputs import ctr
from tests.workspace import Workspace, chunk_file, stamps

# Root without its privileges: it owns the files, and their modes count for it like for anybody.
UNPRIVILEGED = ("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--")
DENIED = "Permission denied"

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(tmp_path: Path, environment: Mapping[str, str]) -> Run:
    """Run the program without privileges; returns its exit code and what it said."""
    prefix: tuple[str, ...] = ()
    if os.geteuid() == 0:
        require_program("setpriv")
        prefix = UNPRIVILEGED

    def start(*arguments: str) -> tuple[int, str]:
        ended = subprocess.run(
            [*prefix, sys.executable, "-W", "error", "-m", "desync_jobs", *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            check=False,
        )
        assert ended.stdout == b""
        return ended.returncode, ended.stderr.decode()

    return start


@pytest.fixture
def made(workspace: Workspace) -> Workspace:
    """A blob with its index and store, and folders that are not the program's."""
    workspace.make("blob", ctr(100_000))
    for name in ("locked", "hidden"):
        (workspace / name).mkdir()
    shutil.copy(workspace / "blob", workspace / "locked" / "copy")
    (workspace / "locked" / "old").write_bytes(b"what was here before")
    return workspace


@pytest.mark.parametrize(
    ("forbidden", "command", "said"),
    [
        ("blob", "make new blob", "PATH: cannot be opened"),
        ("blob", "digest blob", "PATH: cannot be opened"),
        ("blob", "chop -s new blob.caibx blob", "PATH: cannot be opened"),
        ("blob", "verify-index blob.caibx blob", "PATH: cannot be opened"),
        ("blob.caibx", "info blob.caibx", "PATH: cannot be opened"),
        ("blob.caibx", "extract -s store blob.caibx new", "PATH: cannot be opened"),
        ("CHUNK", "extract -s store blob.caibx new", "store store: cannot read PATH"),
        ("CHUNK", "verify -s store", "store store: cannot read PATH"),
        ("PREFIX", "verify -s store", "store store: cannot list PATH"),
        (
            "PREFIX",
            "chop -s store blob.caibx blob",
            "store store: cannot say whether it has chunk ID; check its permissions\n",
        ),
        (
            "PREFIX",
            "make -m 2:8:32 -s store new blob",
            "store store: cannot look for PATH/ID.cacnk",
        ),
        ("store", "verify -s store", "store store: cannot list PATH"),
        ("store", "make -s store new blob", "store store: cannot create PATH"),
        ("hidden", "info hidden/index", "PATH/index: cannot be looked at"),
        ("hidden", "extract -s store blob.caibx hidden/new", "PATH/new: cannot be looked at"),
    ],
)
def test_what_may_not_be_read_is_named(
    run: Run, made: Workspace, forbidden: str, command: str, said: str
) -> None:
    chunk_id = made.index("blob.caibx").id(0)
    chunk = chunk_file(made / "store", chunk_id)
    path = {"CHUNK": chunk, "PREFIX": chunk.parent}.get(forbidden, made / forbidden)
    before = stamps(made.path)
    mode = path.stat().st_mode
    path.chmod(0)
    code, message = run(*command.split())
    path.chmod(mode)
    expected = said.replace("PATH", str(path)).replace("ID", chunk_id.hex())

    assert code == 1
    assert message.removeprefix("desync-run: ") == (
        expected if expected.endswith("\n") else f"{expected}: {DENIED}\n"
    )
    assert {name: stamp[:2] for name, stamp in stamps(made.path).items()} == {
        name: stamp[:2] for name, stamp in before.items()
    }


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("extract -s store blob.caibx locked/new", "locked/new: cannot be written"),
        ("extract -s store blob.caibx locked/old", "locked/old: cannot be written"),
        ("extract -k -s store blob.caibx locked/new", "locked/new: cannot be opened"),
        ("make locked/new blob", "locked/new: cannot be written"),
        ("chop -s locked/store blob.caibx blob", "store store: cannot create locked/store"),
        ("cat -s store blob.caibx locked/new", "locked/new: cannot be written"),
    ],
)
def test_a_folder_that_may_not_be_written_to_is_named(
    run: Run, made: Workspace, command: str, said: str
) -> None:
    (made / "locked").chmod(0o555)
    code, message = run(*command.split())
    names = sorted(os.listdir(made / "locked"))
    (made / "locked").chmod(0o755)

    assert code == 1
    assert message == f"desync-run: {said}: {DENIED}\n".replace("locked", f"{made / 'locked'}")
    assert names == ["copy", "old"]
    assert (made / "locked" / "old").read_bytes() == b"what was here before"


def test_a_target_in_such_a_folder_is_left_or_written_in_place(run: Run, made: Workspace) -> None:
    (made / "locked").chmod(0o555)
    unchanged = run("extract", "-s", "store", "blob.caibx", "locked/copy")
    in_place = run("extract", "-k", "-s", "store", "blob.caibx", "locked/old")
    (made / "locked").chmod(0o755)

    assert unchanged == (0, "")
    assert in_place[0] == 0  # it may be said that nothing can be kept beside the target
    assert (made / "locked" / "old").read_bytes() == (made / "blob").read_bytes()


def test_a_replaced_target_may_itself_be_read_only_and_stays_so(run: Run, made: Workspace) -> None:
    old = made / "locked" / "old"
    old.chmod(0o444)
    ended = run("extract", "-s", "store", "blob.caibx", "locked/old")

    assert ended == (0, "")
    assert old.read_bytes() == (made / "blob").read_bytes()
    assert old.stat().st_mode & 0o777 == 0o444


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("forbidden.toml", "forbidden.toml: cannot be read: permission denied"),
        ("missing.toml", "missing.toml: no such file"),
        ("hidden", "hidden: is a directory; give the job file itself"),
    ],
)
def test_a_job_file_that_cannot_be_read_is_named(
    run: Run, made: Workspace, name: str, said: str
) -> None:
    (made / "forbidden.toml").touch(0)
    ended = run("run", name)

    assert ended == (64, f"desync-run: {said}\n")


def test_events_that_may_not_be_written_are_told_before_anything_is_done(
    run: Run, made: Workspace
) -> None:
    (made / "locked").chmod(0o555)
    ended = run("make", "new", "blob", "--events", "locked/events")
    (made / "locked").chmod(0o755)

    assert ended == (1, f"desync-run: locked/events: events cannot be written: {DENIED}\n")
    assert not (made / "new").exists()
