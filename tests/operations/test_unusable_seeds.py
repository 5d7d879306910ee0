"""What a directory of seeds holds besides usable pairs: passed over, and said where it matters."""

import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from desync_jobs.testing.programs import require_program
from tests.conftest import command_line
from tests.operations.seeded import (
    NEW,
    OLD,
    OTHER,
    extracted,
    fetched_with,
    index_file,
    put_pair,
)
from tests.workspace import Workspace


def put_index(path: Path) -> None:
    path.write_bytes(index_file(OTHER))


def index_of_folder(folder: Path) -> None:
    (folder / "x").mkdir()
    put_index(folder / "x.caibx")


def folder_like_index(folder: Path) -> None:
    (folder / "x.caibx").mkdir()
    (folder / "x").write_bytes(OTHER)


def pipe_like_index(folder: Path) -> None:
    os.mkfifo(folder / "x.caibx")
    (folder / "x").write_bytes(OTHER)


def pipe_like_blob(folder: Path) -> None:
    os.mkfifo(folder / "x")
    put_index(folder / "x.caibx")


def dead_link_like_index(folder: Path) -> None:
    (folder / "x.caibx").symlink_to("nowhere")
    (folder / "x").write_bytes(OTHER)


def dead_link_like_blob(folder: Path) -> None:
    (folder / "x").symlink_to("nowhere")
    put_index(folder / "x.caibx")


JUNK: dict[str, Callable[[Path], object]] = {
    "an index without a blob": lambda folder: put_index(folder / "x.caibx"),
    "a blob without an index": lambda folder: (folder / "x").write_bytes(OTHER),
    "an index of a folder": index_of_folder,
    "a folder like an index": folder_like_index,
    "a pipe like an index": pipe_like_index,
    "a pipe like a blob": pipe_like_blob,
    "an index without a name": lambda folder: put_index(folder / ".caibx"),
    "another suffix": lambda folder: put_pair(folder / "x", OTHER).rename(folder / "x.caidx"),
    "a dead link like an index": dead_link_like_index,
    "a dead link like a blob": dead_link_like_blob,
}


@pytest.mark.parametrize("policy", ["fail", "skip", "regenerate"])
@pytest.mark.parametrize("junk", JUNK)
def test_what_is_no_pair_is_passed_over_in_silence(
    release: Workspace, folder: Path, asked: Counter[bytes], junk: str, policy: str
) -> None:
    put_pair(folder / "old", OLD)
    JUNK[junk](folder)
    ended = extracted(release, seeds=["all"], invalid_seeds=policy)

    assert ended.warnings == []
    assert asked == fetched_with(release, OLD)


BROKEN: dict[str, bytes] = {
    "empty": b"",
    "text": b"not an index, by far" * 20,
    "cut short": index_file(OTHER)[:-17],
    "only a head": index_file(OTHER)[:64],
}


@pytest.mark.parametrize("broken", BROKEN)
def test_a_malformed_index_is_passed_over_and_said(
    release: Workspace, folder: Path, asked: Counter[bytes], broken: str
) -> None:
    put_pair(folder / "old", OLD)
    put_pair(folder / "x", OTHER)
    (folder / "x.caibx").write_bytes(BROKEN[broken])
    ended = extracted(release, seeds=["all"])

    assert len(ended.warnings) == 1
    assert ended.warnings[0].startswith(f"{folder}/x.caibx: ")
    assert ended.warnings[0].endswith("; it is not used as a seed")
    assert asked == fetched_with(release, OLD)


@pytest.mark.parametrize("name", ["x", "x.caibx"])
def test_a_loop_of_links_is_passed_over_and_said(
    release: Workspace, folder: Path, asked: Counter[bytes], name: str
) -> None:
    put_pair(folder / "old", OLD)
    put_pair(folder / "x", OTHER)
    (folder / name).unlink()
    (folder / name).symlink_to(name)
    ended = extracted(release, seeds=["all"])
    looping = f"{folder}/{name}: cannot be looked at: Too many levels of symbolic links"

    assert ended.warnings == [f"{looping}; it is not used as a seed"]
    assert asked == fetched_with(release, OLD)


def test_an_index_with_another_digest_is_passed_over_and_said(
    release: Workspace, folder: Path, asked: Counter[bytes]
) -> None:
    put_pair(folder / "old", OLD)
    release.make("other", OTHER, digest="sha256", store=None)
    for name in ("other", "other.caibx"):
        shutil.move(release / name, folder)
    ended = extracted(release, seeds=["all"])

    assert ended.warnings == ["seed all:other: has another digest than the index; it is not used"]
    assert asked == fetched_with(release, OLD)


def test_what_may_not_be_read_is_passed_over_and_said(
    release: Workspace, folder: Path, environment: Mapping[str, str]
) -> None:
    """Without the privileges of root, for whom no mode counts."""
    for name in ("index", "blob", "old"):
        put_pair(folder / name, OTHER if name != "old" else OLD)
    (folder / "locked").mkdir()
    put_pair(folder / "locked" / "image", OTHER)
    for name in ("index.caibx", "blob", "locked"):
        (folder / name).chmod(0)
    store = str(release.places["store"]["url"])
    program = ("extract", "new.caibx", "copy", "-s", store, "--seed-dir", "seeds")
    privileges: tuple[str, ...] = ()
    if os.geteuid() == 0:
        privileges = (require_program("setpriv"), "--bounding-set=-all", "--inh-caps=-all", "--")
    ended = subprocess.run(
        [*privileges, *command_line(program)],
        cwd=release.path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    (folder / "locked").chmod(0o700)

    assert ended.returncode == 0, ended.stderr
    assert (release / "copy").read_bytes() == NEW
    for warned in (
        f"{folder}/index.caibx: cannot be opened: Permission denied; it is not used as a seed",
        f"{folder}/blob: cannot be opened: Permission denied; it is not used as a seed",
        f"{folder}/locked: cannot be listed: Permission denied; no seed is taken from it",
    ):
        assert warned in ended.stderr
