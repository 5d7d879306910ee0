import json
import os
from pathlib import Path
from typing import Any

import pytest

from desync_jobs._version import __version__
from desync_jobs.cli.diagnosis import diagnose
from desync_jobs.cli.main import main
from desync_jobs.core.kernel import native
from desync_jobs.manifest.locations import Kind
from desync_jobs.stores.drivers import OBJECT_DRIVERS, Driver


def test_the_diagnosis_covers_installation_machine_and_directories(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    code = main(["doctor", "--json", os.fspath(tmp_path)])
    found = json.loads(capfd.readouterr().out)

    assert code == 0
    assert found["version"] == __version__
    assert set(found) == {
        "version",
        "python",
        "platform",
        "libraries",
        "kernel",
        "trees",
        "zstandard",
        "drivers",
        "mounts",
        "cores",
        "memory",
        "open_files",
        "programs",
        "directories",
    }
    assert found["kernel"]["name"] in {"native", "portable"}
    assert found["kernel"]["reason"]
    # Whoever can build one extension can build the other.
    assert (found["trees"] == "many entries at a time") == (native() is not None)
    assert found["drivers"]["file"] == "local directories, as paths or file:// URLs"
    assert found["drivers"]["http, https"] == "an HTTP place"
    assert "fuse" in found["mounts"]
    assert found["cores"]["usable"] >= 1
    assert found["libraries"]["click"]


def test_a_directory_is_tried_for_reflinks_and_left_as_it_was(tmp_path: Path) -> None:
    directories: Any = diagnose([os.fspath(tmp_path)])["directories"]
    found = directories[0]

    assert found["path"] == os.fspath(tmp_path)
    assert isinstance(found["reflinks"], bool)
    assert found["reflinks_reason"]
    assert 0 < found["free"] <= found["size"]
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_is_absent_is_said(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    absent = os.fspath(tmp_path / "absent")
    code = main(["doctor", absent])
    lines = capfd.readouterr().out.splitlines()

    assert code == 0
    assert lines[-2:] == [
        f"directory    {absent}",
        "             cannot be looked at: No such file or directory",
    ]


def test_every_part_is_a_line_for_people(capfd: pytest.CaptureFixture[str]) -> None:
    code = main(["doctor"])
    written = capfd.readouterr()
    labels = [line.split()[0] for line in written.out.splitlines() if line[0] != " "]

    assert (code, written.err) == (0, "")
    assert list(dict.fromkeys(labels)) == [
        "desync-run",
        "python",
        "platform",
        "kernel",
        "trees",
        "zstandard",
        "driver",
        "mounts",
        "libraries",
        "cores",
        "memory",
        "open",
        "casync",
        "desync",
        "directory",
    ]


def test_a_driver_without_its_library_is_named(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(OBJECT_DRIVERS, Kind.OTHER, Driver("none", "no_such_library", "some"))

    assert main(["doctor"]) == 0

    lines = capfd.readouterr().out.splitlines()
    assert "driver       others: needs no_such_library: pip install 'desync-jobs[some]'" in lines, (
        lines
    )
