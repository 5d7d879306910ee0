"""Directory trees as seeds of whatever reads an archive from its index."""

import os
import shutil
from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Any

import pytest

from desync_jobs.archive.layout import TreeLayout
from desync_jobs.archive.tree_seed import index_layout
from desync_jobs.execute import tree_seeds
from desync_jobs.formats.index import Index
from desync_jobs.planner.explain import explain
from tests.conftest import Run
from tests.operations.versions import archive, archived, missing
from tests.trees import need_root
from tests.workspace import SMALL, Ended, How, Workspace, ids_of


def blob(
    workspace: Workspace, how: How | None = None, seeds: Sequence[str] = ("running",)
) -> Ended:
    """Write the archive of `new`."""
    fields = {"index": "new.caidx", "stores": ["store"], "seeds": list(seeds)}
    return workspace.do("cat", how, **fields)


@pytest.mark.parametrize("workers", [1, 3])
def test_exactly_the_chunks_that_the_tree_lacks_are_fetched(
    versions: Workspace, asked: Counter[bytes], workers: int
) -> None:
    ended = blob(versions, How(workers=workers))
    index, lacking = versions.index("new.caidx"), missing(versions)

    assert ended.summary == (0, "done"), ended.message
    assert ended.output == archived(versions)
    assert asked == Counter(lacking)
    assert ended.warnings == []
    assert ended.statistics["sources"]["seed running"]["chunks"] == len(index) - len(lacking)
    assert ended.statistics["stores"]["store"]["chunks"] == len(lacking)


def test_a_seed_serves_every_operation_that_reads_an_archive(
    versions: Workspace, asked: Counter[bytes]
) -> None:
    ended = versions.do("list", index="new.caidx", stores=["store"], seeds=["running"])
    plain = versions.do("list", archive="right.catar")
    versions.do("tar", directory="new", archive="right.catar")

    assert ended.output == versions.do("list", archive="right.catar").output
    assert plain.result.exit_code == 1
    assert asked == Counter(missing(versions))


def test_a_plan_says_that_the_share_is_not_known(versions: Workspace) -> None:
    fields = {"kind": "cat", "index": "new.caidx", "stores": ["store"], "seeds": ["running"]}
    plan = versions.plan({"x": fields})
    reads = {one.place: one for one in plan.steps[0].cost.reads}
    every = len(set(ids_of(versions.index("new.caidx"))))
    download = plan.steps[0].cost.download

    assert [(one.chunks, one.exact) for one in reads.values()][:2] == [(every, False)] * 2
    assert list(reads)[:2] == ["store", "seed running"]
    assert download is not None
    assert (download.lower, download.upper > 0) == (0, True)
    assert "seed running  at most" in explain(plan)


def test_a_tree_that_is_the_same_needs_no_store(versions: Workspace, asked: Counter[bytes]) -> None:
    versions.seeds["running"] = {"tree": "new"}
    shutil.rmtree(versions / "store")
    (versions / "store").mkdir()
    ended = blob(versions)

    assert (ended.summary, ended.output) == ((0, "done"), archived(versions))
    assert not asked


def test_trees_and_blobs_serve_together_and_are_counted_apart(
    versions: Workspace, asked: Counter[bytes]
) -> None:
    versions.do("tar", directory="old", archive="old.catar")
    versions.seeds["blob"] = {"blob": "old.catar", "index": "old.caidx"}
    versions.seeds["same"] = {"tree": "new"}
    ended = blob(versions, seeds=["running", "blob", "same"])
    given = {name: one["chunks"] for name, one in ended.statistics["sources"].items()}
    index, lacking = versions.index("new.caidx"), missing(versions)

    assert ended.output == archived(versions)
    assert given == {
        "seed blob": len(index) - len(lacking),
        "seed running": 0,
        "seed same": len(lacking),
        "zeros": 0,
    }
    assert not asked


