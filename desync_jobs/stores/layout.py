"""Where a store keeps a chunk: `1c81/1c8109….cacnk`, or with another suffix or none.

The suffix says how the content is stored; that it is compressed, not how, which its first bytes
do. There is no other file in a store, besides temporary ones, which end in `.tmp`.
"""

import os
import re
from typing import Final

from desync_jobs.codecs.form import Form
from desync_jobs.core.chunk import ChunkID

_COMPRESSED: Final = ".cacnk"
_PREFIX: Final = re.compile("[0-9a-f]{4}")
_PREFIX_LENGTH: Final = 4
_ID_LENGTH: Final = 64
_NAME: Final = re.compile(r"([0-9a-f]{4})/([0-9a-f]{64})([^/]*)", re.DOTALL)
_TEMPORARY: Final = re.compile(r"[0-9a-f]{64}\.[0-9a-f]{1,16}\.tmp")
_TEMPORARY_OF_DESYNC: Final = re.compile(r"\.tmp-cacnk\.?[0-9]+")


def suffix_of(form: Form) -> str:
    """Return how the names of files in `form` end."""
    return "" if form is Form.PLAIN else _COMPRESSED


def chunk_name(chunk_id: ChunkID, suffix: str) -> str:
    """Return the name of a chunk below its store."""
    digits = chunk_id.hex()
    return f"{digits[:_PREFIX_LENGTH]}/{digits}{suffix}"


def parse_chunk_name(name: str) -> tuple[ChunkID, str] | None:
    """Return the chunk of a name below a store, and its suffix; None for foreign names."""
    match = _NAME.fullmatch(name)
    if match is None or not match[2].startswith(match[1]):
        return None
    return bytes.fromhex(match[2]), match[3]


def temporary_path(path: str) -> str:
    """Return a new name beside the chunk file `path`, as casync makes them: `ID.RANDOM.tmp`."""
    folder, name = os.path.split(path)
    random = int.from_bytes(os.urandom(8), "little")
    return f"{folder}/{name[:_ID_LENGTH]}.{random:x}.tmp"


def is_temporary(directory: str, name: str) -> bool:
    """Tell whether the file `name` in the prefix directory is one that a writer has not finished.

    Those of casync and of this program, and those of desync.
    """
    if _TEMPORARY_OF_DESYNC.fullmatch(name):
        return True
    return name.startswith(directory) and _TEMPORARY.fullmatch(name) is not None


def is_prefix(directory: str) -> bool:
    """Tell whether a directory of this name holds chunks."""
    return _PREFIX.fullmatch(directory) is not None
