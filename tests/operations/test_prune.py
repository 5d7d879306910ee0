"""Nothing that an index needs is ever removed, and nothing at all where that is not sure."""

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from typing import Any

import pytest

from desync_jobs.errors import LimitError
from desync_jobs.execute.operations import prune as operation
from desync_jobs.execute.quarantine import QUARANTINE
from desync_jobs.formats.index import Index
from desync_jobs.stores.objects.base import ObjectPlace
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
        ("missing index", 5, "gone.caibx: index does not exist; nothing is removed"),
    ],
)
def test_nothing_is_removed_where_it_is_not_sure_what_is_needed(
    images: Workspace, spoil: str, code: int, told: str
) -> None:
    before = chunks(images)
    folder = images / "images"
    fields: dict[str, Any] = {}
    if spoil == "no directory":
        shutil.rmtree(folder)
    elif spoil in ("no indexes", "another index"):
        for path in folder.glob("*.caibx"):
            path.unlink()
    if spoil == "another index":
        images.make("alien", b"x" * 100_000, store="elsewhere")
        (images / "alien.caibx").rename(folder / "alien.caibx")
    if spoil == "damaged index":
        (folder / "first.caibx").write_bytes((folder / "first.caibx").read_bytes()[:-1])
    if spoil == "missing index":
        fields["indexes"] = ["images/gone.caibx"]

    ended = prune(images, **fields)

    assert ended.result.exit_code == code, ended.message
    assert told in ended.message
    assert chunks(images) == before


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
    assert back.statistics == {
        "chunks_brought_back": gone.statistics["chunks_removed"],
        "indexes_brought_back": 1,
    }
    assert chunks(images) == before
    assert (images / "images" / "third.caibx").read_bytes() == index
    again = images.do("unprune", store="store", indexes_of=["images"])
    assert again.summary == (0, "unchanged")


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


def test_the_quarantine_ends(images: Workspace) -> None:
    (images / "images" / "third.caibx").unlink()
    moved = prune(images, quarantine=True).statistics["chunks_removed"]
    (folder,) = (images / "store" / QUARANTINE).iterdir()
    folder.rename(folder.parent / "20200101T000000Z")

    assert prune(images, quarantine_for="3650d").statistics["chunks_purged"] == 0
    ended = prune(images, quarantine_for="30d")

    assert ended.statistics["chunks_purged"] == moved
    assert not any(path.is_file() for path in (images / "store" / QUARANTINE).rglob("*"))


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