@pytest.mark.parametrize("dialect", ["casync", "desync"])
@pytest.mark.parametrize("features", [["unix"], ["privileged", "2sec-time"]])
def test_a_tree_is_archived_as_the_index_says(
    versions: Workspace, asked: Counter[bytes], dialect: str, features: list[str]
) -> None:
    fields = {"dialect": dialect, "with_features": None if dialect == "desync" else features}
    (versions / "old" / "d0" / "link").symlink_to("nowhere")
    (versions / "old" / ".caexclude").write_text("d2\n")
    made = versions.do(
        "tar", directory="old", index="as.caidx", chunk_size=SMALL, store="store", **fields
    )
    ended = versions.do("cat", index="as.caidx", stores=["store"], seeds=["running"])

    assert made.result.exit_code == 0, made.message
    assert ended.summary == (0, "done")
    assert not asked


def test_other_sizes_and_digests_are_those_of_the_index(
    versions: Workspace, asked: Counter[bytes]
) -> None:
    fields = {"chunk_size": "1KiB:2KiB:9KiB", "digest": "sha256", "store": "store"}
    versions.do("tar", directory="old", index="as.caidx", **fields)
    ended = versions.do("cat", index="as.caidx", stores=["store"], seeds=["running"])

    assert ended.summary == (0, "done")
    assert not asked


def test_what_cannot_be_read_in_a_seed_is_told_and_fetched(
    versions: Workspace, asked: Counter[bytes]
) -> None:
    need_root()
    for name in ("d0/f00", "d0/f05"):
        os.chown(versions / "old" / name, 65535, 0)
    ended = blob(versions)

    assert (ended.summary, ended.output) == ((0, "done"), archived(versions))
    reason = "no archive can have an owner with the number 65535"
    assert ended.warnings == [
        f"seed running: {versions.path}/old/d0/f00: {reason}: left out of the seed, and 1 other"
    ]
    assert set(asked) > missing(versions)


def test_a_link_in_a_seed_is_a_link_and_never_followed(
    versions: Workspace, asked: Counter[bytes]
) -> None:
    """What it leads to has everything that is wanted."""
    (versions / "links").mkdir()
    for name in os.listdir(versions / "new"):
        (versions / "links" / name).symlink_to(versions / "new" / name)
    versions.seeds["running"] = {"tree": "links"}
    ended = blob(versions)

    assert (ended.summary, ended.output) == ((0, "done"), archived(versions))
    assert set(asked) == set(ids_of(versions.index("new.caidx")))


def test_a_link_to_a_tree_is_followed_at_its_top(
    versions: Workspace, asked: Counter[bytes]
) -> None:
    (versions / "link").symlink_to("old")
    versions.seeds["running"] = {"tree": "link"}
    blob(versions)

    assert asked == Counter(missing(versions))


