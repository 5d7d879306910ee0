"""Index files in a place of objects: read within a limit, written whole."""

from typing import Final

from desync_jobs.errors import InvalidDataError, StoreError
from desync_jobs.stores.objects.base import ObjectPlace, TooLarge, Unusable

INDEX_CONTENT_TYPE: Final = "application/octet-stream"


def read_index_object(place: ObjectPlace, name: str, limit: int) -> bytes | None:
    """Return the content of an index file; None where there is none.

    `InvalidDataError` where it has more than `limit` bytes.
    """
    (content,) = place.get([name], limit)
    if isinstance(content, TooLarge):
        size = "more" if content.size is None else f"{content.size} bytes, more"
        raise InvalidDataError(f"{place.name}: index {name} has {size} than the limit of {limit}")
    if isinstance(content, Unusable):
        raise InvalidDataError(f"{place.name}: index {name}: {content.reason}")
    return content


def write_index_object(place: ObjectPlace, name: str, data: bytes) -> None:
    """Write an index file, complete as `data` is, and look whether all of it has arrived.

    Raises `StoreError` where the place has another length afterwards; where it does not tell
    lengths, the file is read back.
    """
    place.put([(name, data)], INDEX_CONTENT_TYPE)
    (size,) = place.sizes([name])
    if size is None:
        found = "is not there"
    elif size >= 0:
        found = f"has {size} bytes"
    else:
        (content,) = place.get([name], len(data))
        found = f"has {len(data)} bytes" if content == data else "reads back differently"
    if found != f"has {len(data)} bytes":
        raise StoreError(
            f"{place.name}: index {name} {found} after {len(data)} bytes of it were written; "
            "write it again"
        )
