"""Nothing that an index needs is ever removed, and nothing at all where that is not sure."""

import fcntl
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from desync_jobs.api import run
from desync_jobs.errors import LimitError, LockedError, MissingError
from desync_jobs.execute import marking
from desync_jobs.execute.operations import prune as operation
from desync_jobs.execute.operations import verify
from desync_jobs.execute.quarantine import QUARANTINE
from desync_jobs.execute.stock_parts import Cut
from desync_jobs.formats.index import Index, parse_index
from desync_jobs.manifest.load import job_from_document
from desync_jobs.planner.operations.prune import PruneDetail, PruneFacts, deletions
from desync_jobs.planner.saved import saved_plan
from desync_jobs.stores.leases.held import HeldLeases
from desync_jobs.stores.objects.base import ObjectEntry, ObjectPlace
from desync_jobs.stores.objects.directory import DirectoryPlace
from tests.blobs import blob
from tests.servers.moto import running_moto
from tests.servers.s3_places import ENVIRONMENT, open_remote
from tests.servers.sftp_places import make_home
from tests.servers.sshd import running_sshd
from tests.vectors.inputs import ctr
from tests.workspace import SMALL, Ended, Workspace, chunk_file, chunk_files, ids_of, overwrite

ROOTS: list[dict[str, Any]] = [{"url": "images"}]
NOW = {"grace": "0s"}
BLOBS = {
    "first": blob("first"),
    "second": blob("second"),
    "third": blob("second")[:100_000] + ctr(150_000, b"third"),
}


@pytest.fixture
def images(workspace: Workspace) -> Workspace:
    """A store with the chunks of two blobs, whose indexes are in `images`."""
    (workspace / "images").mkdir()
    for name in ("first", "second", "third"):
        (workspace / "images" / name).write_bytes(BLOBS[name])
        make(workspace, name)
    return workspace


def make(workspace: Workspace, name: str) -> Index:
    ended = workspace.do(
        "make",
        blob=f"images/{name}",
        index=f"images/{name}.caibx",
        store="store",
        chunk_size=SMALL,
    )
    assert ended.result.exit_code == 0, ended.message
    return workspace.index(f"images/{name}.caibx")


def prune(workspace: Workspace, **fields: Any) -> Ended:
    given = {"store": "store", "roots": ROOTS, **NOW, **fields}
    return workspace.do("prune", **given)


def within(workspace: Workspace, limits: object, **fields: Any) -> Mapping[str, object]:
    """Prune in a job with `limits`; return what was counted."""
    document = {
        "version": 1,
        "stores": {"store": {"url": "store"}},
        "limits": limits,
        "operations": {"prune": {"kind": "prune", "store": "store", **NOW, **fields}},
    }
    (outcome,) = run(job_from_document(document, str(workspace.path), "job")).outcomes
    return outcome.statistics


def chunks(workspace: Workspace) -> dict[str, bytes]:
    """Return the chunk files of the store, without what is beside them."""
    found = chunk_files(workspace / "store")
    return {name: data for name, data in found.items() if not name.startswith("desync-run/")}


def needed(workspace: Workspace, *names: str) -> set[str]:
    """Return the names of the chunk files that indexes need."""
    ids = {one for name in names for one in ids_of(workspace.index(f"images/{name}.caibx"))}
    return {f"{one.hex()[:4]}/{one.hex()}.cacnk" for one in ids}


def age(workspace: Workspace, seconds: float) -> None:
    """Have every chunk file be older by `seconds`."""
    for path in (workspace / "store").rglob("*.cacnk"):
        past = path.stat().st_mtime - seconds
        os.utime(path, (past, past))


def test_what_no_index_needs_goes_and_everything_else_stays(images: Workspace) -> None:
    before = chunks(images)
    (images / "images" / "third.caibx").unlink()

    ended = prune(images)

    kept = needed(images, "first", "second")
    assert ended.summary == (0, "done")
    assert set(chunks(images)) == kept
    assert ended.statistics["chunks_removed"] == len(before) - len(kept)
    assert ended.statistics["chunks_kept"] == len(kept)
    assert chunks(images) == {name: before[name] for name in kept}


def test_a_second_run_has_nothing_to_do(images: Workspace) -> None:
    (images / "images" / "third.caibx").unlink()
    prune(images)

    assert prune(images).summary == (0, "unchanged")


def test_indexes_can_be_named_one_by_one(images: Workspace) -> None:
    indexes = ["images/first.caibx", "images/second.caibx"]

    assert prune(images, roots=[], indexes=indexes).summary == (0, "done")
    assert set(chunks(images)) == needed(images, "first", "second")


