import json
import os
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import pytest

from desync_jobs.assembly.cancel import Cancel
from desync_jobs.errors import DesyncRunError, InterruptedRunError, StoreError, UsageError
from desync_jobs.manifest.secrets import SecretSpec
from desync_jobs.stores.command import SECRET_SIZE_LIMIT, output_of
from desync_jobs.stores.secrets import Secret

VALUE = "hunter2"
WHAT = "store origin: http_auth"


def _secret(directory: Path, cancel: Cancel | None = None, **spec: Any) -> Secret:
    found = SecretSpec.model_validate(spec)
    return Secret(found, WHAT, str(directory), cancel or Cancel(), {"TOKEN": VALUE, "NONE": ""})


def _python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_a_secret_is_in_the_environment_in_a_file_or_printed(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{VALUE}\n")

    assert _secret(tmp_path, env="TOKEN").value() == VALUE
    assert _secret(tmp_path, file="token").value() == VALUE
    assert _secret(tmp_path, file=str(tmp_path / "token")).value() == VALUE
    assert _secret(tmp_path, command=_python(f"print({VALUE!r})")).value() == VALUE


@pytest.mark.parametrize(
    ("content", "value"),
    [("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), ("a \n", "a "), ("a", "a"), ("a\r", "a\r")],
)
def test_just_one_line_end_is_dropped(tmp_path: Path, content: str, value: str) -> None:
    (tmp_path / "token").write_bytes(content.encode())

    assert _secret(tmp_path, file="token").value() == value


def test_a_secret_is_looked_up_once_and_again_when_it_is_renewed(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("old")
    secret = _secret(tmp_path, file="token")
    assert secret.value() == "old"
    (tmp_path / "token").write_text("new")
    kept = secret.value()

    assert kept == "old"
    assert secret.renew()
    assert secret.value() == "new"
    assert not secret.renew(), "it is the same as before"


def test_a_secret_is_never_shown(tmp_path: Path) -> None:
    secret = _secret(tmp_path, env="TOKEN")
    secret.value()

    assert [str(secret), repr(secret), f"{secret}", f"{[secret]}"] == ["***", "***", "***", "[***]"]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"env": "GONE"}, f"{WHAT}: the environment variable GONE is not set"),
        ({"env": "NONE"}, f"{WHAT}: the secret is empty"),
        ({"file": "gone"}, "/gone cannot be read: No such file or directory"),
        ({"file": "."}, " cannot be read: Is a directory"),
        ({"file": "large"}, f"/large has more than {SECRET_SIZE_LIMIT} bytes"),
        ({"file": "binary"}, f"{WHAT}: the secret is not UTF-8"),
    ],
)
def test_a_secret_that_is_not_where_the_manifest_says_is_told(
    tmp_path: Path, spec: dict[str, Any], message: str
) -> None:
    (tmp_path / "large").write_bytes(bytes(SECRET_SIZE_LIMIT + 1))
    (tmp_path / "binary").write_bytes(VALUE.encode() + b"\xff")

    with pytest.raises(UsageError) as caught:
        _secret(tmp_path, **spec).value()

    assert str(caught.value).startswith(WHAT)
    assert str(caught.value).endswith(message)
    assert VALUE not in repr(caught.value.__cause__)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            "import sys; print('hunter2'); sys.exit('vault is sealed')",
            "ended with code 1: vault is sealed",
        ),
        ("import os; os.kill(os.getpid(), 9)", "ended with code -9"),
        ("print('hunter2' * 100_000)", "prints more than 65536 bytes; it was killed"),
    ],
)
def test_a_command_that_fails_says_why_and_not_what_it_printed(
    tmp_path: Path, code: str, message: str
) -> None:
    with pytest.raises(StoreError) as caught:
        _secret(tmp_path, command=_python(code)).value()

    assert str(caught.value) == f"{WHAT}: {sys.executable} {message}"


def test_a_command_that_cannot_be_run_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no-such-program cannot be run: "):
        _secret(tmp_path, command=["no-such-program"]).value()


def test_a_command_has_no_input_and_runs_beside_the_job(tmp_path: Path) -> None:
    code = "import os, sys; print(os.getcwd(), repr(sys.stdin.read()))"

    assert _secret(tmp_path, command=_python(code)).value() == f"{os.path.realpath(tmp_path)} ''"


def test_a_long_complaint_is_cut_and_does_not_block_the_command(tmp_path: Path) -> None:
    code = "import sys; sys.stderr.write('x' * 1_000_000); sys.exit(3)"

    with pytest.raises(StoreError) as caught:
        _secret(tmp_path, command=_python(code)).value()

    assert 1000 < len(str(caught.value)) < 5000


def _expect_quick_end(error: type[DesyncRunError], cancel: Cancel, time_limit: float) -> str:
    began = time.monotonic()
    # The child of the command keeps its output open, so that only killing both ends it.
    code = "import subprocess, time; subprocess.Popen(['sleep', '60']); time.sleep(60)"
    with pytest.raises(error) as caught:
        output_of(_python(code), WHAT, "/", cancel, time_limit)
    assert time.monotonic() - began < 10
    return str(caught.value)


def test_a_command_that_hangs_is_killed_with_its_children() -> None:
    message = _expect_quick_end(StoreError, Cancel(), 0.5)

    assert message.endswith("takes too long; it was killed")


def test_a_run_that_is_stopped_waits_for_no_command() -> None:
    cancel = Cancel()
    cancel.stop("SIGINT")

    assert "SIGINT" in _expect_quick_end(InterruptedRunError, cancel, 30)


def test_a_secret_is_under_keys_of_a_file_in_json(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"a/b": {"auth": VALUE, "n": 1}}))

    assert _secret(tmp_path, file="config.json", key=["a/b", "auth"]).value() == VALUE


@pytest.mark.parametrize(
    ("content", "key", "message"),
    [
        ('{"a": {}}', ["a", "b"], "has nothing under a → b"),
        ('{"a": 1}', ["a", "b", "c"], "has nothing under a → b"),
        ('{"a": 1}', ["a"], "has no text under a"),
        (f'{{"a": "{VALUE}"', ["a"], "is not JSON"),
    ],
)
def test_a_file_that_has_no_secret_under_its_keys_is_an_error(
    tmp_path: Path, content: str, key: list[str], message: str
) -> None:
    (tmp_path / "c").write_text(content)

    with pytest.raises(UsageError) as caught:
        _secret(tmp_path, file="c", key=key).value()

    assert str(caught.value) == f"{WHAT}: {tmp_path}/c {message}"
    assert VALUE not in "".join(traceback.format_exception(caught.value))


def test_keys_need_a_file() -> None:
    with pytest.raises(ValueError, match="needs file"):
        SecretSpec.model_validate({"env": "A", "key": ["a"]})
