"""Job files that are wrong: every problem said once, exit code 64, nothing touched."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[bytes]]

MAKE = """
[operations.a]
kind = "make"
blob = "blob"
index = "a.caibx"
"""

CYCLE_OF_ORDERS = f"""
version = 1
{MAKE}
after = ["b"]

[operations.b]
kind = "digest"
blob = "blob"
after = ["a"]
"""

CYCLE_OF_DATA = """
version = 1

[stores.s]
url = "s"

[operations.a]
kind = "extract"
index = "y"
target = "z"
stores = ["s"]

[operations.b]
kind = "make"
blob = "z"
index = "y"
"""

TWO_WRITERS = f"""
version = 1
{MAKE}

[operations.b]
kind = "make"
blob = "blob"
index = "./a.caibx"
"""

WAITING = "operations wait for each other: a → b → a; remove one `after` or change what one reads"
WRITING = "writes FOLDER/a.caibx, as operation 'a' does; give one of them another target"

REFUSED = {
    "unknown key": (
        f"version = 1{MAKE}stoer = 's'",
        ["operations.a.stoer: unknown key; did you mean 'store'?"],
    ),
    "wrong types": (
        f"version = 1\nkeep_going = 3{MAKE}store = 5",
        [
            "keep_going: should be true or false",
            'operations.a.store: should be a string; put it in quotes: "5"',
        ],
    ),
    "dangling references": (
        f"version = 1\n[stores.origin]\nurl = 's'{MAKE}store = 'orign'\nafter = ['b']",
        [
            "operations.a.store: no store named 'orign'; did you mean 'origin'?",
            "operations.a.after.0: no operation named 'b'",
        ],
    ),
    "cycle of orders": (CYCLE_OF_ORDERS, [f"operations.a: {WAITING}"]),
    "cycle of data": (CYCLE_OF_DATA, [f"operations.a: {WAITING}"]),
    "two writers": (TWO_WRITERS, [f"operations.b: {WRITING}"]),
    "read and written": (
        "version = 1\n[operations.a]\nkind = 'make'\nblob = 'blob'\nindex = 'blob'",
        ["operations.a: reads and writes the same file 'blob'"],
    ),
    "no TOML": (
        "version = 1\n[operations.a\n",
        ["line 2, column 14: expected ']' at the end of a table declaration"],
    ),
    "empty": ("", ["version: missing", "operations: missing"]),
}


@pytest.mark.parametrize("command", ["run", "plan", "validate", "graph"])
@pytest.mark.parametrize("name", REFUSED)
def test_a_wrong_job_is_refused_with_every_problem(
    desync_run: Run, tmp_path: Path, name: str, command: str
) -> None:
    text, problems = REFUSED[name]
    (tmp_path / "blob").write_bytes(b"content")
    (tmp_path / "job.toml").write_text(text, encoding="utf-8")
    ended = desync_run(command, "job.toml")
    said = ended.stderr.decode().replace(str(tmp_path), "FOLDER").splitlines()

    assert ended.returncode == 64
    assert said == [f"desync-run: job.toml: {problem}" for problem in problems]
    assert ended.stdout == b""
    assert sorted(os.listdir(tmp_path)) == ["blob", "job.toml"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"version = 1\n\xff\xfe", "line 2: not UTF-8 text"),
        (bytes(1_000_000), "line 1, column 1: invalid statement"),
        (bytes(5_000_000), "larger than 4 MiB; this is not a job file"),
        (b"[" * 100_000, None),
        (b"a" * 100_000 + b" = 1", None),
        (b"version = " + b"[" * 5000, None),
        (b"version = 1" + b"0" * 5000, None),
    ],
    ids=["not UTF-8", "zeros", "large", "brackets", "long key", "nested", "long number"],
)
def test_what_is_no_job_at_all_is_refused_without_a_traceback(
    desync_run: Run, tmp_path: Path, content: bytes, problem: str | None
) -> None:
    (tmp_path / "job.toml").write_bytes(content)
    ended = desync_run("job.toml")
    said = ended.stderr.decode()

    assert ended.returncode == 64, said[-500:]
    assert said.startswith("desync-run: job.toml: ")
    assert "Traceback" not in said
    if problem is not None:
        assert said == f"desync-run: job.toml: {problem}\n"
