import subprocess
import sys

import pytest

from desync_jobs._version import __version__
from desync_jobs.cli.main import main


def test_the_version_is_a_line(capfd: pytest.CaptureFixture[str]) -> None:
    code = main(["--version"])

    assert code == 0
    assert capfd.readouterr().out == f"desync-run {__version__}\n"


def test_the_version_is_answered_without_importing_click() -> None:
    code = (
        "import sys; from desync_jobs.cli.main import main; main(['--version']);"
        "sys.exit('click' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_arguments_of_the_process_are_taken_where_none_are_given(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["desync-run", "make", "--help"])
    code = main()

    assert code == 0
    assert capfd.readouterr().out.startswith("Usage: desync-run make [OPTIONS] INDEX BLOB")
