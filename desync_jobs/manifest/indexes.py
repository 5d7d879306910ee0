"""Where an index is: a file, standard input or output, or a URL."""

import os
from typing import Annotated, Final, TypeAlias
from urllib.parse import unquote

from pydantic import AfterValidator, WithJsonSchema

from desync_jobs.manifest.access import STREAM
from desync_jobs.manifest.locations import Kind, Location, parse_location
from desync_jobs.manifest.paths import url_scheme

SUFFIX: Final = ".caibx"
"""What the name of an index has besides that of its blob."""
_SCHEMA: Final = {"type": "string", "minLength": 1}
_NO_INDEXES: Final = frozenset({Kind.SSH, Kind.OCI})


def split_index_url(location: Location) -> tuple[str, str]:
    """Return the URL of the place an index is in, with a slash at its end, and the index's name.

    The name is decoded. What follows the `?` of S3 belongs to the place. `ValueError` where there
    is no name, or where such a place keeps no indexes.
    """
    if location.kind in _NO_INDEXES:
        raise ValueError(f"{location.text!r}: {location.kind.value} keeps no indexes")
    url, mark, query = location.text.partition("?")
    place, slash, last = url.rpartition("/")
    name = unquote(last)
    above = place.partition("://")[2]
    if not above or name in ("", ".", "..") or "/" in name or "\0" in name:
        raise ValueError(f"{location.text!r} should end with the name of an index")
    parse_location(place + slash + mark + query)
    return place + slash + mark + query, name


def index_name(index: str) -> str:
    """Return the name of an index, which is the last part of its path, or of its URL, decoded."""
    if url_scheme(index) is None:
        return os.path.basename(index)
    return os.path.basename(unquote(index.partition("?")[0]))


def _index_stream(text: str) -> str:
    location = parse_location(text)
    if location.kind is not Kind.DIRECTORY:
        split_index_url(location)
    return text


def _index_file(text: str) -> str:
    if text == STREAM:
        raise ValueError(
            "standard input and output cannot be used here; give a file, "
            "or './-' for one that is called '-'"
        )
    return _index_stream(text)


IndexFile: TypeAlias = Annotated[str, AfterValidator(_index_file), WithJsonSchema(_SCHEMA)]
"""The file or URL of an index."""

IndexStream: TypeAlias = Annotated[str, AfterValidator(_index_stream), WithJsonSchema(_SCHEMA)]
"""The file or URL of an index, or `-` for standard input or output."""
