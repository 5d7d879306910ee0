"""Every index that casync made for `casync-indexes.json` is made here again, byte for byte."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from tests.vectors.inputs import named
from tests.vectors.kernels import NAMES, require_kernel
from tests.workspace import How, Workspace

ROWS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent.parent / "vectors" / "casync-indexes.json").read_bytes()
)
WORKERS = (1, 2, 7)


def described(row: dict[str, Any]) -> str:
    return f"{row['input']}-{row['chunk_size']}-{row['digest']}"


def chunk_size(row: dict[str, Any]) -> dict[str, str]:
    """Return the settings of a manifest; the vectors count in bytes, as casync does."""
    if row["chunk_size"] == "default":
        return {}
    return {"chunk_size": ":".join(f"{size}B" for size in row["chunk_size"].split(":"))}


@pytest.fixture(scope="module")
def blobs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with every input of the vectors."""
    folder = tmp_path_factory.mktemp("blobs")
    for name in {row["input"] for row in ROWS}:
        (folder / name).write_bytes(named(name))
    return folder


def test_all_vectors_are_here() -> None:
    assert len(ROWS) == 114


@pytest.mark.parametrize("kernel", NAMES)
@pytest.mark.parametrize("row", ROWS, ids=described)
def test_an_index_is_casyncs_for_any_number_of_workers(
    workspace: Workspace, blobs: Path, row: dict[str, Any], kernel: str
) -> None:
    fields = {"blob": str(blobs / row["input"]), "digest": row["digest"], **chunk_size(row)}
    for workers in WORKERS:
        how = How(workers=workers, kernel=require_kernel(kernel))
        ended = workspace.do("make", how, index=f"{workers}.caibx", **fields)
        assert ended.summary == (0, "done")
        assert ended.statistics["chunks"] == row["chunks"]
        assert ended.statistics["bytes"] == row["length"]
    made = [(workspace / f"{workers}.caibx").read_bytes() for workers in WORKERS]

    assert [hashlib.sha256(index).hexdigest() for index in made] == [row["index_sha256"]] * 3


@pytest.mark.parametrize("row", ROWS, ids=described)
def test_a_blob_has_the_digest_that_casync_prints(
    workspace: Workspace, blobs: Path, row: dict[str, Any]
) -> None:
    ended = workspace.do("digest", blob=str(blobs / row["input"]), digest=row["digest"])

    assert ended.summary == (0, "done")
    assert ended.output.decode() == row["blob_digest"] + "\n"
    assert ended.statistics == {"bytes": row["length"], "digest": row["blob_digest"]}