@pytest.mark.parametrize("change", ["other content", "gone", "all gone"])
def test_files_that_change_while_a_seed_is_used_cost_their_chunks_alone(
    versions: Workspace, monkeypatch: pytest.MonkeyPatch, asked: Counter[bytes], change: str
) -> None:
    plainly = tree_seeds.open_trees

    def changing(*arguments: Any) -> object:
        opened = plainly(*arguments)
        if change == "all gone":
            shutil.rmtree(versions / "old")
        else:
            (versions / "old" / "d0" / "f15").unlink()
        if change == "other content":
            (versions / "old" / "d0" / "f15").write_bytes(Random(0).randbytes(80_000))
        return opened

    monkeypatch.setattr("desync_jobs.execute.blob_range.open_trees", changing)
    ended = blob(versions)
    extra = sum(asked.values()) - len(missing(versions))
    (warning,) = ended.warnings

    assert (ended.summary, ended.output) == ((0, "done"), archived(versions))
    assert extra > 0
    assert warning == (
        f"seed running ({versions.path}/old) changed while it was used: taken from elsewhere: "
        f"{extra} chunk{'s' if extra > 1 else ''}"
    )
    if change != "all gone":
        length = len((versions / "new" / "d0" / "f15").read_bytes())
        assert extra <= 2 + length // 2048


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tops of the trees whose files were read to be cut."""
    tops: list[str] = []

    def noting(layout: TreeLayout, *arguments: Any) -> Index:
        tops.append(os.path.basename(layout.reach.root))
        return index_layout(layout, *arguments)

    monkeypatch.setattr("desync_jobs.execute.tree_seeds.index_layout", noting)
    return tops


def test_a_tree_that_did_not_change_is_read_once(versions: Workspace, read: list[str]) -> None:
    first = blob(versions)
    second = blob(versions)
    third = versions.do("list", index="new.caidx", stores=["store"], seeds=["running"])

    assert read == ["old"]
    assert first.statistics["sources"] == second.statistics["sources"]
    assert third.statistics["sources"] == second.statistics["sources"]


@pytest.mark.parametrize("change", ["content", "mode", "another file", "name", "way of cutting"])
def test_a_tree_in_which_anything_changed_is_read_again(
    versions: Workspace, read: list[str], asked: Counter[bytes], change: str
) -> None:
    blob(versions)
    path = versions / "old" / "d0" / "f15"
    about = path.stat()
    match change:
        case "content":
            with path.open("r+b") as file:
                file.write(b"other")
            os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))
        case "mode":
            path.chmod(0o600)
        case "another file":
            path.with_name("copy").write_bytes(path.read_bytes())
            os.utime(path.with_name("copy"), ns=(about.st_atime_ns, about.st_mtime_ns))
            path.with_name("copy").rename(path)
        case "name":
            path.rename(path.with_name("f16"))
        case _:
            archive(versions, "new", store="store", chunk_size="1KiB:4KiB:16KiB")
    asked.clear()
    ended = blob(versions)

    assert read == ["old", "old"]
    assert ended.output == archived(versions)
    assert ended.warnings == []


def test_a_kept_index_that_proves_wrong_is_forgotten(
    versions: Workspace, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if a file could be written to without anything to show for it."""
    with monkeypatch.context() as patch:
        patch.setattr(TreeLayout, "fingerprint", 7)
        blob(versions)
        path = versions / "old" / "d0" / "f15"
        path.write_bytes(bytes(path.stat().st_size))
        wrong, right = blob(versions), blob(versions)

    assert read == ["old", "old"]
    assert "changed while it was used" in wrong.warnings[0]
    assert right.warnings == []
    assert {wrong.output, right.output} == {archived(versions)}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (None, "seed running: {}/no is not a directory; correct it or create it"),
        ("file", "seed running: {}/no is not a directory; correct it or create it"),
    ],
)
def test_a_seed_that_is_no_directory_is_an_error(
    versions: Workspace, make: str | None, message: str
) -> None:
    if make:
        (versions / "no").touch()
    versions.seeds["running"] = {"tree": "no"}
    ended = blob(versions)

    assert ended.result.exit_code == 1
    assert ended.message == message.format(versions.path)


def test_an_operation_that_writes_a_tree_comes_before_those_that_take_it_as_a_seed(
    versions: Workspace,
) -> None:
    operations = {
        "a": {"kind": "cat", "index": "new.caidx", "stores": ["store"], "seeds": ["running"]},
        "z": {"kind": "cat", "index": "old.caidx", "stores": ["store"], "output": "old/d0/x"},
    }
    plan = versions.plan(
        {key: {**one, "output": one.get("output", "o")} for key, one in operations.items()}
    )

    assert [step.operation for step in plan.steps] == ["z", "a"]


def test_the_command_takes_a_directory_as_casync_does(versions: Workspace, desync_run: Run) -> None:
    shutil.copytree(versions / "store", versions / "copy")
    ran = desync_run("list", "-q", "--seed=new", "-s", "empty", "new.caidx")
    (versions / "empty").mkdir()
    again = desync_run("list", "-q", "--seed=new", "-s", "empty", "new.caidx")

    assert ran.returncode != 0
    assert again.returncode == 0, again.stderr
    assert again.stdout == versions.do("list", index="new.caidx", stores=["store"]).output
