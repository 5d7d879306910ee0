"""`diff-indexes` counts what two indexes share and what an update fetches."""

import json

import pytest

from desync_jobs.errors import EXIT_USAGE
from tests.vectors.inputs import ctr
from tests.workspace import How, Workspace, ids_of

OLD = ctr(200_000) + bytes(100_000) + ctr(50_000, b"old")
NEW = ctr(200_000) + bytes(300_000) + ctr(70_000, b"new") + ctr(200_000)


@pytest.fixture
def both(workspace: Workspace) -> Workspace:
    workspace.make("old", OLD)
    workspace.make("new", NEW)
    return workspace


def test_every_different_chunk_is_counted_once(both: Workspace) -> None:
    ended = both.do("diff-indexes", old="old.caibx", new="new.caibx", format="json")
    found = json.loads(ended.output)
    sizes = {
        name: {index.id(at): index.length(at) for at in range(len(index))}
        for name, index in (("old", both.index("old.caibx")), ("new", both.index("new.caibx")))
    }
    old, new = sizes["old"], sizes["new"]
    chosen = {
        "old": old,
        "new": new,
        "shared": {one: new[one] for one in old.keys() & new.keys()},
        "added": {one: new[one] for one in new.keys() - old.keys()},
        "removed": {one: old[one] for one in old.keys() - new.keys()},
    }

    assert ended.summary == (0, "done")
    assert {name: found[name] for name in chosen} == {
        name: {"chunks": len(chunks), "bytes": sum(chunks.values())}
        for name, chunks in chosen.items()
    }
    assert found["same"] is False
    assert 0 < found["shared"]["chunks"] < found["new"]["chunks"]


def test_the_download_is_what_an_extraction_with_the_old_blob_as_seed_fetches(
    both: Workspace,
) -> None:
    both.seeds["old"] = {"blob": "old", "index": "old.caibx"}
    found = both.do("diff-indexes", old="old.caibx", new="new.caibx").statistics["download"]
    done = both.do(
        "extract", index="new.caibx", target="copy", stores=["store"], seeds=["old"]
    ).statistics["stores"]["store"]

    assert (found["chunks"], found["bytes"]) == (done["chunks"], done["bytes"])
    assert found["chunks"] > 0


def test_zeros_are_nothing_to_fetch(workspace: Workspace) -> None:
    workspace.make("old", ctr(100_000))
    workspace.make("new", ctr(100_000)[:0] + bytes(32 << 10) * 4)
    found = workspace.do("diff-indexes", old="old.caibx", new="new.caibx").statistics

    assert found["added"] == {"chunks": 1, "bytes": 32 << 10}
    assert found["download"] == {"chunks": 0, "bytes": 0}


def test_figures_are_told_in_words(both: Workspace) -> None:
    told = both.do("diff-indexes", old="old.caibx", new="new.caibx").output.decode()
    same = both.do("diff-indexes", old="new.caibx", new="new.caibx")
    count = len(set(ids_of(both.index("new.caibx"))))

    assert [line.split(":")[0] for line in told.splitlines()] == [
        *("old", "new", "shared", "added", "removed", "download"),
    ]
    assert same.output.decode().startswith(f"both have the same {count} chunks (")
    assert same.statistics["same"] is True


def test_one_index_may_come_from_standard_input(both: Workspace) -> None:
    given = (both / "old.caibx").read_bytes()
    piped = both.do("diff-indexes", How(given=given), old="-", new="new.caibx")

    assert piped.output == both.do("diff-indexes", old="old.caibx", new="new.caibx").output


@pytest.mark.parametrize("name", ["old", "new"])
def test_an_empty_blob_shares_nothing(both: Workspace, name: str) -> None:
    both.make(name, b"")
    found = both.do("diff-indexes", old="old.caibx", new="new.caibx").statistics

    assert found["shared"] == found[name] == {"chunks": 0, "bytes": 0}


def test_indexes_with_other_digests_are_refused(both: Workspace) -> None:
    both.make("old", OLD, digest="sha256", store=None)
    ended = both.do("diff-indexes", old="old.caibx", new="new.caibx")

    assert ended.result.exit_code == EXIT_USAGE
    assert "there is nothing to compare" in ended.message


def test_an_index_that_is_not_there_is_missing(both: Workspace) -> None:
    assert both.do("diff-indexes", old="none.caibx", new="new.caibx").summary == (5, "failed")
