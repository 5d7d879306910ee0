"""The sizes of chunks, as one string: `64KiB`, or `16KiB:64KiB:256KiB`."""

from typing import Annotated, Final, TypeAlias

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

from desync_jobs.core.sizes import ChunkSizes
from desync_jobs.manifest.quantities import SIZE_PATTERN, format_size, parse_size
from desync_jobs.manifest.scalars import VARIABLE_USE

_SMALLEST_BARE: Final = 1024


def parse_chunk_sizes(value: object) -> ChunkSizes:
    """Return the sizes of `"AVG"` (limits as casync derives them) or `"MIN:AVG:MAX"`.

    `ValueError` for anything else, and for small numbers without a unit: desync counts
    `16:64:256` in KiB and casync in bytes, so those who write it mean different things.
    """
    if isinstance(value, ChunkSizes):
        return value
    parts = value.split(":") if isinstance(value, str) else [value]
    sizes = [_chunk_size(part) for part in parts]
    match sizes:
        case [average]:
            return ChunkSizes.from_average(average)
        case [minimum, average, maximum]:
            return ChunkSizes(minimum, average, maximum)
        case _:
            raise ValueError(
                f"{value!r} is not a chunk size; write AVG or MIN:AVG:MAX, "
                "as in '64KiB' or '16KiB:64KiB:256KiB'"
            )


def _chunk_size(part: object) -> int:
    size = parse_size(part)
    if size < _SMALLEST_BARE and str(part).strip().isdecimal():
        raise ValueError(
            f"the chunk size '{size}' needs a unit: {size}KiB (as desync counts), "
            f"or {size}B for bytes (as casync counts)"
        )
    return size


def format_chunk_sizes(sizes: ChunkSizes) -> str:
    """Return words that `parse_chunk_sizes` reads as `sizes`."""
    return ":".join(map(format_size, (sizes.minimum, sizes.average, sizes.maximum)))


ChunkSize: TypeAlias = Annotated[
    ChunkSizes,
    PlainValidator(parse_chunk_sizes),
    PlainSerializer(format_chunk_sizes, return_type=str),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": _SMALLEST_BARE},
                {
                    "type": "string",
                    "pattern": f"^{SIZE_PATTERN}(:{SIZE_PATTERN}:{SIZE_PATTERN})?$|{VARIABLE_USE}",
                },
            ]
        }
    ),
]
"""Minimum, average and maximum length of a chunk."""
