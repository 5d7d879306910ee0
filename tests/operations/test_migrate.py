"""A store becomes another one, and its indexes follow when all of their chunks are there."""

import json
import shutil
from typing import Any

import pytest

from desync_jobs.core.chunk import DigestAlgorithm
from desync_jobs.errors import LimitError, ManifestError
from desync_jobs.execute.migrating import Migrating
from desync_jobs.formats.id_map import parse_id_map
from tests.blobs import blob
from tests.interop.casync import casync
from tests.servers.ledgers import published
from tests.workspace import (
    SMALL,
    Ended,
    Workspace,
    chunk_file,
    chunk_files,
    ids_of,
    overwrite,
    stamps,
)

ROOTS: list[dict[str, Any]] = [{"url": "images"}]
KEY = {"command": ["printf", "%064d", "7"]}
OTHER_KEY = {"command": ["printf", "%064d", "8"]}


@pytest.fixture
def images(workspace: Workspace) -> Workspace:
    """The store `old` with the chunks of two blobs, whose indexes are in `images`."""
    (workspace / "images").mkdir()
    for name in ("first", "second"):
        (workspace / name).write_bytes(blob(name))
        make(workspace, name)
    return workspace


def make(workspace: Workspace, name: str) -> None:
    index = f"images/{name}.caibx"
    ended = workspace.do("make", blob=name, index=index, store="old", chunk_size=SMALL)
    assert ended.result.exit_code == 0, ended.message


def migrate(workspace: Workspace, **fields: Any) -> Ended:
    given = {"stores": ["old"], "store": "new", "roots": ROOTS, "indexes_to": "moved", **fields}
    return workspace.do("migrate", **given)


def names(workspace: Workspace, *indexes: str, suffix: str = ".cacnk") -> set[str]:
    """Return the names of the chunk files that indexes need."""
    ids = {one for index in indexes for one in ids_of(workspace.index(index))}
    return {f"{one.hex()[:4]}/{one.hex()}{suffix}" for one in ids}


def extracted(workspace: Workspace, index: str, store: str) -> bytes:
    ended = workspace.do("extract", index=index, target="copy", stores=[store])
    assert ended.result.exit_code == 0, ended.message
    return (workspace / "copy").read_bytes()


def test_a_store_gets_all_chunks_as_they_are_and_a_place_all_indexes(images: Workspace) -> None:
    ended = migrate(images)

    assert ended.summary == (0, "done")
    assert chunk_files(images / "new") == chunk_files(images / "old")
    assert chunk_files(images / "moved") == chunk_files(images / "images") != {}
    assert ended.statistics["indexes_written"] == 2
    assert ended.statistics["chunks_stored"] == len(chunk_files(images / "old"))


def test_a_store_is_not_migrated_to_where_it_is_unless_that_changes_something(
    images: Workspace,
) -> None:
    (images / "link").symlink_to("old")
    whole: dict[str, Any] = {"stores": ["old"], "roots": None, "indexes_to": None}

    for fields in ({"store": "old"}, {"store": "link"}, {"store": "link", "recompress": True}):
        ended = migrate(images, **{**whole, **fields})
        assert ended.result.exit_code == 64
        assert ended.message == (
            f"store {fields['store']}: {images / str(fields['store'])} is where the chunks are "
            "taken from, and keeps them in the same form; name another store, or what is to "
            "change: rewrite, digest, chunk_size or indexes_to"
        )
    assert migrate(images, store="old").statistics["indexes_written"] == 2
    assert migrate(images, **{**whole, "store": "link", "rewrite": True}).result.exit_code == 0


def test_a_second_run_has_nothing_to_do_and_changes_no_file(images: Workspace) -> None:
    migrate(images, report="report")
    before = stamps(images.path)
    ended = migrate(images, report="report")

    assert ended.summary == (0, "unchanged")
    assert ended.only.reason.endswith("chunks and every index is in its place")
    assert stamps(images.path) == before


