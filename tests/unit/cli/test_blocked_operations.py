"""What cannot be done is told once: on standard error, or in JSON."""

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

Run = Callable[..., CompletedProcess[bytes]]

JOB = """
version = 1
[stores.here]
url = "here"
[operations.{name}]
kind = "extract"
index = "gone.caibx"
target = "target"
stores = ["here"]
"""
COUNT = """
[operations.count]
kind = "digest"
blob = "blob"
"""
ERROR = "gone.caibx: index does not exist"


@pytest.fixture
def job(tmp_path: Path) -> Path:
    (tmp_path / "here").mkdir()
    (tmp_path / "blob").write_bytes(b"content")
    (tmp_path / "one.toml").write_text(JOB.format(name="get"))
    (tmp_path / "two.toml").write_text(JOB.format(name="get") + COUNT)
    return tmp_path


@pytest.mark.parametrize("command", ["plan", "status"])
@pytest.mark.parametrize(("file", "error"), [("one", ERROR), ("two", f"get: {ERROR}")])
@pytest.mark.usefixtures("job")
def test_a_blocked_operations_error_is_told_once(
    desync_run: Run, command: str, file: str, error: str
) -> None:
    ended = desync_run(command, f"{file}.toml")

    assert ended.returncode == 5
    assert ended.stderr.decode() == f"desync-run: {error}\n"
    assert b"does not exist" not in ended.stdout
    assert b"cannot be done" in ended.stdout


@pytest.mark.parametrize(("command", "table"), [("plan", "steps"), ("status", "operations")])
@pytest.mark.usefixtures("job")
def test_a_blocked_operations_error_is_in_the_json(
    desync_run: Run, command: str, table: str
) -> None:
    (found,) = json.loads(desync_run(command, "one.toml", "--json").stdout)[table]

    assert (found["error"], found["exit_code"]) == (ERROR, 5)


@pytest.mark.usefixtures("job")
def test_a_blocked_command_tells_its_error_once(desync_run: Run) -> None:
    ended = desync_run("migrate", "-s", "nowhere", "--to", "here", "gone.caibx", "--dry-run")

    assert ended.returncode != 0
    assert ended.stderr.startswith(b"desync-run: ")
    assert ended.stderr.removeprefix(b"desync-run: ").strip() not in ended.stdout
