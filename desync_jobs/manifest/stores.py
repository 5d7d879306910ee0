"""Stores and caches: the directories where chunks are kept."""

from typing import Annotated, Final, Literal, TypeAlias
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, WithJsonSchema

from desync_jobs.manifest.base import Spec
from desync_jobs.manifest.paths import check_path, url_scheme
from desync_jobs.manifest.scalars import WholeNumber

_FILE: Final = "file"
_LOWEST_LEVEL: Final = 1
_HIGHEST_LEVEL: Final = 19


def _local_url(text: str) -> str:
    scheme = url_scheme(check_path(text))
    if scheme is None:
        return text
    if scheme.lower() != _FILE:
        raise ValueError(
            f"{scheme}:// is not possible: this version reads local stores only; give a "
            "directory or a file:// URL"
        )
    try:
        parts = urlsplit(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is not a URL") from error
    if parts.netloc not in ("", "localhost"):
        raise ValueError(f"{text!r} names another machine; a local store is file:///directory")
    if parts.query or parts.fragment:
        raise ValueError(f"{text!r} has a '?' or '#', which a file:// URL writes as %3F or %23")
    check_path(unquote(parts.path))
    return text


StoreURL: TypeAlias = Annotated[
    str,
    AfterValidator(_local_url),
    WithJsonSchema({"type": "string", "minLength": 1}),
]
"""A directory, or a `file://` URL of one."""


class PlaceSpec(Spec):
    """A directory of chunks in the layout of casync's `.castr`."""

    url: StoreURL
    """The directory, relative to the job file, or its `file://` URL."""
    compression: Literal["zstd", "none"] = "zstd"
    """How chunks are stored: compressed as `.cacnk` files, or plain."""
    level: Annotated[int, WholeNumber(_LOWEST_LEVEL, _HIGHEST_LEVEL)] = 3
    """How hard zstd tries; higher is smaller and slower, and reads just as fast."""

    @property
    def path(self) -> str:
        """The directory as a path, still relative to the job file where it was written so."""
        return unquote(urlsplit(self.url).path) if url_scheme(self.url) else self.url


class StoreSpec(PlaceSpec):
    """A chunk store: a directory of chunks that operations read from or add to."""


class CacheSpec(PlaceSpec):
    """A cache: a directory of chunks that is filled on the way and asked before the stores."""
