"""What only root can give a file is an error with advice, or is left out where that is asked."""

import os
import stat
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from desync_jobs.formats.catar.records import Device, Fcaps, Filename, Payload, Xattr
from desync_jobs.testing.programs import require_program
from tests.archives import END, Part, archive, directory, entry, file, regular
from tests.faults.test_permissions import UNPRIVILEGED
from tests.workspace import Workspace

OWNER = "(same_owner = false, --no-same-owner)"


def without(feature: str) -> str:
    return f'(without_features = ["{feature}"], --without={feature})'


def one(*parts: Part) -> list[Part]:
    return [directory(), Filename(b"x"), *parts, END]


FORBIDDEN: dict[str, tuple[list[Part], str, str]] = {
    "--no-same-owner": (
        one(regular(uid=4, gid=4), Payload(1), b"x"),
        "the owner 4:4",
        OWNER,
    ),
    "--without=device-nodes": (
        one(entry(stat.S_IFCHR | 0o644), Device(1, 3)),
        "a device in its place",
        without("device-nodes"),
    ),
    "--without=xattrs": (
        one(regular(), Xattr(b"trusted.x", b"y"), Payload(1), b"x"),
        "the attribute trusted.x",
        without("xattrs"),
    ),
    "--without=fcaps": (
        one(regular(), Fcaps(bytes.fromhex("01000002" + "00" * 16)), Payload(1), b"x"),
        "the attribute security.capability",
        without("fcaps"),
    ),
    "--without=chattr": (
        one(regular(flags=0x400000), Payload(1), b"x"),
        "its attributes of chattr",
        without("chattr"),
    ),
}


class Unprivileged:
    """Runs the program as who owns the files and may do nothing else."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self._environment = environment

    def __call__(self, *arguments: str) -> tuple[int, str]:
        if os.geteuid() == 0:
            require_program("setpriv")
        prefix = UNPRIVILEGED if os.geteuid() == 0 else ()
        ended = subprocess.run(
            [*prefix, sys.executable, "-m", "desync_jobs", "untar", "-q", *arguments],
            cwd=self.folder,
            env=self._environment,
            capture_output=True,
            check=False,
        )
        return ended.returncode, ended.stderr.decode()


@pytest.fixture
def untar(tmp_path: Path, environment: Mapping[str, str]) -> Unprivileged:
    return Unprivileged(tmp_path, environment)


@pytest.mark.parametrize("option", FORBIDDEN)
def test_what_only_root_can_do_is_said_and_can_be_left_out(
    tmp_path: Path, untar: Unprivileged, option: str
) -> None:
    parts, what, way = FORBIDDEN[option]
    (tmp_path / "x.catar").write_bytes(archive(parts))
    refused = untar("x.catar", "new")
    done = untar(option, "x.catar", "new")

    reason = "Operation not permitted; run as root, or leave it out"
    assert refused == (1, f"desync-run: {tmp_path}/new/x: cannot have {what}: {reason} {way}\n")
    assert done == (0, "")


def test_trees_that_may_not_be_written_are_written_all_the_same(
    workspace: Workspace, untar: Unprivileged
) -> None:
    parts = [
        *(directory(0o555), *file(b"a", b"x")),
        *(Filename(b"d"), directory(0o500), *file(b"b", b"y"), Filename(b"e"), directory(0o111)),
        *(END, END, END),
    ]
    (workspace / "x.catar").write_bytes(archive(parts))
    first = untar("x.catar", "new")
    again = untar("x.catar", "new")
    (workspace / "new" / "d" / "b").chmod(0o600)
    (workspace / "new" / "d" / "b").write_text("other")
    third = untar("--delete", "x.catar", "new")
    modes = [stat.S_IMODE((workspace / "new" / name).stat().st_mode) for name in (".", "d", "d/e")]

    assert [first, again, third] == [(0, "")] * 3
    assert modes == [0o555, 0o500, 0o111]
    assert (workspace / "new" / "d" / "b").read_text() == "y"
    assert untar("--atomic", "x.catar", "new") == (0, "")
    assert untar("--no-same-permissions", "x.catar", "other") == (0, "")
    assert stat.S_IMODE((workspace / "other" / "d").stat().st_mode) & 0o700 == 0o700


def test_a_run_that_fails_leaves_directories_as_they_were(
    workspace: Workspace, untar: Unprivileged
) -> None:
    (workspace / "new" / "d").mkdir(parents=True)
    (workspace / "new" / "d").chmod(0o500)
    data = archive([directory(), Filename(b"d"), directory(), *file(b"b", b"y"), END, END])
    (workspace / "x.catar").write_bytes(data[:-100])
    code, _ = untar("x.catar", "new")

    assert code == 4
    assert stat.S_IMODE((workspace / "new" / "d").stat().st_mode) == 0o500
