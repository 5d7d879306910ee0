"""Places full of indexes: directories and URLs."""

from typing import Annotated, TypeAlias
from urllib.parse import quote

from pydantic import AfterValidator, WithJsonSchema

from desync_jobs.errors import UsageError
from desync_jobs.manifest.indexes import split_index_url
from desync_jobs.manifest.locations import Kind, parse_location
from desync_jobs.manifest.paths import check_path


def _place_of_indexes(text: str) -> str:
    location = parse_location(check_path(text))
    if location.kind is not Kind.DIRECTORY:
        beginning, mark, query = text.partition("?")
        index = f"{beginning.rstrip('/')}/x{mark}{query}"
        try:
            split_index_url(parse_location(index))
        except ValueError as error:
            # Nobody has written the name of that index.
            raise ValueError(str(error).replace(repr(index), repr(text))) from None
    return text


PlaceOfIndexes: TypeAlias = Annotated[
    str, AfterValidator(_place_of_indexes), WithJsonSchema({"type": "string", "minLength": 1})
]
"""A directory or a URL with indexes below it."""


def below(place: str, name: str) -> str:
    """Return what is called `name` below `place`; the query of a URL stays that of the place.

    Below a `file://` URL it is a path, in which no character has to be quoted. `UsageError` for a
    name that is no text below any other.
    """
    location = parse_location(place)
    if location.kind is Kind.DIRECTORY:
        return f"{location.path.rstrip('/')}/{name}"
    try:
        name.encode()
    except UnicodeEncodeError as error:
        message = f"{name!r} is not UTF-8 text, as names in {place} are; rename it"
        raise UsageError(message) from error
    beginning, mark, query = place.partition("?")
    return f"{beginning.rstrip('/')}/{quote(name)}{mark}{query}"
