"""Standard output and standard error, written so that nothing is lost without a word.

Text goes out as UTF-8; a file name that is not UTF-8 keeps its own bytes in
readable text, and is escaped in JSON.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from desync_jobs.errors import TargetError
from desync_jobs.report.whole import write_whole


def write_line(text: str) -> None:
    """Write a line of text to standard output; `TargetError` where that is impossible."""
    _write(sys.stdout, "standard output", (text + "\n").encode("utf-8", "surrogateescape"))


def write_json(value: object) -> None:
    """Write a value to standard output as JSON, indented by 2."""
    _write(sys.stdout, "standard output", _json_bytes(value))


def write_json_aside(value: object) -> None:
    """Write a value to standard error as JSON, because standard output carries data."""
    _write(sys.stderr, "standard error", _json_bytes(value))


def flush_output() -> None:
    """Hand over everything written so far; `TargetError` where that is impossible."""
    if sys.stdout is not None:
        with _failures_named("standard output"):
            sys.stdout.flush()


def _json_bytes(value: object) -> bytes:
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return text.encode("utf-8", "backslashreplace") + b"\n"


def _write(stream: TextIO | None, name: str, data: bytes) -> None:
    if stream is None:
        raise TargetError(f"{name} is closed; open it or send it to /dev/null")
    with _failures_named(name):
        stream.flush()
        write_whole(stream.buffer, data)
        stream.buffer.flush()


@contextmanager
def _failures_named(name: str) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise  # whoever read it has seen enough; nothing to complain about
    except OSError as error:
        raise TargetError(f"cannot write to {name}: {error.strerror}") from error
