"""`verify-chunks`: whether stores have all that indexes need."""

import json
import os
import shutil
from collections import Counter
from typing import Any

import pytest

from desync_jobs.formats.index import Index
from tests.blobs import blob
from tests.workspace import Workspace, chunk_file, ids_of, overwrite


@pytest.fixture
def made(workspace: Workspace) -> Index:
    """The index of a blob whose chunks are in `store`."""
    return workspace.make("blob", blob("first"))


def test_a_complete_store_is_said_to_be(workspace: Workspace, made: Index) -> None:
    fields: dict[str, Any] = {"indexes": ["blob.caibx"], "stores": ["store"], "report": "-"}
    for content in (False, True):
        ended = workspace.do("verify-chunks", **fields, content=content)

        assert ended.summary == (0, "done")
        assert ended.output == b"[]\n"
        assert ended.statistics == {
            "indexes": 1,
            "chunks": len(set(ids_of(made))),
            "missing": 0,
            "damaged": 0,
            "unknown": 0,
            "incomplete": {},
        }


def test_each_chunk_is_fetched_once_and_each_index_is_told_of(
    workspace: Workspace, made: Index, asked: Counter[bytes]
) -> None:
    (workspace / "images" / "old").mkdir(parents=True)
    other = workspace.make("other", blob("first")[:50_000])
    for name in ("blob.caibx", "other.caibx"):
        shutil.copy(workspace / name, workspace / "images" / "old" / name)
    shared = set(ids_of(made)) & set(ids_of(other))
    lost = min(set(ids_of(made)) - shared)
    spoilt = min(shared)
    chunk_file(workspace / "store", lost).unlink()
    overwrite(chunk_file(workspace / "store", spoilt), b"damage")
    fields: dict[str, Any] = {
        "indexes": ["blob.caibx"],
        "roots": [{"url": "images"}],
        "stores": ["store"],
        "content": True,
    }
    asked.clear()
    ended = workspace.do("verify-chunks", **fields, report="one")
    counted = dict(asked)
    workspace.do("verify-chunks", **fields, report="two")
    both = {"missing": 1, "damaged": 1, "unknown": 0}

    assert counted == dict.fromkeys(set(ids_of(made)) | set(ids_of(other)), 1)
    assert ended.summary == (5, "failed")
    assert ended.message == (
        "1 chunk missing, 1 chunk damaged; not complete: "
        "images: old/blob.caibx, images: old/other.caibx and blob.caibx"
    )
    assert ended.statistics["incomplete"] == {
        "images: old/blob.caibx": both,
        "images: old/other.caibx": {**both, "missing": 0},
        "blob.caibx": both,
    }
    assert (workspace / "one").read_bytes() == (workspace / "two").read_bytes()
    assert {
        one["chunk"]: (one["problem"], one["store"])
        for one in json.loads((workspace / "one").read_bytes())
    } == {lost.hex(): ("missing", "store"), spoilt.hex(): ("damaged", "store")}


def test_damage_alone_has_its_exit_code_and_only_content_shows_it(
    workspace: Workspace, made: Index
) -> None:
    overwrite(chunk_file(workspace / "store", made.id(3)), b"damage")
    fields: dict[str, Any] = {"indexes": ["blob.caibx"], "stores": ["store"]}
    asked = workspace.do("verify-chunks", **fields)
    fetched = workspace.do("verify-chunks", **fields, content=True)

    assert asked.summary == (0, "done")
    assert fetched.summary == (4, "failed")


def test_a_group_or_a_second_store_has_what_the_first_lacks(
    workspace: Workspace, made: Index
) -> None:
    shutil.copytree(workspace / "store", workspace / "other")
    chunk_file(workspace / "store", made.id(3)).unlink()
    overwrite(chunk_file(workspace / "store", made.id(5)), b"damage")
    workspace.groups["both"] = {"members": ["store", "other"]}
    for stores in (["store", "other"], ["both"]):
        for content in (False, True):
            fields = {"indexes": ["blob.caibx"], "stores": stores, "content": content}
            assert workspace.do("verify-chunks", **fields).summary == (0, "done")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a link that leads to itself for others")
def test_what_a_store_cannot_tell_is_not_there_and_not_missing(
    workspace: Workspace, made: Index
) -> None:
    path = chunk_file(workspace / "store", made.id(3))
    path.unlink()
    path.symlink_to(path.name)
    fields = {"indexes": ["blob.caibx"], "stores": ["store"], "report": "r"}
    ended = workspace.do("verify-chunks", **fields)
    (found,) = json.loads((workspace / "r").read_bytes())

    assert ended.summary == (1, "failed")
    assert ended.statistics["unknown"] == 1
    assert (found["chunk"], found["problem"]) == (made.id(3).hex(), "unknown")


@pytest.mark.usefixtures("made")
def test_without_an_index_nothing_is_said_to_be_there(workspace: Workspace) -> None:
    (workspace / "images").mkdir()
    none = workspace.do("verify-chunks", roots=[{"url": "images"}], stores=["store"])
    absent = workspace.do("verify-chunks", indexes=["absent.caibx"], stores=["store"])
    overwrite(workspace / "blob.caibx", b"no index")
    broken = workspace.do("verify-chunks", indexes=["blob.caibx"], stores=["store"])

    assert none.message.startswith("there is no index")
    assert [one.result.exit_code for one in (none, absent, broken)] == [1, 5, 4]


def test_the_command_tells_what_is_missing(
    workspace: Workspace, made: Index, desync_run: Any
) -> None:
    chunk_file(workspace / "store", made.id(3)).unlink()
    ended = desync_run("verify-chunks", "blob.caibx", "-s", "store", "--report", "-")

    assert ended.returncode == 5
    assert [one["chunk"] for one in json.loads(ended.stdout)] == [made.id(3).hex()]
    assert b"not complete: blob.caibx" in ended.stderr
