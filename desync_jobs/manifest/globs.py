"""Patterns of files, as a user writes them: `images/*.caibx`.

`*`, `?` and `[...]` mean what they mean to a shell, in any part of a path; a part never matches
a `/`. A character that is meant as it is stands in brackets: `[[]`. A URL is no pattern.
"""

import glob
import os
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

from desync_jobs.manifest.indexes import IndexFile
from desync_jobs.manifest.paths import url_scheme


def _pattern(text: str) -> str:
    if is_pattern(text) and "**" in text.split("/"):
        raise ValueError("`**` is not understood; write one pattern for each depth")
    return text


def _listed(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


_TEXT = {"type": "string", "minLength": 1}

Globs: TypeAlias = Annotated[
    tuple[Annotated[IndexFile, AfterValidator(_pattern)], ...],
    BeforeValidator(_listed),
    WithJsonSchema({"anyOf": [_TEXT, {"type": "array", "items": _TEXT}]}),
]
"""Indexes, and patterns of files that are; a single one needs no list."""


def is_pattern(text: str) -> bool:
    """Whether `text` may stand for several files; a URL never does."""
    return glob.has_magic(text) and url_scheme(text) is None


def as_pattern(path: str) -> str:
    """Return the pattern that matches just `path`; that is `path` itself nearly always."""
    return glob.escape(path) if is_pattern(path) else path


def absolute(pattern: str, directory: str) -> str:
    """Return `pattern`, relative to `directory`, as an absolute one."""
    return os.path.normpath(os.path.join(glob.escape(directory), pattern))


def matches(path: str, pattern: str) -> bool:
    """Whether `pattern` stands for `path` among others; both are absolute and normalised."""
    parts, patterns = path.split("/"), pattern.split("/")
    return len(parts) == len(patterns) and all(map(fnmatchcase, parts, patterns))


def without_patterns(texts: Iterable[str]) -> list[str]:
    """Return those of `texts` that stand for one file."""
    return [text for text in texts if not is_pattern(text)]
