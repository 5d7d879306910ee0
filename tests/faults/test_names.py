"""File names that are not UTF-8, in every locale: used as they are, shown so that they can be read.

A byte that is no text is shown as an escape: the byte 0xff as `\\udcff`.
"""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.vectors.inputs import ctr
from tests.workspace import Workspace

Run = Callable[..., subprocess.CompletedProcess[bytes]]

NAME = os.fsdecode(b"na\xffme")
SHOWN = "na\\udcffme"
LOCALES = {
    "C": {"LC_ALL": "C"},
    "POSIX": {"LANG": "POSIX", "LC_ALL": ""},
    "UTF-8": {"LC_ALL": "C.UTF-8"},
    "ASCII": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
}


@pytest.fixture(params=LOCALES)
def run(request: pytest.FixtureRequest, desync_run: Run) -> Callable[..., tuple[int, bytes, str]]:
    """Run the program in a locale; returns its exit code and what it wrote."""

    def start(*arguments: str) -> tuple[int, bytes, str]:
        ended = desync_run(*arguments, **LOCALES[request.param])
        return ended.returncode, ended.stdout, ended.stderr.decode()

    return start


def test_files_with_such_names_are_made_and_read(
    run: Callable[..., tuple[int, bytes, str]], tmp_path: Path
) -> None:
    (tmp_path / NAME).write_bytes(ctr(100_000))
    made = run("make", "-s", f"{NAME}.castr", f"{NAME}.caibx", NAME)
    copied = run("extract", "-s", f"{NAME}.castr", f"{NAME}.caibx", f"{NAME}.copy")
    events = run("info", f"{NAME}.caibx", "--events", f"{NAME}.events", "-q")

    assert (made, copied) == ((0, b"", ""), (0, b"", ""))
    assert (tmp_path / f"{NAME}.copy").read_bytes() == ctr(100_000)
    assert (events[0], events[2]) == (0, "")
    assert sorted(os.listdir(os.fsencode(tmp_path))) == [
        b"na\xffme",
        b"na\xffme.caibx",
        b"na\xffme.castr",
        b"na\xffme.copy",
        b"na\xffme.events",
    ]


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        (("info", NAME), 5, f"{SHOWN}: index does not exist"),
        ((f"{NAME}.toml",), 64, f"{SHOWN}.toml: no such file"),
        (
            ("verify", "-s", NAME),
            1,
            f"store store: FOLDER/{SHOWN} is not a directory; correct its url or create it",
        ),
        (("digest", NAME), 1, f"FOLDER/{SHOWN}: blob does not exist"),
    ],
)
def test_such_a_name_is_shown_with_its_bytes_escaped(
    run: Callable[..., tuple[int, bytes, str]],
    tmp_path: Path,
    command: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    ended = run(*command)

    assert ended == (code, b"", f"desync-run: {said}\n".replace("FOLDER", str(tmp_path)))


def test_results_and_events_with_such_names_are_valid_json(
    run: Callable[..., tuple[int, bytes, str]], tmp_path: Path
) -> None:
    code, _, said = run("digest", NAME, "--json", "--events", "events")
    lines = (tmp_path / "events").read_text(encoding="utf-8").splitlines()
    finished = [json.loads(line) for line in lines if '"step-finished"' in line]
    result = json.loads(said[said.index("{") :])

    assert code == 1
    # The escape of JSON gives the name itself back.
    expected = f"{tmp_path / NAME}: blob does not exist"
    assert [event["error"] for event in finished] == [expected]
    assert [one["error"] for one in result["operations"]] == [expected]


def test_a_manifest_cannot_hold_such_a_name_and_says_so(
    run: Callable[..., tuple[int, bytes, str]],
) -> None:
    code, written, said = run("digest", NAME, "--print-manifest")

    assert (code, written) == (64, b"")
    assert said == (
        "desync-run: blob: not UTF-8, which a job file has to be; "
        "rename the file, or use the command\n"
    )


@pytest.mark.parametrize("url", ["größe", "🗄"])
def test_a_job_with_names_that_the_locale_does_not_have_is_refused(
    desync_run: Run, workspace: Workspace, url: str
) -> None:
    (workspace / "job.toml").write_text(
        f'version = 1\n[operations.a]\nkind = "digest"\nblob = "{url}"\n', encoding="utf-8"
    )
    (workspace / url).write_bytes(b"abc")
    in_ascii = desync_run("job.toml", "-q", **LOCALES["ASCII"])
    in_c = desync_run("job.toml", "-q", **LOCALES["C"])

    assert in_ascii.returncode == 64
    assert in_ascii.stderr == (
        b"desync-run: job.toml: operations.a.blob: "
        b"this locale has no such file names; use one with UTF-8, such as C.UTF-8\n"
    )
    assert (in_c.returncode, in_c.stderr) == (0, b"")
