"""Paths of files, as a user writes them; what they are relative to is the job's concern.

A comma, a colon or a bar is a character like any other: nothing is split.
"""

import os
import re
from typing import Annotated, Final, TypeAlias

from pydantic import AfterValidator, WithJsonSchema

from desync_jobs.manifest.access import STREAM

_URL = re.compile("([A-Za-z][A-Za-z0-9+.-]*)://")
_SCHEMA: Final = {"type": "string", "minLength": 1}


def url_scheme(text: str) -> str | None:
    """Return `s3+https` of `s3+https://host/`, or None for a path."""
    match = _URL.match(text)
    return match[1] if match else None


def check_path(text: str) -> str:
    """Return `text`; `ValueError` where no file can have that path."""
    if not text:
        raise ValueError("a path may not be empty")
    if "\0" in text:
        raise ValueError("a path may not contain a NUL character")
    try:
        os.fsencode(text)
    except UnicodeEncodeError as error:
        raise ValueError(
            "this locale has no such file names; use one with UTF-8, such as C.UTF-8"
        ) from error
    return text


def _stream_path(text: str) -> str:
    scheme = url_scheme(check_path(text))
    if scheme is not None:
        raise ValueError(f"{scheme}:// is not a path; only stores and indexes can be elsewhere")
    return text


def _file_path(text: str) -> str:
    if text == STREAM:
        raise ValueError(
            "standard input and output cannot be used here; give a file, "
            "or './-' for one that is called '-'"
        )
    return _stream_path(text)


FilePath: TypeAlias = Annotated[str, AfterValidator(_file_path), WithJsonSchema(_SCHEMA)]
"""A file, never a stream."""

StreamPath: TypeAlias = Annotated[str, AfterValidator(_stream_path), WithJsonSchema(_SCHEMA)]
"""A file, or `-` for standard input or output."""
