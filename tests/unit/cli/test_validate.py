import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from desync_jobs.cli.main import main

VALID = """\
version = 1

[variables.version]
default = "1"

[stores.origin]
url = "store"

[operations.update]
kind = "extract"
index = "image-${version}.caibx"
target = "image"
stores = ["origin"]
"""
INVALID = VALID.replace('["origin"]', '["orign"]').replace("target", "taget")


@pytest.fixture
def valid(tmp_path: Path) -> str:
    (tmp_path / "valid.toml").write_text(VALID)
    return os.fspath(tmp_path / "valid.toml")


@pytest.fixture
def invalid(tmp_path: Path) -> str:
    (tmp_path / "invalid.toml").write_text(INVALID)
    return os.fspath(tmp_path / "invalid.toml")


def test_a_valid_job_is_said_to_be_valid(valid: str, capfd: pytest.CaptureFixture[str]) -> None:
    code = main(["validate", valid])
    written = capfd.readouterr()

    assert (code, written.out, written.err) == (0, f"{valid}: valid\n", "")


def test_every_problem_of_every_job_is_a_line(
    valid: str, invalid: str, capfd: pytest.CaptureFixture[str]
) -> None:
    code = main(["validate", invalid, valid])
    written = capfd.readouterr()

    assert code == 64
    assert written.out == f"{valid}: valid\n"
    assert f"desync-run: {invalid}: operations.update.stores.0: " in written.err
    assert f"desync-run: {invalid}: operations.update.taget: " in written.err
    assert "did you mean 'origin'?" in written.err


def test_problems_are_values_in_json(
    valid: str, invalid: str, capfd: pytest.CaptureFixture[str]
) -> None:
    code = main(["validate", "--json", valid, invalid])
    written = capfd.readouterr()
    good, bad = json.loads(written.out)["jobs"]

    assert (code, written.err) == (64, "")
    assert good == {"job": valid, "valid": True, "problems": []}
    assert (bad["job"], bad["valid"]) == (invalid, False)
    assert ["operations", "update", "stores", 0] in [one["where"] for one in bad["problems"]]


def test_variables_of_the_command_line_are_used(
    valid: str, capfd: pytest.CaptureFixture[str]
) -> None:
    code = main(["validate", valid, "--var", "version=2", "--var", "colour=red"])

    assert code == 64
    assert "--var colour: no such variable" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--var", "version"], "--var version: write NAME=VALUE"),
        (["--var", "=2"], "--var =2: write NAME=VALUE"),
        (["--var", "version=2", "--var", "version=3"], "--var version is given twice"),
    ],
)
def test_a_variable_needs_one_name_and_one_value(
    valid: str, given: list[str], message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    code = main(["validate", valid, *given])

    assert code == 64
    assert capfd.readouterr().err == f"desync-run: {message}\n"


def test_a_variable_may_come_from_the_environment(
    valid: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DESYNC_VAR_VERSION", "")
    code = main(["validate", valid])

    assert (code, capfd.readouterr().out) == (0, f"{valid}: valid\n")


def test_a_missing_job_is_a_problem(capfd: pytest.CaptureFixture[str]) -> None:
    code = main(["validate", "absent.toml"])

    assert code == 64
    assert capfd.readouterr().err == "desync-run: absent.toml: no such file\n"


def test_validating_imports_no_numpy(valid: str) -> None:
    code = (
        "import sys; from desync_jobs.cli.main import main; main(sys.argv[1:]);"
        "sys.exit('numpy' in sys.modules)"
    )
    ended = subprocess.run([sys.executable, "-c", code, "validate", valid], check=False)

    assert ended.returncode == 0
