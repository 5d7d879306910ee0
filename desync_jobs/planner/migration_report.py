"""The report of a migration: what was moved and what it became, and nothing of how.

It follows from the source and from what was asked for, so every run on them writes the same bytes,
whatever was there already, in which order chunks came, and how often it was stopped.
"""

import json
from collections.abc import Sequence
from typing import Any, Final

from desync_jobs.manifest.operations.migrate import MigrateSpec
from desync_jobs.planner.migration_values import MovedIndex, Wanted

SCHEMA: Final = "desync-run.migration/1"
SIZE_LIMIT: Final = 1 << 30
_SETTINGS: Final = ("digest", "chunk_size", "cut")


def report_text(spec: MigrateSpec, wanted: Wanted, indexes: Sequence[MovedIndex]) -> str:
    """Return the report, with the indexes in the order of their names."""
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "stores": list(spec.stores),
        "store": spec.store,
        **_settings(spec),
        "chunks": wanted.chunks,
        "bytes" if spec.selective else "bytes_stored": wanted.bytes,
        "ids": wanted.ids,
        "indexes": [
            {
                "name": one.name,
                "chunks": one.chunks,
                "bytes": one.bytes,
                "sha256": one.source,
                "sha256_written": one.target,
            }
            for one in sorted(indexes, key=lambda one: one.name)
        ],
    }
    return json.dumps(document, indent=2) + "\n"


def reported_indexes(spec: MigrateSpec, text: str | None) -> dict[tuple[str, str], str]:
    """Return what indexes became, by name and SHA-256; nothing where other things were asked for.

    `text` is a report, or anything else, which says nothing.
    """
    try:
        document = json.loads(text or "")
        if any(document.get(key) != value for key, value in _settings(spec).items()):
            return {}
        return {
            (one["name"], one["sha256"]): one["sha256_written"]
            for one in document["indexes"]
            if isinstance(one["sha256_written"], str)
        }
    except (ValueError, AttributeError, KeyError, TypeError):
        return {}


def _settings(spec: MigrateSpec) -> dict[str, Any]:
    """Return what the new chunks depend on, besides the old ones."""
    found = spec.model_dump(mode="json", include=set(_SETTINGS), exclude_none=True)
    return found if spec.chunk_size is not None else {k: v for k, v in found.items() if k != "cut"}