def test_only_chunks_of_the_named_indexes_are_copied(images: Workspace) -> None:
    ended = migrate(images, roots=None, indexes=["images/second.caibx"])

    assert ended.summary == (0, "done")
    assert set(chunk_files(images / "new")) == names(images, "images/second.caibx")
    assert set(chunk_files(images / "moved")) == {"second.caibx"}


def test_patterns_say_which_indexes_of_a_place_count(images: Workspace) -> None:
    migrate(images, roots=[{"url": "images", "exclude": ["fir*"]}])

    assert set(chunk_files(images / "moved")) == {"second.caibx"}


FORMS: dict[str, dict[str, Any]] = {
    "plain": {"compression": "none"},
    "aes": {"encryption": {"algorithm": "aes-256-gcm", "key": KEY}},
    "plain and sealed": {"compression": "none", "encryption": {"key": OTHER_KEY}},
}


@pytest.mark.parametrize("form", FORMS)
def test_chunks_take_the_form_of_the_store_there_and_back(images: Workspace, form: str) -> None:
    images.places["new"] = FORMS[form]

    assert migrate(images, read_back=True).summary == (0, "done")
    assert extracted(images, "moved/first.caibx", "new") == blob("first")
    back = images.do("migrate", stores=["new"], store="back", report="report")
    assert back.summary == (0, "done")
    assert set(chunk_files(images / "back")) == set(chunk_files(images / "old"))
    assert images.do("verify", store="back").summary == (0, "done")
    if form == "aes":  # sealed and opened again, and never compressed anew
        assert chunk_files(images / "back") == chunk_files(images / "old")


def test_two_declarations_of_one_place_rotate_its_key(images: Workspace) -> None:
    images.places["one"] = {"url": "both", "encryption": {"key": KEY}}
    images.places["two"] = {"url": "both", "encryption": {"key": OTHER_KEY}}
    migrate(images, store="one")
    count = len(chunk_files(images / "both"))
    ended = images.do("migrate", stores=["one"], store="two")

    assert ended.summary == (0, "done")
    assert len(chunk_files(images / "both")) == 2 * count
    assert extracted(images, "images/second.caibx", "two") == blob("second")


def test_zstd_is_compressed_again_only_where_that_is_asked_for(images: Workspace) -> None:
    images.places["new"] = {"level": 19}
    images.places["small"] = {"level": 19}
    migrate(images)
    ended = migrate(images, store="small", recompress=True)

    assert chunk_files(images / "new") == chunk_files(images / "old")
    sizes = [sum(map(len, chunk_files(images / one).values())) for one in ("old", "small")]
    assert sizes[1] < sizes[0]
    assert ended.statistics["bytes_stored"] == sizes[1]
    assert images.do("verify", store="small").summary == (0, "done")


@pytest.mark.parametrize("compression", ["xz", "gzip"])
def test_what_casync_compressed_otherwise_becomes_zstd_in_its_place(
    workspace: Workspace, compression: str
) -> None:
    (workspace / "blob").write_bytes(blob("text"))
    how = f"--compression={compression}"
    casync(workspace.path, "make", how, "--store=old", "blob.caibx", "blob")
    before = chunk_files(workspace / "old")
    rewritten = workspace.do("migrate", stores=["old"], store="old", rewrite=True)
    again = workspace.do("migrate", stores=["old"], store="old", rewrite=True)

    after = chunk_files(workspace / "old")
    assert rewritten.statistics["chunks_rewritten"] == len(before) > 0
    assert set(after) == set(before)
    assert all(data.startswith(b"\x28\xb5\x2f\xfd") for data in after.values())
    assert again.summary == (0, "unchanged")
    assert again.statistics["chunks_rewritten"] == 0
    casync(workspace.path, "extract", "--store=old", "blob.caibx", "copy")
    assert (workspace / "copy").read_bytes() == blob("text")