def test_a_plan_says_what_would_go_and_removes_nothing(images: Workspace) -> None:
    (images / "images" / "third.caibx").unlink()
    before = chunks(images)

    (step,) = images.plan({"p": {"kind": "prune", "store": "store", "roots": ROOTS, **NOW}}).steps

    (deletion,) = step.cost.deletes
    gone = set(before) - needed(images, "first", "second")
    assert (deletion.chunks, deletion.of) == (len(gone), len(before))
    assert deletion.bytes == sum(len(before[name]) for name in gone)
    assert step.reason == f"no index needs {len(gone)} chunks of {len(before)}"
    assert chunks(images) == before


def test_garbage_is_marked_and_goes_after_the_grace(images: Workspace) -> None:
    (images / "images" / "third.caibx").unlink()
    before = chunks(images)
    age(images, 7200)

    first = prune(images, grace="1h")
    marked = chunks(images)
    marks = (images / "store" / "desync-run" / "marks").read_bytes()
    again = prune(images, grace="1h")

    assert first.statistics["chunks_removed"] == 0
    assert first.statistics["chunks_marked"] == len(before) - len(needed(images, "first", "second"))
    assert marked == before
    assert (images / "store" / "desync-run" / "marks").read_bytes() == marks
    assert again.summary == (0, "unchanged")
    time.sleep(0.01)
    assert (
        prune(images, grace="1ms").statistics["chunks_removed"] == first.statistics["chunks_marked"]
    )
    assert not (images / "store" / "desync-run" / "marks").exists()


def test_a_chunk_that_is_published_anew_after_it_was_marked_lives(images: Workspace) -> None:
    index = (images / "images" / "third.caibx").read_bytes()
    (images / "images" / "third.caibx").unlink()
    prune(images, grace="1h")
    (images / "images" / "third.caibx").write_bytes(index)
    time.sleep(0.01)

    ended = prune(images, grace="1ms")

    assert ended.statistics["chunks_removed"] == 0
    assert set(chunks(images)) == needed(images, "first", "second", "third")


def test_new_chunks_stay_though_no_index_needs_them(images: Workspace) -> None:
    (images / "images" / "third.caibx").unlink()
    age(images, 7200)
    prune(images, grace="1ms")
    lonely = chunk_file(images / "store", bytes(range(32)))
    lonely.parent.mkdir(exist_ok=True)
    lonely.write_bytes(b"whatever")

    prune(images, grace="1h")

    assert lonely.exists()


@pytest.mark.parametrize(
    ("spoil", "code", "told"),
    [
        ("no indexes", 1, "images: there is no index, so everything would be garbage"),
        ("no directory", 1, "images is not a directory"),
        ("damaged index", 4, "images: first.caibx: "),
        ("another index", 1, "store store has no chunk of any index, so it is not the store of"),
        ("empty index", 1, "store store has no chunk of any index, so it is not the store of"),
        ("empty store", 1, "store store has no chunk of any index, so it is not the store of"),
        ("missing index", 5, "gone.caibx: index does not exist; nothing is removed"),
    ],
)
def test_nothing_is_removed_where_it_is_not_sure_what_is_needed(
    images: Workspace, spoil: str, code: int, told: str
) -> None:
    folder = images / "images"
    fields: dict[str, Any] = {}
    if spoil == "empty store":
        shutil.rmtree(images / "store")
        (images / "store").mkdir()
    before = chunks(images)
    if spoil == "no directory":
        shutil.rmtree(folder)
    elif spoil in ("no indexes", "another index", "empty index"):
        for path in folder.glob("*.caibx"):
            path.unlink()
    if spoil in ("another index", "empty index"):
        content = b"" if spoil == "empty index" else b"x" * 100_000
        images.make("alien", content, store="elsewhere")
        (images / "alien.caibx").rename(folder / "alien.caibx")
    if spoil == "damaged index":
        (folder / "first.caibx").write_bytes((folder / "first.caibx").read_bytes()[:-1])
    if spoil == "missing index":
        fields["indexes"] = ["images/gone.caibx"]

    ended = prune(images, **fields)

    assert ended.result.exit_code == code, ended.message
    assert told in ended.message
    assert chunks(images) == before


def test_indexes_that_links_lead_to_are_needed(images: Workspace) -> None:
    (images / "elsewhere").mkdir()
    (images / "images" / "first.caibx").rename(images / "elsewhere" / "first.caibx")
    (images / "images" / "away").symlink_to("../elsewhere")
    (images / "images" / "latest.caibx").symlink_to("second.caibx")
    before = chunk_files(images / "store")
    ended = prune(images, roots=[{"url": "images", "keep_last": 1}])

    assert ended.result.exit_code == 0, ended.message
    assert chunk_files(images / "store") == before
    assert (images / "images" / "second.caibx").exists()


