import json
from pathlib import Path
from typing import Any

import pytest
import zstandard

from desync_jobs.formats.index import Index
from tests.blobs import blob
from tests.workspace import Workspace, chunk_file, chunk_files, ids_of, overwrite, stamps


@pytest.fixture
def made(workspace: Workspace) -> Index:
    """The index of a blob whose chunks are in `store`."""
    return workspace.make("blob", blob("first"))


def test_a_sound_store_is_counted_and_left_alone(workspace: Workspace, made: Index) -> None:
    before = stamps(workspace.path)
    ended = workspace.do("verify", store="store")
    stored = chunk_files(workspace / "store")

    assert ended.summary == (0, "done")
    assert ended.statistics == {
        "chunks": len(set(ids_of(made))),
        "chunks_before": 0,
        "chunks_in_store": len(set(ids_of(made))),
        "bytes_stored": sum(map(len, stored.values())),
        "damaged": [],
        "replaced": 0,
        "removed": 0,
        "abandoned_files_removed": 0,
    }
    assert ended.warnings == []
    assert stamps(workspace.path) == before


DAMAGE = {
    "garbage": (b"not a chunk at all", "it is neither zstd nor xz nor gzip"),
    "empty": (b"", "it is empty"),
    "truncated": (zstandard.compress(blob("text"))[:-9], ""),
    "other content": (zstandard.compress(b"other"), "its content has the digest "),
    "trailing bytes": (zstandard.compress(b"other") + b"x", ""),
    "nothing": (zstandard.compress(b""), "it holds no data"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_chunk_is_reported_and_kept(
    workspace: Workspace, made: Index, damage: str
) -> None:
    content, reason = DAMAGE[damage]
    broken = chunk_file(workspace / "store", made.id(5))
    overwrite(broken, content)
    ended = workspace.do("verify", store="store")

    assert ended.summary == (4, "failed")
    assert ended.statistics["damaged"] == [made.id(5).hex()]
    assert ended.statistics["removed"] == 0
    assert ended.statistics["chunks"] == len(set(ids_of(made)))
    assert ended.message == (
        f"store store: 1 chunk is damaged; repair removes it: {made.id(5).hex()}"
    )
    assert len(ended.warnings) == 1
    assert ended.warnings[0].startswith(
        f"store store: chunk {made.id(5).hex()} is invalid: {reason}"
    )
    assert broken.read_bytes() == content


def test_repair_removes_damaged_chunks_and_no_others(workspace: Workspace, made: Index) -> None:
    bad = sorted(set(ids_of(made)))[::5]
    for number, chunk_id in enumerate(bad):
        overwrite(chunk_file(workspace / "store", chunk_id), list(DAMAGE.values())[number % 6][0])
    sound = {
        path: stamp
        for path, stamp in stamps(workspace / "store").items()
        if Path(path).stem not in {one.hex() for one in bad}
    }
    ended = workspace.do("verify", store="store", repair=True)
    again = workspace.do("verify", store="store", repair=True)

    assert ended.summary == (4, "failed")
    assert sorted(ended.statistics["damaged"]) == [one.hex() for one in bad]
    assert ended.statistics["removed"] == len(bad)
    assert all(message.endswith("; removed") for message in ended.warnings)
    assert stamps(workspace / "store") == sound
    assert again.summary == (0, "done")


def test_what_repair_removed_is_missing_until_it_is_made_again(
    workspace: Workspace, made: Index
) -> None:
    overwrite(chunk_file(workspace / "store", made.id(5)), b"damage")
    extract = {"index": "blob.caibx", "target": "copy", "stores": ["store"]}
    invalid = workspace.do("extract", **extract)
    workspace.do("verify", store="store", repair=True)
    missing = workspace.do("extract", **extract)
    workspace.make("blob")
    ended = workspace.do("extract", **extract)

    assert (invalid.summary, missing.summary) == ((4, "failed"), (5, "failed"))
    assert missing.message == f"chunk {made.id(5).hex()} is missing from store"
    assert ended.summary == (0, "done")


def test_many_damaged_chunks_are_counted_in_the_message(workspace: Workspace, made: Index) -> None:
    bad = sorted(set(ids_of(made)))[:13]
    for chunk_id in bad:
        overwrite(chunk_file(workspace / "store", chunk_id), b"damage")
    ended = workspace.do("verify", store="store")

    assert ended.message.startswith("store store: 13 chunks are damaged; repair removes them: ")
    assert ended.message.endswith(" and 8 more")
    assert sorted(ended.statistics["damaged"]) == [one.hex() for one in bad]
    assert len(ended.warnings) == 13


def test_other_files_of_the_store_are_no_chunks(workspace: Workspace, made: Index) -> None:
    store = workspace / "store"
    prefix = chunk_file(store, made.id(0)).parent
    name = made.id(0).hex()
    for foreign in (
        store / "README",
        store / f"{name}.cacnk",
        prefix / "notes",
        prefix / f"{name[:63]}.cacnk",
        prefix / f"{name.upper()}.cacnk",
        prefix / f"{name}.cacnk.old",
        prefix / f"{name}.1234.tmp",
        prefix / f"{'ffff' if name[:4] != 'ffff' else '0000'}{name[4:]}.cacnk",
    ):
        foreign.write_bytes(b"no chunk")
    before = stamps(store)
    ended = workspace.do("verify", store="store", repair=True)

    assert ended.summary == (0, "done")
    assert ended.statistics["chunks"] == len(set(ids_of(made)))
    assert stamps(store) == before


@pytest.mark.parametrize("compression", ["zstd", "none"])
@pytest.mark.parametrize("made_with", ["sha512-256", "sha256"])
@pytest.mark.parametrize("digest", [None, "auto", "sha512-256", "sha256"])
def test_the_digest_is_found_unless_it_is_given(
    workspace: Workspace, compression: str, made_with: str, digest: str | None
) -> None:
    workspace.places["store"] = {"compression": compression}
    index = workspace.make("blob", blob("first"), digest=made_with)
    ended = workspace.do("verify", store="store", digest=digest)
    wrong = digest not in (None, "auto", made_with)

    assert ended.summary == ((4, "failed") if wrong else (0, "done"))
    assert len(ended.statistics["damaged"]) == (len(set(ids_of(index))) if wrong else 0)


def test_chunks_of_both_digests_and_both_forms_live_in_one_store(workspace: Workspace) -> None:
    one = workspace.make("one", blob("first"))
    workspace.places["store"] = {"compression": "none"}
    two = workspace.make("two", blob("first"), digest="sha256")
    ended = workspace.do("verify", store="store")

    assert ended.summary == (0, "done")
    assert ended.statistics["chunks"] == len(set(ids_of(one))) + len(set(ids_of(two)))


def test_a_plain_chunk_with_a_wrong_byte_is_damaged(workspace: Workspace) -> None:
    workspace.places["store"] = {"compression": "none"}
    index = workspace.make("blob", blob("first"))
    broken = chunk_file(workspace / "store", index.id(5), "")
    overwrite(broken, broken.read_bytes()[:-1] + b"\x00")
    ended = workspace.do("verify", store="store", repair=True)

    assert ended.summary == (4, "failed")
    assert ended.statistics["damaged"] == [index.id(5).hex()]
    assert not broken.exists()


def test_an_empty_store_is_sound_and_an_absent_one_an_error(workspace: Workspace) -> None:
    (workspace / "empty").mkdir()
    (workspace / "file").write_bytes(b"")
    empty = workspace.do("verify", store="empty")
    others = [workspace.do("verify", store=name) for name in ("absent", "file")]

    assert empty.summary == (0, "done")
    assert empty.statistics["chunks"] == 0
    assert [one.summary for one in others] == [(1, "failed")] * 2
    assert all("is not a directory" in one.message for one in others)


def test_the_program_names_each_damaged_chunk_on_a_line(
    workspace: Workspace, made: Index, desync_run: Any
) -> None:
    bad = [made.id(5), made.id(9)]
    for chunk_id in bad:
        overwrite(chunk_file(workspace / "store", chunk_id), b"damage")
    ended = desync_run("verify", "-s", "store", "--json")
    lines = ended.stderr.decode().splitlines()

    assert ended.returncode == 4
    for chunk_id in bad:
        assert any(chunk_id.hex() in line and "is invalid" in line for line in lines)
    assert sorted(json.loads(ended.stdout)["operations"][0]["statistics"]["damaged"]) == sorted(
        one.hex() for one in bad
    )
