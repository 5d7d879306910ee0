"""Where a castr directory keeps a chunk: `1c81/1c8109….cacnk`, or the same without suffix.

The suffix says that the content is compressed, its first bytes say how. There is
no other file in a store, besides temporary ones, which end in `.tmp`.
"""

import os
import re
from typing import Final

from desync_jobs.codecs.form import Form
from desync_jobs.core.chunk import ChunkID

_SUFFIX: Final = ".cacnk"
_PREFIX: Final = re.compile("[0-9a-f]{4}")
_PREFIX_LENGTH: Final = 4
_NAME: Final = re.compile(r"([0-9a-f]{64})(\.cacnk)?")


def suffix_of(form: Form) -> str:
    """Return how the names of files in `form` end."""
    return "" if form is Form.PLAIN else _SUFFIX


def chunk_path(root: str, chunk_id: ChunkID, form: Form) -> str:
    """Return the file of a chunk."""
    name = chunk_id.hex()
    return f"{root}/{name[:_PREFIX_LENGTH]}/{name}{suffix_of(form)}"


def temporary_path(path: str) -> str:
    """Return a new name beside the chunk file `path`, as casync makes them: `ID.RANDOM.tmp`."""
    random = int.from_bytes(os.urandom(8), "little")
    return f"{path.removesuffix(_SUFFIX)}.{random:x}.tmp"


def is_prefix(directory: str) -> bool:
    """Tell whether a directory of this name holds chunks."""
    return _PREFIX.fullmatch(directory) is not None


def parse_name(directory: str, name: str) -> tuple[ChunkID, Form] | None:
    """Return what the file `name` in the prefix directory holds; None for foreign files."""
    match = _NAME.fullmatch(name)
    if match is None or not name.startswith(directory):
        return None
    return bytes.fromhex(match[1]), Form.ZSTD if match[2] else Form.PLAIN