@pytest.mark.parametrize("name", ["first.caibx", "releases"])
def test_nothing_is_removed_where_a_link_leads_nowhere(images: Workspace, name: str) -> None:
    (images / "images" / "first.caibx").unlink()
    (images / "images" / name).symlink_to("/not/mounted")
    before = chunk_files(images / "store")
    ended = prune(images)

    assert ended.result.exit_code == 1
    assert f"images: {name} is listed and cannot be found: a link to nothing" in ended.message
    assert chunk_files(images / "store") == before
    assert prune(images, roots=[{"url": "images", "exclude": [name]}]).result.exit_code == 0


def test_nothing_is_removed_where_more_than_half_would_go(images: Workspace) -> None:
    for name in ("first", "second"):
        (images / "images" / f"{name}.caibx").unlink()
    before = chunks(images)
    assert len(needed(images, "third")) < len(before) / 2

    with pytest.raises(LimitError, match="more than max_deletion_share = 50%; nothing is removed"):
        prune(images)
    assert chunks(images) == before


def test_old_indexes_go_before_what_they_need(images: Workspace) -> None:
    for hours, name in enumerate(("third", "second", "first")):
        past = time.time() - 3600 * (3 - hours)
        os.utime(images / "images" / f"{name}.caibx", (past, past))

    ended = prune(images, roots=[{"url": "images", "keep_last": 2}])

    assert ended.statistics["indexes_removed"] == 1
    assert not (images / "images" / "third.caibx").exists()
    assert set(chunks(images)) == needed(images, "first", "second")


def test_indexes_that_go_are_deletions_too(images: Workspace) -> None:
    for name in ("second", "third"):
        os.utime(images / "images" / f"{name}.caibx", (0, 0))
    before = set(images.path.rglob("*.ca*"))
    rules = [{"url": "images", "keep_last": 1}]
    (step,) = images.plan({"p": {"kind": "prune", "store": "store", "roots": rules, **NOW}}).steps
    going = sum(one.chunks for one in step.cost.deletes if one.what == "chunk")

    with pytest.raises(LimitError, match=r"^2 of 3 indexes of images would be removed, more than"):
        within(images, {"max_deletion_share": "66%"}, roots=rules)
    most = {"max_deletion_share": "90%", "max_deletions": going + 1}
    told = f"^{going} chunks and 2 indexes would be removed, more than max_deletions = {going + 1};"
    with pytest.raises(LimitError, match=told):
        within(images, most, roots=rules)
    assert set(images.path.rglob("*.ca*")) == before
    ended = within(images, {**most, "max_deletions": going + 2}, roots=rules)
    assert (ended["indexes_removed"], ended["chunks_removed"]) == (2, going)


def test_indexes_that_go_from_quarantine_count_for_the_limits(images: Workspace) -> None:
    aside = images / "images" / QUARANTINE / "20200101T000000Z"
    aside.mkdir(parents=True)
    (aside / "old.caibx").touch()

    with pytest.raises(
        LimitError, match=r"^1 quarantined index of 4 indexes of images in all would"
    ):
        within(images, {"max_deletion_share": "24%"}, roots=ROOTS, quarantine_for="30d")
    ended = within(images, {"max_deletion_share": "25%"}, roots=ROOTS, quarantine_for="30d")

    assert ended["indexes_purged"] == 1


def test_what_another_root_keeps_or_a_pin_names_is_not_removed(images: Workspace) -> None:
    for name in ("second", "third"):
        (images / "images" / f"{name}.caibx").touch()
    (images / "images" / "stable").mkdir()
    (images / "images" / "third.caibx").rename(images / "images" / "stable" / "third.caibx")
    (images / "pinned").symlink_to("images")
    before = set(images.path.rglob("*.ca*"))
    ended = prune(
        images,
        roots=[{"url": "images", "tombstones": ["*"]}, {"url": "./images/stable/"}],
        indexes=["images//first.caibx", "pinned/second.caibx"],
    )

    assert ended.summary == (0, "unchanged"), ended.message
    assert set(images.path.rglob("*.ca*")) == before