def test_a_new_digest_gives_what_make_gives_with_it(images: Workspace) -> None:
    for name in ("first", "second"):
        images.make(name, store="made", digest="sha256")
    ended = migrate(images, digest="sha256", id_map="ids")

    assert ended.summary == (0, "done")
    assert chunk_files(images / "new") == chunk_files(images / "made")
    for name in ("first", "second"):
        made = (images / f"{name}.caibx").read_bytes()
        assert (images / "moved" / f"{name}.caibx").read_bytes() == made
    pairs = parse_id_map((images / "ids").read_bytes(), "ids")
    assert len(pairs) == len(chunk_files(images / "old"))
    old = images.index("images/first.caibx")
    new, known = pairs.look_up(old.ids)
    assert known.all()
    assert (new == images.index("moved/first.caibx").ids).all()


def test_with_the_map_of_ids_a_second_run_reads_no_chunk(images: Workspace) -> None:
    migrate(images, digest="sha256", id_map="ids", report="report")
    shutil.rmtree(images / "old")

    assert migrate(images, digest="sha256", id_map="ids", report="report").summary == (
        0,
        "unchanged",
    )


def test_a_damaged_map_of_ids_is_refused(images: Workspace) -> None:
    migrate(images, digest="sha256", id_map="ids")
    data = (images / "ids").read_bytes()
    (images / "ids").write_bytes(data[:-65] + (b"0" * 64) + b"\n")
    ended = migrate(images, digest="sha256", id_map="ids")

    assert ended.summary == (4, "failed")
    assert ended.message == (
        f"{images / 'ids'}: damaged, or no map of IDs of this program; remove it, and it is made "
        "anew"
    )


def test_a_digest_and_back_is_what_it_was(images: Workspace) -> None:
    migrate(images, digest="sha256")
    back = migrate(
        images, stores=["new"], store="back", roots=[{"url": "moved"}], indexes_to="again",
        digest="sha512-256",
    )  # fmt: skip

    assert back.summary == (0, "done")
    assert chunk_files(images / "back") == chunk_files(images / "old")
    assert chunk_files(images / "again") == chunk_files(images / "images")


def test_a_whole_store_changes_its_digest(images: Workspace) -> None:
    ended = images.do("migrate", stores=["old"], store="new", digest="sha256", id_map="ids")

    assert ended.summary == (0, "done")
    assert len(chunk_files(images / "new")) == len(chunk_files(images / "old"))
    assert images.do("verify", store="new", digest="sha256").summary == (0, "done")


@pytest.mark.parametrize("digest", [None, "sha256"])
def test_other_sizes_give_what_make_gives_with_them(images: Workspace, digest: str | None) -> None:
    sizes = "1KiB:4KiB:16KiB"
    named = {"chunk_size": sizes} | ({"digest": digest} if digest else {})
    for name in ("first", "second"):
        images.make(name, store="made", **named)
    ended = migrate(images, report="report", **named)

    assert ended.summary == (0, "done")
    assert chunk_files(images / "new") == chunk_files(images / "made")
    for name in ("first", "second"):
        made = (images / f"{name}.caibx").read_bytes()
        assert (images / "moved" / f"{name}.caibx").read_bytes() == made
    shutil.rmtree(images / "old")
    assert migrate(images, report="report", **named).summary == (0, "unchanged")


def test_the_index_of_an_archive_stays_one_when_it_is_cut_anew(workspace: Workspace) -> None:
    (workspace / "tree" / "sub").mkdir(parents=True)
    (workspace / "tree" / "sub" / "file").write_bytes(blob("random"))
    workspace.do("tar", directory="tree", index="tree.caidx", store="old", chunk_size=SMALL)
    old = workspace.index("tree.caidx")
    ended = migrate(workspace, roots=None, indexes=["tree.caidx"], chunk_size="16KiB:64KiB:256KiB")

    assert ended.summary == (0, "done")
    new = workspace.index("moved/tree.caidx")
    assert (new.flags, new.blob_size) == (old.flags, old.blob_size)
    assert len(new) < len(old)
    workspace.do("untar", index="moved/tree.caidx", target="copy", stores=["new"])
    assert (workspace / "copy" / "sub" / "file").read_bytes() == blob("random")


