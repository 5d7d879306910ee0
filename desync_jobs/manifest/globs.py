"""Patterns of files, as a user writes them: `images/*.caibx`.

`*`, `?` and `[...]` mean what they mean to a shell, in any part of a path; a part never matches
a `/`. A character that is meant as it is stands in brackets: `[[]`. A URL is no pattern. A pattern
that does not end in `.caibx` stands for no index.
"""

import glob
import os
import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Annotated, Any, Final, TypeAlias

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

from desync_jobs.manifest.indexes import SUFFIX, IndexFile
from desync_jobs.manifest.paths import FilePath, url_scheme

_MAGIC: Final = re.compile(r"[*?]|\[[^/]*\]")


def _pattern(text: str) -> str:
    if is_pattern(text) and "**" in text.split("/"):
        raise ValueError("`**` is not understood; write one pattern for each depth")
    return text


def _listed(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


_TEXT = {"type": "string", "minLength": 1}
_SCHEMA = WithJsonSchema({"anyOf": [_TEXT, {"type": "array", "items": _TEXT}]})

IndexGlobs: TypeAlias = Annotated[
    tuple[Annotated[IndexFile, AfterValidator(_pattern)], ...], BeforeValidator(_listed), _SCHEMA
]
"""Indexes, and patterns of files that are; a single one needs no list."""

FileGlobs: TypeAlias = Annotated[
    tuple[Annotated[FilePath, AfterValidator(_pattern)], ...], BeforeValidator(_listed), _SCHEMA
]
"""Files, and patterns of files; a single one needs no list."""


def is_pattern(text: str) -> bool:
    """Whether `text` may stand for several files; a URL never does."""
    return glob.has_magic(text) and url_scheme(text) is None


def as_pattern(path: str) -> str:
    """Return the pattern that matches just `path`; that is `path` itself nearly always."""
    return glob.escape(path) if is_pattern(path) else path


def absolute(pattern: str, directory: str) -> str:
    """Return `pattern`, relative to `directory`, as an absolute one."""
    return os.path.normpath(os.path.join(glob.escape(directory), pattern))


def is_of(path: str, pattern: str) -> bool:
    """Whether `path` is an index and `pattern` one of indexes, or neither."""
    return path.endswith(SUFFIX) == pattern.endswith(SUFFIX)


def matches(path: str, pattern: str) -> bool:
    """Whether `pattern` stands for `path` among others; both are absolute and normalised."""
    parts, patterns = path.split("/"), pattern.split("/")
    same_depth = is_of(path, pattern) and len(parts) == len(patterns)
    return same_depth and all(map(fnmatchcase, parts, patterns))


def may_meet(one: str, other: str) -> bool:
    """Whether there may be a path that both patterns stand for; both are absolute and normalised.

    No where the beginnings or the ends of a part exclude each other.
    """
    parts, others = one.split("/"), other.split("/")
    return is_of(one, other) and len(parts) == len(others) and all(map(_may_meet, parts, others))


def _may_meet(one: str, other: str) -> bool:
    (begins, ends), (other_begins, other_ends) = _fixed_ends(one), _fixed_ends(other)
    return (begins.startswith(other_begins) or other_begins.startswith(begins)) and (
        ends.endswith(other_ends) or other_ends.endswith(ends)
    )


def _fixed_ends(part: str) -> tuple[str, str]:
    """Return what stands before the first character with a meaning, and after the last."""
    fixed = _MAGIC.split(part)
    return fixed[0], fixed[-1]


def without_patterns(texts: Iterable[str]) -> list[str]:
    """Return those of `texts` that stand for one file."""
    return [text for text in texts if not is_pattern(text)]
