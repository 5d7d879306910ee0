"""Statistics under the names that desync gives them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from desync_jobs.cli.output import write_json, write_json_aside

# desync counts every chunk that its workers have hashed as produced; here, none is hashed twice.
_MAKE: Final = MappingProxyType({"ChunksAccepted": "chunks", "ChunksProduced": "chunks"})
_EXTRACT: Final = MappingProxyType(
    {
        "bytes-copied-from-seeds": "bytes_copied_from_seeds",
        "bytes-cloned-from-seeds": "bytes_cloned_from_seeds",
        "bytes-total": "bytes_total",
        "blocksize": "block_size",
        "chunks-from-seeds": "chunks_from_seeds",
        "chunks-from-store": "chunks_from_store",
        "chunks-in-place": "chunks_in_place",
        "chunks-total": "chunks_total",
        "seeds": "seeds",
    }
)


def print_statistics(kind: str, statistics: Mapping[str, object]) -> None:
    """Print what desync's `--print-stats` prints: for `make` to standard error, else to output."""
    if kind == "make":
        write_json_aside(_renamed(_MAKE, statistics))
    else:
        write_json(_renamed(_EXTRACT, statistics))


def _renamed(names: Mapping[str, str], statistics: Mapping[str, object]) -> dict[str, object]:
    return {theirs: statistics.get(ours, 0) for theirs, ours in names.items()}
