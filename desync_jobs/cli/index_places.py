"""The places elsewhere whose indexes an operation names, so that more can be said of them."""

from collections.abc import Iterator, Mapping
from typing import Any


def index_places(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield a name and the URL for each place of indexes in the operations of a document.

    That of an index is its URL without what follows the last `/`, but with what follows a `?`.
    """
    places = dict.fromkeys(
        place
        for operation in document["operations"].values()
        for place in _places(operation)
        if "://" in place
    )
    for number, place in enumerate(places, start=1):
        yield f"index-{number}", place


def _places(operation: Mapping[str, Any]) -> Iterator[str]:
    named = [
        operation.get("index"),
        *operation.get("indexes", ()),
        *operation.get("ignore", ()),
        *(_index_of(operation.get(side)) for side in ("old", "new")),
    ]
    if operation["kind"] == "info":
        named += operation.get("seeds", ())
    yield from (_place_of(text) for text in named if text is not None)
    if "url" in operation:
        yield operation["url"]
    yield from (root["url"] for root in operation.get("roots", ()))
    yield from (
        one["indexes_to"]
        for one in (operation, *operation.get("mirrors", ()))
        if one.get("indexes_to") is not None
    )


def _place_of(text: str) -> str:
    path, mark, query = text.partition("?")
    return f"{path.rpartition('/')[0]}/{mark}{query}"


def _index_of(side: object) -> str | None:
    """Return the index that is one of two things compared; None where it is none."""
    if isinstance(side, Mapping):
        index: str | None = side.get("index")
        return index
    return side if isinstance(side, str) else None