def test_what_is_added_through_a_link_to_the_store_comes_first(images: Workspace) -> None:
    (images / "link").symlink_to("store")
    make = {"kind": "make", "blob": "images/first", "index": "new.caibx", "store": "link"}
    one = {"kind": "prune", "store": "store", "roots": ROOTS, **NOW}

    planned = images.plan({"prune": one, "make": {**make, "chunk_size": SMALL}})

    assert [step.operation for step in planned.steps] == ["make", "prune"]


def test_nobody_adds_to_the_store_meanwhile(images: Workspace) -> None:
    (images / "images" / "third.caibx").unlink()
    before = chunks(images)
    fd = os.open(images / "store", os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_SH)  # as a writer has it

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("desync_jobs.execute.leasing._WAIT", 0.0)
        ended = prune(images)
    os.close(fd)

    assert ended.result.exit_code == 7
    assert chunks(images) == before
    assert prune(images).result.exit_code == 0


def test_what_was_put_aside_comes_back(images: Workspace) -> None:
    before = chunks(images)
    index = (images / "images" / "third.caibx").read_bytes()
    rules = [{"url": "images", "tombstones": ["third.caibx"]}]

    gone = prune(images, roots=rules, quarantine=True)
    left = set(chunks(images))
    back = images.do("unprune", store="store", indexes_of=["images"])

    assert left == needed(images, "first", "second")
    assert gone.only.reason.endswith(", no rule keeps 1 index; what goes now is put aside")
    assert gone.statistics["chunks_put_aside"] == gone.statistics["chunks_removed"]
    assert gone.statistics["indexes_put_aside"] == 1
    assert back.statistics == {
        "chunks_brought_back": gone.statistics["chunks_removed"],
        "indexes_brought_back": 1,
    }
    assert chunks(images) == before
    assert (images / "images" / "third.caibx").read_bytes() == index
    again = images.do("unprune", store="store", indexes_of=["images"])
    assert again.summary == (0, "unchanged")


@pytest.mark.parametrize("quarantine", [False, True])
def test_the_lease_is_looked_at_before_each_chunk_that_goes(
    images: Workspace, monkeypatch: pytest.MonkeyPatch, quarantine: bool
) -> None:
    """A process may stand still between any two requests, and be taken for dead."""
    (images / "images" / "third.caibx").unlink()
    before = set(chunks(images))
    looks = iter([None] * 3)

    def check(_lease: object) -> None:
        if next(looks, "lost") is not None:
            raise LockedError("store store: this run's lease was lost")

    monkeypatch.setattr("desync_jobs.stores.leases.directory.DirectoryLease.check", check)
    ended = prune(images, quarantine=quarantine)

    assert ended.result.exit_code == LockedError.exit_code
    assert len(before - needed(images, "first", "second")) > 3
    assert len(before - set(chunks(images))) == 3


def test_an_index_comes_back_only_where_all_its_chunks_are(images: Workspace) -> None:
    """Whatever the quarantine is listed as having, no index is there that cannot be read."""
    gone = [{"url": "images", "tombstones": ["third.caibx"]}]
    pruned = prune(images, roots=gone, quarantine=True)
    lost = next((images / "store" / QUARANTINE).rglob("*.cacnk"))
    data = lost.read_bytes()
    lost.unlink()

    back = images.do("unprune", store="store", indexes_of=["images"])
    there = sorted(path.name for path in (images / "images").glob("*.caibx"))
    lost.write_bytes(data)
    again = images.do("unprune", store="store", indexes_of=["images"])

    assert pruned.statistics["indexes_removed"] == 1
    assert back.result.exit_code == MissingError.exit_code
    assert back.message == (
        f"{images.path}/images/third.caibx stays in quarantine: store store lacks chunks that it "
        "has; run again where a listing may have been late, or store them again"
    )
    assert there == ["first.caibx", "second.caibx"]
    assert again.statistics == {"chunks_brought_back": 1, "indexes_brought_back": 1}


