"""Stores that casync and desync made, kept in `tests/vectors/stores`."""

import hashlib
from pathlib import Path

import pytest

from tests.vectors.inputs import named
from tests.workspace import Workspace

STORES = Path(__file__).parent.parent / "vectors" / "stores"
BLOB = named("text-2M")[:200_000]


def test_all_vectors_are_here() -> None:
    assert sorted(path.name for path in STORES.iterdir()) == [
        "desync-plain.castr",
        "desync.castr",
        "gzip.castr",
        "text-200k.caibx",
        "text-200k.desync.caibx",
        "xz.castr",
        "zstd.castr",
    ]


@pytest.mark.parametrize("index", ["text-200k.caibx", "text-200k.desync.caibx"])
@pytest.mark.parametrize("store", ["zstd", "xz", "gzip", "desync", "desync-plain"])
@pytest.mark.parametrize("compression", ["zstd", "none"])
def test_the_blob_comes_out_of_each_store_by_each_index(
    workspace: Workspace, store: str, index: str, compression: str
) -> None:
    """What a store is declared to write does not matter to what is read from it."""
    url = str(STORES / f"{store}.castr")
    workspace.places["vector"] = {"url": url, "compression": compression}
    path = str(STORES / index)
    ended = workspace.run(
        {
            "extract": {
                "kind": "extract",
                "index": path,
                "target": "extracted",
                "stores": ["vector"],
            },
            "check": {"kind": "verify-index", "index": path, "blob": "extracted"},
            "cat": {"kind": "cat", "index": path, "output": "catted", "stores": ["vector"]},
            "verify": {"kind": "verify", "store": "vector"},
            "cache": {"kind": "cache", "indexes": [path], "stores": ["vector"], "cache": "copied"},
        }
    )
    extracted = (workspace / "extracted").read_bytes()

    assert ended.result.exit_code == 0
    assert set(ended.statuses.values()) == {"done"}
    assert hashlib.sha256(extracted).digest() == hashlib.sha256(BLOB).digest()
    assert (workspace / "catted").read_bytes() == BLOB


def test_the_two_indexes_are_made_again(workspace: Workspace) -> None:
    casync = workspace.make("blob", BLOB)
    workspace.make("blob", store=None, cut="desync-1.0")
    desync = workspace.index("blob.caibx")

    assert casync.ids.tobytes() == workspace.index(str(STORES / "text-200k.caibx")).ids.tobytes()
    assert (workspace / "blob.caibx").read_bytes() == (
        STORES / "text-200k.desync.caibx"
    ).read_bytes()
    assert desync.flags == 0xA000000000000000
