"""What the path of a request names: a chunk, or an index.

A chunk's path is `/1c81/1c8109….cacnk` and nothing else, as desync's server has it: the first
part is the beginning of the second, upper-case digits are taken, and a query is passed over. Of an
index's path the last part counts; no name reaches out of the place of indexes.
"""

import re
from typing import Final
from urllib.parse import unquote_to_bytes

from desync_jobs.core.chunk import ChunkID
from desync_jobs.errors import DesyncRunError

_CHUNK: Final = re.compile(r"/([0-9A-Fa-f]{4})/([0-9A-Fa-f]{64})(\.[0-9a-z.-]{1,64})?")
_LONGEST_NAME: Final = 255
"""Bytes; of no file name there are more."""


class PathError(DesyncRunError):
    """A path names nothing that could be here; the message is for the client."""


def chunk_of_path(path: str, suffix: str) -> ChunkID:
    """Return the chunk that the path of a request names.

    `suffix` is that of the form in which chunks are sent. `PathError` for anything else.
    """
    match = _CHUNK.fullmatch(path.partition("?")[0])
    if match is None or not match[2].startswith(match[1]):
        raise PathError("the path should be /<first 4 digits of ID>/<ID>" + suffix)
    given = match[3] or ""
    if given != suffix:
        raise PathError(
            f"chunks end in {given or 'no suffix'!r} here, but in {suffix or 'no suffix'!r} on the "
            "server; check the compression and encryption settings of both"
        )
    return bytes.fromhex(match[2])


def index_of_path(path: str) -> str:
    """Return the name of the index that the path of a request names; `PathError` for none."""
    last = path.partition("?")[0].rpartition("/")[2]
    data = unquote_to_bytes(last)
    try:
        name = data.decode()
    except UnicodeDecodeError:
        raise PathError("invalid index name") from None
    unsafe = name in ("", ".", "..") or any(one in name for one in "/\\\0")
    # Names that begin with a dot are those of unfinished files.
    if unsafe or name.startswith(".") or not name.isprintable() or len(data) > _LONGEST_NAME:
        raise PathError("invalid index name")
    return name