def test_an_index_that_is_published_while_another_of_its_name_comes_back_is_not_lost(
    images: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = ((images / "images" / f"{name}.caibx").read_bytes() for name in ("third", "first"))
    rules = [{"url": "images", "tombstones": ["third.caibx"]}]
    prune(images, roots=rules, quarantine=True)
    appears = HeldLeases.index_appears

    def published(leases: HeldLeases, url: str) -> None:
        appears(leases, url)
        (images / "images" / "third.caibx").write_bytes(new)

    monkeypatch.setattr(HeldLeases, "index_appears", published)
    # What asks first is slower than the other publisher.
    monkeypatch.setattr(DirectoryPlace, "sizes", lambda _, names: [None] * len(names))
    back = images.do("unprune", store="store", indexes_of=["images"])

    assert back.statistics["indexes_brought_back"] == 0
    assert (images / "images" / "third.caibx").read_bytes() == new
    (aside,) = (images / "images" / QUARANTINE).rglob("third.caibx")
    assert aside.read_bytes() == old


def test_an_index_that_is_put_aside_is_never_lost_to_another_of_its_name(images: Workspace) -> None:
    index = images / "images" / "third.caibx"
    rules = [{"url": "images", "tombstones": ["third.caibx"]}]
    held = images / "images" / QUARANTINE
    versions = [(images / "images" / f"{name}.caibx").read_bytes() for name in BLOBS]
    for stamp, data in zip(("20300101T000000Z", "20310101T000000Z"), versions, strict=False):
        (held / stamp).mkdir(parents=True)
        (held / stamp / "third.caibx").write_bytes(data)
    prune(images, roots=rules, quarantine=True)  # before those by its time

    def unprune() -> tuple[Any, bytes, set[bytes]]:
        ended = images.do("unprune", store="store", indexes_of=["images"])
        left = {path.read_bytes() for path in held.rglob("*.caibx")}
        return ended.summary, index.read_bytes(), left

    first, second, third = versions
    assert unprune() == ((0, "done"), second, {first, third})
    assert unprune() == ((0, "unchanged"), second, {first, third})
    index.unlink()
    assert unprune() == ((0, "done"), first, {third})


def test_indexes_among_the_chunks_come_back_where_they_are_asked_for(images: Workspace) -> None:
    index = images / "store" / "third.caibx"
    (images / "images" / "third.caibx").rename(index)
    places = [*ROOTS, {"url": "store", "tombstones": ["third.caibx"], "golden": ["second.caibx"]}]
    (images / "store" / "second.caibx").write_bytes(
        (images / "images" / "second.caibx").read_bytes()
    )
    prune(images, roots=places, quarantine=True)
    every = prune(images, roots=[{"url": "."}])
    chunks_only = images.do("unprune", store="store")
    there = index.exists()
    both = images.do("unprune", store="store", indexes_of=["store"])

    assert every.result.exit_code == 0, every.message
    assert (chunks_only.statistics["indexes_brought_back"], there) == (0, False)
    assert chunks_only.statistics["chunks_brought_back"] > 0
    assert both.statistics == {"chunks_brought_back": 0, "indexes_brought_back": 1}
    assert index.exists()


def test_chunks_in_quarantine_that_are_needed_again_come_back_by_themselves(
    images: Workspace,
) -> None:
    before = chunks(images)
    index = (images / "images" / "third.caibx").read_bytes()
    (images / "images" / "third.caibx").unlink()
    prune(images, quarantine=True)
    (images / "images" / "third.caibx").write_bytes(index)

    ended = prune(images, quarantine=True)

    assert ended.statistics["chunks_brought_back"] > 0
    assert chunks(images) == before


def test_the_quarantine_is_listed_once_for_each_look(
    images: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = (images / "images" / "third.caibx").read_bytes()
    (images / "images" / "third.caibx").unlink()
    moved = prune(images, quarantine=True).statistics["chunks_removed"]
    (images / "images" / "third.caibx").write_bytes(index)
    listed: list[tuple[str, str]] = []
    real = DirectoryPlace.entries

    def entries(place: DirectoryPlace, prefix: str) -> Iterator[ObjectEntry]:
        listed.append((place.name, prefix))
        return real(place, prefix)

    monkeypatch.setattr(DirectoryPlace, "entries", entries)
    ended = prune(images, quarantine=True, quarantine_for="0s")

    assert sum(prefix == QUARANTINE for _, prefix in listed) == 4  # of the store and of the root
    assert {listed.count(one) for one in listed if one[1] == QUARANTINE} == {2}
    assert ended.statistics["chunks_brought_back"] == moved > 0
    assert ended.statistics["chunks_purged"] == 0


def test_a_bucket_is_pruned_and_verified_in_the_same_way_in_parts(
    workspace: Workspace, s3: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    far = f"{s3}/in-parts"
    workspace.places["store"] = {"url": f"{far}/chunks"}
    (workspace / "images").mkdir()
    for name in ("first", "third"):
        (workspace / "images" / name).write_bytes(BLOBS[name])
        make(workspace, name)
    open_remote(f"{far}/chunks").put([("0000/notes", b"x"), ("g", b"x")], "text/plain")
    verified = workspace.do("verify", store="store").statistics
    (workspace / "images" / "third.caibx").unlink()
    operations = {"p": {"kind": "prune", "store": "store", "roots": ROOTS, **NOW}}
    whole = saved_plan(workspace.plan(operations), "job", ()).text()
    for module, name in ((marking, "CUT"), (verify, "_CUT")):
        monkeypatch.setattr(module, name, Cut(least=1, most=8))

    assert workspace.do("verify", store="store").statistics == verified
    assert saved_plan(workspace.plan(operations), "job", ()).text() == whole
    assert prune(workspace).statistics["chunks_removed"] > 0
    assert names(open_remote(f"{far}/chunks")) == needed(workspace, "first")


@pytest.mark.parametrize("grace", ["0s", "1h"])
def test_a_store_that_is_looked_at_in_parts_is_pruned_in_the_same_way(
    images: Workspace, monkeypatch: pytest.MonkeyPatch, grace: str
) -> None:
    (images / "images" / "third.caibx").unlink()
    prune(images, grace="1h")
    operations = {"p": {"kind": "prune", "store": "store", "roots": ROOTS, "grace": grace}}
    marks = images / "store" / "desync-run" / "marks"
    monkeypatch.setattr(operation, "time", SimpleNamespace(time=lambda: 4e9))
    plans, left = [], []
    for cut in (Cut(least=1, most=1), Cut(least=1, most=8), Cut(least=1, most=256)):
        monkeypatch.setattr(marking, "CUT", cut)
        plans.append(saved_plan(images.plan(operations), "job", ()).text())
        shutil.copytree(images / "store", images / f"store{cut.most}")
        prune(images, grace=grace)
        left.append((chunks(images), marks.exists() and marks.read_bytes()))
        shutil.rmtree(images / "store")
        (images / f"store{cut.most}").rename(images / "store")

    assert plans[0] == plans[1] == plans[2]
    assert left[0] == left[1] == left[2]
    assert len(left[0][0]) == len(needed(images, "first", "second"))


def test_the_quarantine_ends(images: Workspace) -> None:
    (images / "images" / "third.caibx").unlink()
    moved = prune(images, quarantine=True).statistics["chunks_removed"]
    (folder,) = (images / "store" / QUARANTINE).iterdir()
    folder.rename(folder.parent / "20200101T000000Z")

    early = prune(images, quarantine_for="3650d")
    ended = prune(images, quarantine_for="30d")

    assert (early.statistics["chunks_purged"], early.only.reason) == (0, "no chunk is to go now")
    assert ended.statistics["chunks_purged"] == moved
    assert not any(path.is_file() for path in (images / "store" / QUARANTINE).rglob("*"))


def test_what_goes_for_good_counts_for_the_limits(images: Workspace) -> None:
    (images / "images" / "third.caibx").unlink()
    moved = prune(images, quarantine=True).statistics["chunks_removed"]
    (folder,) = (images / "store" / QUARANTINE).iterdir()
    folder.rename(folder.parent / "20200101T000000Z")
    every = len(chunks(images)) + moved
    before = chunk_files(images / "store")

    def purge(**limits: object) -> Mapping[str, object]:
        return within(images, limits, roots=ROOTS, quarantine_for="30d")

    with pytest.raises(LimitError, match=f"^{moved} quarantined chunks would be removed, more"):
        purge(max_deletions=moved - 1)
    part = f"^{moved} quarantined chunks of {every} chunks of store store in all would be removed, "
    with pytest.raises(LimitError, match=part):
        purge(max_deletion_share="5%")
    assert chunk_files(images / "store") == before
    assert purge(max_deletions=moved)["chunks_purged"] == moved


def test_what_goes_for_good_is_planned_indexes_among_it(images: Workspace) -> None:
    rules = [{"url": "images", "tombstones": ["third.caibx"]}]
    moved = prune(images, roots=rules, quarantine=True).statistics["chunks_removed"]
    for place in ("store", "images"):
        (folder,) = (images / place / QUARANTINE).iterdir()
        folder.rename(folder.parent / "20200101T000000Z")
    (images / "images" / QUARANTINE / "20990101T000000Z").mkdir()
    (images / "images" / QUARANTINE / "20990101T000000Z" / "new\n.caibx").touch()
    fields: dict[str, Any] = {"store": "store", "roots": ROOTS, **NOW, "quarantine_for": "30d"}
    planned = images.plan({"prune": {"kind": "prune", **fields}}).steps[0]
    ended = images.do("prune", **fields)

    assert planned.changes
    assert planned.reason.endswith(
        f", {moved + 1:,} in quarantine have been there for quarantine_for"
    )
    facts, detail = planned.facts, planned.detail_as(PruneDetail)
    assert isinstance(facts, PruneFacts)
    lines = list(deletions(detail, facts))
    assert [one for one in lines if one.startswith("quarantined images")] == [
        "quarantined images: 20200101T000000Z/third.caibx"
    ]
    assert len([one for one in lines if one.startswith("quarantined store ")]) == moved
    assert (ended.statistics["chunks_purged"], ended.statistics["indexes_purged"]) == (moved, 1)
    held = (path for path in images.path.rglob(f"{QUARANTINE}**/*") if path.is_file())
    assert [path.name for path in held] == ["new\n.caibx"]


def test_what_is_no_chunk_of_the_store_is_left_alone(images: Workspace) -> None:
    store = images / "store"
    (images / "images" / "third.caibx").unlink()
    name = bytes(32).hex()
    others = [
        store / "notes.txt",
        store / "0000" / f"{name}.cacnk.aes-256-gcm-50d64035",
        store / "0000" / f"{name}.12ab.tmp",
        store / "0000" / "README",
    ]
    (store / "0000").mkdir(exist_ok=True)
    for path in others:
        path.write_bytes(b"x")

    prune(images)

    assert all(path.exists() for path in others)


@pytest.mark.parametrize(
    "form",
    [
        {"compression": "none"},
        {"encryption": {"key": {"env": "PRUNE_KEY"}}},
        {"compression": "none", "encryption": {"key": {"env": "PRUNE_KEY"}}},
    ],
)
def test_chunks_of_every_form_are_seen_as_what_they_are(
    images: Workspace, form: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRUNE_KEY", "00" * 32)
    shutil.rmtree(images / "store")
    images.places["store"] = {"url": "store", **form}
    for name in ("first", "second", "third"):
        make(images, name)
    (images / "images" / "third.caibx").unlink()

    assert prune(images).summary == (0, "done")

    for name in ("first", "second"):
        out = images.do("extract", index=f"images/{name}.caibx", target="out", stores=["store"])
        assert out.result.exit_code == 0
        assert (images / "out").read_bytes() == BLOBS[name]
    assert prune(images).summary == (0, "unchanged")


def test_damaged_marks_are_told_and_nothing_is_removed(images: Workspace) -> None:
    (images / "images" / "third.caibx").unlink()
    prune(images, grace="1h")
    marks = images / "store" / "desync-run" / "marks"
    overwrite(marks, b"damaged")
    before = chunks(images)

    ended = prune(images)

    assert ended.result.exit_code == 4
    assert "desync-run/marks: damaged" in ended.message
    assert chunks(images) == before


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    with running_moto() as server, pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        yield server.place("here")


@pytest.fixture(scope="module")
def sftp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    directory = tmp_path_factory.mktemp("sftp")
    with running_sshd(directory / "server") as sshd, pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(make_home(sshd, directory / "home")))
        patch.delenv("SSH_AUTH_SOCK", raising=False)
        yield sshd.url("sftp", directory / "served")


@pytest.fixture
def memory() -> str:
    return f"memory://prune-{time.time_ns()}"


@pytest.fixture(params=["s3", "sftp", "memory"])
def far(request: pytest.FixtureRequest) -> str:
    """The URL of a place with nothing in it."""
    place: str = request.getfixturevalue(request.param)
    return place


def names(place: ObjectPlace) -> set[str]:
    return {entry.name for entry in place.entries("") if entry.name.endswith(".cacnk")}


def test_stores_and_indexes_elsewhere_are_pruned_in_the_same_way(
    workspace: Workspace, far: str
) -> None:
    workspace.places["store"] = {"url": f"{far}/chunks"}
    for name in ("first", "second", "third"):
        (workspace / name).write_bytes(BLOBS[name])
        fields = {"blob": name, "index": f"{far}/images/{name}.caibx", "chunk_size": SMALL}
        assert workspace.do("make", store="store", **fields).result.exit_code == 0
    place = open_remote(f"{far}/chunks")
    open_remote(f"{far}/images").delete(["third.caibx"])
    roots = [{"url": f"{far}/images"}]
    before = names(place)

    moved = prune(workspace, roots=roots, quarantine=True)
    kept = {name for name in names(place) if not name.startswith(QUARANTINE)}
    back = workspace.do("unprune", store="store")
    removed = prune(workspace, roots=roots)

    assert moved.summary == (0, "done")
    assert moved.statistics["chunks_removed"] == len(before) - len(kept) > 0
    assert back.statistics["chunks_brought_back"] == moved.statistics["chunks_removed"]
    assert removed.statistics["chunks_removed"] == moved.statistics["chunks_removed"]
    assert names(place) == kept
    for name in ("first", "second"):
        workspace.do(
            "extract", index=f"{far}/images/{name}.caibx", target=f"{name}.out", stores=["store"]
        )
        assert (workspace / f"{name}.out").read_bytes() == BLOBS[name]


def test_chunks_that_stay_for_what_was_published_lately_are_told_with_their_indexes(
    workspace: Workspace, memory: str
) -> None:
    workspace.places["store"] = {"url": f"{memory}/chunks"}
    ids = {}
    for name in ("first", "second", "third"):
        (workspace / name).write_bytes(BLOBS[name])
        fields = {"blob": name, "index": f"{memory}/images/{name}.caibx", "chunk_size": SMALL}
        assert workspace.do("make", store="store", **fields).result.exit_code == 0
        data = open_remote(f"{memory}/images").get([f"{name}.caibx"], 1 << 20)[0]
        assert isinstance(data, bytes)
        ids[name] = set(ids_of(parse_index(data, name)))
    place = open_remote(f"{memory}/chunks")
    before = names(place)

    alone = prune(workspace, roots=[], indexes=[f"{memory}/images/first.caibx"])
    left = names(place)
    open_remote(f"{memory}/images").delete(["third.caibx"])
    every = prune(workspace, roots=[{"url": f"{memory}/images"}])

    kept = len((ids["second"] | ids["third"]) - ids["first"])
    urls = [f"{memory}/images/{name}.caibx" for name in ("second", "third")]
    assert alone.summary == (0, "unchanged")
    assert alone.statistics["chunks_kept_lately"] == kept > 0
    assert alone.statistics["indexes_lately"] == 2
    assert alone.statistics["published_lately"] == urls
    assert alone.warnings == [
        f"keeps {kept} chunks that no index of this job needs, for 2 indexes published in the last"
        " day: " + " and ".join(urls)
    ]
    assert left == before
    assert every.summary == (0, "done")
    assert every.statistics["chunks_kept_lately"] == 0
    assert every.statistics["published_lately"] == []
    assert every.warnings == []


def test_an_index_that_came_back_is_known_to_whom_no_listing_shows_it(
    workspace: Workspace, memory: str
) -> None:
    workspace.places["store"] = {"url": f"{memory}/chunks"}
    for name in ("first", "second"):
        (workspace / name).write_bytes(BLOBS[name])
        fields = {"blob": name, "index": f"{memory}/images/{name}.caibx", "chunk_size": SMALL}
        assert workspace.do("make", store="store", **fields).result.exit_code == 0
    place = open_remote(f"{memory}/chunks")
    roots = [{"url": f"{memory}/images", "tombstones": ["second.*"]}]
    prune(workspace, roots=roots, quarantine=True)
    # Those that make has noted are over.
    place.delete([entry.name for entry in place.entries("desync-run/leases/")])

    back = workspace.do("unprune", store="store", indexes_of=[f"{memory}/images"])
    after = prune(workspace, roots=[], indexes=[f"{memory}/images/first.caibx"])

    assert back.statistics["indexes_brought_back"] == 1
    assert after.statistics["published_lately"] == [f"{memory}/images/second.caibx"]
    assert after.statistics["chunks_removed"] == 0


def test_an_index_that_is_not_removed_is_needed_though_no_rule_keeps_it(
    images: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is published between plan and deed was not planned to go, so it stays whole."""
    index = (images / "images" / "third.caibx").read_bytes()
    (images / "images" / "third.caibx").unlink()
    planned = operation.do_prune

    def do_prune(*arguments: Any) -> Any:
        (images / "images" / "third.caibx").write_bytes(index)
        return planned(*arguments)

    monkeypatch.setattr(operation, "do_prune", do_prune)
    ended = prune(images, roots=[{"url": "images", "tombstones": ["third.*"]}])

    assert ended.statistics["chunks_removed"] == 0
    assert ended.statistics["indexes_removed"] == 0
    assert set(chunks(images)) == needed(images, "first", "second", "third")


@pytest.mark.parametrize(("reads", "left"), [("either", False), ("own", True)])
def test_chunks_of_the_other_form_are_removed_too_unless_the_store_has_one_alone(
    images: Workspace, reads: str, left: bool
) -> None:
    (images / "images" / "third.caibx").unlink()
    plain = chunk_file(images / "store", b"\x01" * 32, "")
    plain.parent.mkdir()
    plain.write_bytes(b"plain")
    images.places["store"] = {"url": "store", "reads": reads}
    ended = prune(images)

    assert ended.summary == (0, "done")
    assert plain.exists() is left