def test_a_mirror_drops_indexes_that_are_gone_and_no_chunks(images: Workspace) -> None:
    for name in ("third", "fourth"):
        shutil.copy(images / "first", images / name)
        make(images, name)
    migrate(images, remove_gone=True)
    (images / "moved" / "notes.txt").write_text("not an index")
    before = chunk_files(images / "new")
    (images / "images" / "third.caibx").unlink()
    ended = migrate(images, remove_gone=True)

    assert ended.summary == (0, "done")
    assert ended.only.reason == "1 index gone at the source"
    assert ended.statistics["indexes_removed"] == 1
    found = {"first.caibx", "second.caibx", "fourth.caibx", "notes.txt"}
    assert set(chunk_files(images / "moved")) == found
    assert chunk_files(images / "new") == before


def test_an_index_that_is_back_when_its_turn_comes_stays_in_a_mirror(
    images: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate(images)
    there = chunk_files(images / "moved")
    first = images / "images" / "first.caibx"
    content = first.read_bytes()
    first.unlink()  # to whoever makes the plan, as where a listing is late
    plainly = Migrating.remove_gone

    def back(migrating: Migrating) -> None:
        first.write_bytes(content)
        plainly(migrating)

    monkeypatch.setattr(Migrating, "remove_gone", back)
    ended = migrate(images, remove_gone=True)

    assert ended.result.exit_code == 0
    assert ended.statistics["indexes_removed"] == 0
    assert chunk_files(images / "moved") == there


def test_a_mirror_of_nothing_removes_nothing(images: Workspace) -> None:
    migrate(images, remove_gone=True)
    for path in (images / "images").iterdir():
        path.unlink()
    ended = migrate(images, remove_gone=True)

    assert ended.summary == (5, "failed")
    assert ended.message == (
        "images: there is no index, so every index of moved would be gone; nothing is removed"
    )
    assert set(chunk_files(images / "moved")) == {"first.caibx", "second.caibx"}


def test_a_mirror_removes_no_more_than_half_of_its_indexes_at_once(images: Workspace) -> None:
    shutil.copy(images / "first", images / "third")
    make(images, "third")
    migrate(images, remove_gone=True)
    for name in ("first", "third"):
        (images / "images" / f"{name}.caibx").unlink()

    with pytest.raises(LimitError, match=r"2 of 3 indexes of moved would be removed"):
        migrate(images, remove_gone=True)
    assert len(chunk_files(images / "moved")) == 3


def test_two_runs_report_the_same_bytes_whatever_was_there(images: Workspace) -> None:
    migrate(images, report="one")
    shutil.rmtree(images / "moved")
    for path in list((images / "new").rglob("*.cacnk"))[::3]:
        path.unlink()
    migrate(images, report="two")
    migrate(images, report="three")

    report = (images / "one").read_bytes()
    assert (images / "two").read_bytes() == (images / "three").read_bytes() == report
    told = json.loads(report)
    assert told["chunks"] == len(chunk_files(images / "old"))
    assert [one["name"] for one in told["indexes"]] == ["first.caibx", "second.caibx"]


@pytest.mark.parametrize(("harm", "code"), [("damage", 4), ("remove", 5)])
def test_no_index_appears_without_its_chunks(images: Workspace, harm: str, code: int) -> None:
    path = chunk_file(images / "old", images.index("images/second.caibx").id(3))
    if harm == "damage":
        overwrite(path, path.read_bytes()[:-1] + b"\0")
    else:
        path.unlink()
    ended = migrate(images)

    assert ended.summary == (code, "failed")
    assert path.name.removesuffix(".cacnk") in ended.message
    assert not (images / "moved").exists()


def test_an_index_that_changes_meanwhile_is_copied_as_it_is_then(
    images: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    (images / "later").write_bytes(blob("random"))
    images.make("later", store="old")
    plainly = Migrating.copy

    def copy(migrating: Migrating, work: int) -> None:
        plainly(migrating, work)
        shutil.copy(images / "later.caibx", images / "images" / "first.caibx")
        (images / "images" / "second.caibx").unlink()

    monkeypatch.setattr(Migrating, "copy", copy)
    ended = migrate(images)

    assert ended.summary == (0, "done")
    assert ended.warnings == [f"{images / 'images'}: second.caibx is gone since, and is left out"]
    assert set(chunk_files(images / "moved")) == {"first.caibx"}
    assert extracted(images, "moved/first.caibx", "new") == blob("random")


@pytest.mark.parametrize("digest", [None, "sha256"])
def test_chunks_that_went_after_the_plan_was_made_are_copied_again(
    images: Workspace, monkeypatch: pytest.MonkeyPatch, digest: str | None
) -> None:
    form = {} if digest is None else {"digest": digest, "id_map": "ids"}
    migrate(images, **form)
    there = chunk_files(images / "new")
    shutil.rmtree(images / "moved")
    plainly = Migrating.copy

    def collected(migrating: Migrating, work: int) -> None:
        # Another run's `prune`: it knew of no index, and has ended by now.
        for one in (images / "new").glob("????/*"):
            one.unlink()
        plainly(migrating, work)

    monkeypatch.setattr(Migrating, "copy", collected)
    ended = migrate(images, **form)

    assert ended.summary == (0, "done")
    assert chunk_files(images / "new") == there
    assert ended.statistics["chunks_stored"] == len(there)
    assert extracted(images, "moved/second.caibx", "new") == blob("second")


def test_a_collector_is_told_of_indexes_that_were_migrated_to_a_place_elsewhere(
    images: Workspace,
) -> None:
    images.places["new"] = {"url": "memory://told/chunks"}
    ended = migrate(images, indexes_to="memory://told/images")

    assert ended.summary == (0, "done")
    assert published("memory://told/chunks") == [
        f"memory://told/images/{name}.caibx" for name in ("first", "second")
    ]


def test_a_plan_says_what_a_run_fetches(images: Workspace) -> None:
    fields = {"kind": "migrate", "stores": ["old"], "store": "new", "roots": ROOTS}
    (step,) = images.plan({"m": fields}).steps
    ended = images.run({"m": fields})

    (read,) = step.cost.reads
    assert read.stored is not None
    assert read.stored.exact
    counts = ended.statistics["stores"]["old"]
    assert (read.chunks, read.requests, read.stored.upper) == (
        counts["chunks"],
        counts["requests"],
        counts["stored_bytes"],
    )
    assert read.bytes == ended.statistics["bytes"]


CONTRADICTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "several stores": ({"stores": ["old", "more"], "roots": None, "indexes_to": None}, "stores"),
    "indexes to nowhere": ({"roots": None}, "indexes_to"),
    "no roots to mirror": ({"indexes_to": None, "remove_gone": True}, "remove_gone"),
    "rewritten indexes to nowhere": ({"indexes_to": None, "digest": "sha256"}, "indexes_to"),
    "progress of indexes": ({"progress": "p"}, "progress"),
    "a map of nothing": ({"id_map": "ids"}, "id_map"),
    "no map": ({"roots": None, "indexes_to": None, "digest": "sha256"}, "id_map"),
    "rewriting and cutting": ({"rewrite": True, "chunk_size": SMALL}, "rewrite"),
    "rewriting and compressing": ({"rewrite": True, "recompress": True}, "recompress"),
}


@pytest.mark.parametrize("case", CONTRADICTIONS)
def test_keys_that_contradict_each_other_are_refused(workspace: Workspace, case: str) -> None:
    fields, key = CONTRADICTIONS[case]
    given = {"stores": ["old"], "store": "new", "roots": ROOTS, "indexes_to": "moved"} | fields
    operation = {one: value for one, value in given.items() if value is not None}

    with pytest.raises(ManifestError) as caught:
        workspace.job({"m": {"kind": "migrate", **operation}})
    assert [problem.where for problem in caught.value.problems] == [("operations", "m", key)]


def test_unverified_chunks_get_no_new_ids(images: Workspace) -> None:
    images.places["old"] = {"skip_verify": True}
    ended = migrate(images, digest=DigestAlgorithm.SHA256.value)

    assert ended.summary == (64, "failed")
    assert "skip_verify would give damaged chunks IDs that fit them" in ended.message
