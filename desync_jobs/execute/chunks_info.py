"""What `inspect-chunks` wrote down about chunks: stored sizes where a store cannot tell them."""

import json
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from desync_jobs.errors import InvalidDataError
from desync_jobs.execute.inputs import read_text
from desync_jobs.execute.task import Task

S = TypeVar("S")


def known_sizes(
    task: Task[S], text: str, ids: NDArray[np.uint8], plain: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the stored bytes of `ids`, of shape (n, 32), by the file `text`; 0 where it has none.

    Raises `InvalidDataError` where the file is no such JSON, or is about other chunks than those,
    whose `plain` bytes are known.
    """
    known = _read(task, text)
    sizes = np.zeros(len(ids), np.int64)
    for number in range(len(ids)):
        chunk_id = ids[number].tobytes().hex()
        length, stored = known.get(chunk_id, (None, 0))
        if length is not None and length != plain[number]:
            raise InvalidDataError(
                f"{text}: chunk {chunk_id} has {length} bytes, the index says {plain[number]}"
            )
        sizes[number] = stored
    return sizes


def _read(task: Task[S], text: str) -> dict[str, tuple[int, int]]:
    """Return `{id: (plain bytes, stored bytes or 0)}`."""
    path = task.path(text)
    try:
        rows = json.loads(read_text(path, task.machine.streams)) or []
        return {
            row["id"]: (_size(row["uncompressed_size"]), _size(row.get("compressed_size", 0)))
            for row in rows
        }
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise InvalidDataError(
            f"{path}: is not the JSON that inspect-chunks writes: {error}"
        ) from error


def _size(value: object) -> int:
    if type(value) is not int or not 0 <= value < 1 << 63:
        raise ValueError(f"{value!r} is not a size")
    return value
