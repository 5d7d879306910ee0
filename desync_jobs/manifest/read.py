"""From a manifest's file to its document: limits, encoding and syntax.

TOML and JSON say the same thing. A name that ends in `.json`, or a text that begins with `{`
(no TOML does), is JSON; everything else is TOML.
"""

import os
from typing import Any, Final

from desync_jobs.errors import ManifestError, Problem
from desync_jobs.manifest.variables import Where

MANIFEST_LIMIT: Final = 4 << 20
"""Bytes; a larger file is not a manifest."""

_DEEPEST: Final = 16
"""Levels of tables and lists; a manifest has four."""


def read_document(path: str) -> dict[str, Any]:
    """Return what the file says; `ManifestError` where it cannot be read or parsed."""
    data = _read(path)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _refused(path, f"line {line}: not UTF-8 text") from error
    return parse_document(text, path)


def parse_document(text: str, source: str) -> dict[str, Any]:
    """Return what the text of a manifest says; `ManifestError` with line and column."""
    is_json = source.endswith(".json") or text.lstrip().startswith("{")
    try:
        document = _parse_json(text) if is_json else _parse_toml(text)
    except RecursionError:
        raise _too_deep(source, ()) from None
    except ValueError as error:
        raise _refused(source, _syntax_message(error)) from error
    if not isinstance(document, dict):
        raise _refused(source, "should be an object with the key 'version', not a list or a value")
    _check_depth(document, source, ())
    return document


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            data = file.read(MANIFEST_LIMIT + 1)
    except FileNotFoundError as error:
        raise _refused(path, "no such file") from error
    except IsADirectoryError as error:
        raise _refused(path, "is a directory; give the job file itself") from error
    except OSError as error:
        raise _refused(path, f"cannot be read: {(error.strerror or str(error)).lower()}") from error
    except ValueError as error:  # a NUL character
        raise _refused(repr(path), "no file can have this name") from error
    if len(data) > MANIFEST_LIMIT:
        raise _refused(path, f"larger than {MANIFEST_LIMIT >> 20} MiB; this is not a job file")
    return data


def _parse_toml(text: str) -> dict[str, Any]:
    import tomli

    return tomli.loads(text)


def _parse_json(text: str) -> Any:
    import json

    document = json.loads(text, object_pairs_hook=_unique_keys, parse_constant=_no_constant)
    # Half of a surrogate pair is JSON, but no text that can be printed or be a path.
    json.dumps(document, ensure_ascii=False).encode()
    return document


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    unique = dict(pairs)
    if len(unique) < len(pairs):
        names = [key for key, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {repeated!r} stands twice in one object")
    return unique


def _no_constant(word: str) -> Any:
    raise ValueError(f"the value {word} is not JSON")


def _syntax_message(error: ValueError) -> str:
    """Return one line, with the place where the parser knows it."""
    if isinstance(error, UnicodeEncodeError):
        return "contains half of a surrogate pair"
    message = getattr(error, "msg", None) or str(error)
    if message.startswith("Exceeds the limit"):
        return "has a whole number of thousands of digits"
    message = message[:1].lower() + message[1:]
    line = getattr(error, "lineno", None)
    if line is None:
        return str(message)
    return f"line {line}, column {getattr(error, 'colno', 1)}: {message}"


def _check_depth(value: Any, source: str, where: Where) -> None:
    if len(where) > _DEEPEST:
        raise _too_deep(source, where[:3])
    if isinstance(value, dict):
        for key, item in value.items():
            _check_depth(item, source, (*where, key))
    elif isinstance(value, list):
        for at, item in enumerate(value):
            _check_depth(item, source, (*where, at))


def _too_deep(source: str, where: Where) -> ManifestError:
    return ManifestError(source, [Problem(where, "nested too deeply for a manifest")])


def _refused(source: str, message: str) -> ManifestError:
    return ManifestError(source, [Problem((), message)])


def absolute_directory(path: str) -> str:
    """Return the directory of a job file, which its relative paths are relative to."""
    return os.path.dirname(os.path.abspath(path))
