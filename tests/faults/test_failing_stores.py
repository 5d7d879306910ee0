"""A store that fails at its k-th call: nothing is published, and the error is the store's own."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from desync_jobs.errors import ChunkInvalidError, StoreError
from desync_jobs.stores import open as opening
from desync_jobs.stores.base import ChunkStore
from desync_jobs.testing.faulty import Fault, FaultyStore, Verb
from tests.vectors.inputs import ctr
from tests.workspace import SMALL, Ended, Workspace, chunk_files

BLOB = ctr(1 << 20, b"failing") * 12 + ctr(1_000_000, b"unique")
OLD = b"what was here before"
LOST = StoreError("store store: the connection was lost")

# Each operation, on a store called `store`, and what of it fails.
CASES: list[tuple[str, Verb, Mapping[str, Any]]] = [
    ("make", "put", {"index": "out", "blob": "blob", "store": "store", "chunk_size": SMALL}),
    ("make", "flush", {"index": "out", "blob": "blob", "store": "store", "chunk_size": SMALL}),
    ("chop", "presence", {"index": "blob.caibx", "blob": "blob", "store": "store"}),
    ("chop", "put", {"index": "blob.caibx", "blob": "blob", "store": "store"}),
    ("chop", "flush", {"index": "blob.caibx", "blob": "blob", "store": "store"}),
    ("cache", "put", {"indexes": ["blob.caibx"], "stores": ["origin"], "cache": "store"}),
    ("cache", "flush", {"indexes": ["blob.caibx"], "stores": ["origin"], "cache": "store"}),
    ("cache", "fetch", {"indexes": ["blob.caibx"], "stores": ["store"], "cache": "other"}),
    ("extract", "fetch", {"index": "blob.caibx", "target": "out", "stores": ["store"]}),
    (
        "extract",
        "put",
        {"index": "blob.caibx", "target": "out", "stores": ["origin"], "cache": "store"},
    ),
    ("cat", "fetch", {"index": "blob.caibx", "output": "out", "stores": ["store"]}),
    ("info", "presence", {"index": "blob.caibx", "output": "out", "stores": ["store"]}),
    (
        "inspect-chunks",
        "compressed_sizes",
        {"index": "blob.caibx", "output": "out", "store": "store"},
    ),
    ("verify", "examine", {"store": "store"}),
    ("verify", "entries", {"store": "store"}),
]


@pytest.fixture
def origin(workspace: Workspace) -> Workspace:
    """A blob whose chunks are in `origin`, and something else at `out`."""
    workspace.make("blob", BLOB, store="origin")
    (workspace / "out").write_bytes(OLD)
    (workspace / "other").mkdir()
    return workspace


@pytest.fixture
def wrapped(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[FaultyStore]]:
    """Put a store with faults in place of the one called `store`; returns those opened."""
    opened: list[FaultyStore] = []
    plainly = opening.open_store

    def wrap(*faults: Fault, answers: Mapping[bytes, Any] | None = None) -> list[FaultyStore]:
        def open_store(name: str, *rest: Any) -> ChunkStore:
            store = plainly(name, *rest)
            if name != "store":
                return store
            opened.append(FaultyStore(store, faults, answers))
            return opened[-1]

        monkeypatch.setattr(opening, "open_store", open_store)
        opened.clear()
        return opened

    return wrap


def prepared(workspace: Workspace, kind: str, verb: str) -> None:
    """Make `store` anew: full where it is read, empty where it is filled."""
    remove_store(workspace / "store")
    if verb in {"fetch", "compressed_sizes", "examine", "entries"} or kind == "info":
        done = workspace.do("cache", indexes=["blob.caibx"], stores=["origin"], cache="store")
        assert done.result.exit_code == 0
    else:
        (workspace / "store").mkdir(exist_ok=True)


def remove_store(store: Path) -> None:
    for name in chunk_files(store) if store.exists() else ():
        (store / name).unlink()


def calls(opened: list[FaultyStore], verb: str) -> int:
    return max(sum(call.verb == verb for call in store.calls) for store in opened)


def some(count: int) -> list[int]:
    """The first, the second, one in the middle and the last of `count` calls."""
    return sorted({1, min(2, count), (count + 1) // 2, count})


@pytest.mark.parametrize(("kind", "verb", "fields"), CASES)
def test_whichever_call_fails_nothing_is_published(
    origin: Workspace,
    wrapped: Callable[..., list[FaultyStore]],
    kind: str,
    verb: Verb,
    fields: Mapping[str, Any],
) -> None:
    prepared(origin, kind, verb)
    opened = wrapped()
    (origin / "out").unlink()
    assert origin.do(kind, **fields).result.exit_code == 0
    numbers = some(calls(opened, verb))
    (origin / "out").write_bytes(OLD)
    for number in numbers:
        wrapped()
        prepared(origin, kind, verb)
        remove_store(origin / "other")
        wrapped(Fault(verb, number, LOST, done=3))
        ended = origin.do(kind, **fields)

        assert ended.summary == (1, "failed"), number
        assert ended.message == str(LOST), number
        assert_nothing_half(origin)
    assert numbers[0] == 1


def assert_nothing_half(workspace: Workspace) -> None:
    """Nothing is visible, and nothing else left but what the next extraction goes on with."""
    assert (workspace / "out").read_bytes() == OLD
    hidden = {path.name for path in workspace.path.glob(".*")}
    for path in workspace.path.glob(".*"):
        path.unlink()
    kept = [{f".{name}.desync-run.tmp", f".{name}.desync-run.journal"} for name in ("out", "new")]
    assert hidden in [set(), *kept]
    assert list(workspace.path.rglob("*.tmp")) == []


@pytest.mark.parametrize(
    ("kind", "verb", "fields"), [case for case in CASES if case[1] in {"put", "fetch"}]
)
def test_a_defect_in_a_store_publishes_nothing_either(
    origin: Workspace,
    wrapped: Callable[..., list[FaultyStore]],
    kind: str,
    verb: Verb,
    fields: Mapping[str, Any],
) -> None:
    prepared(origin, kind, verb)
    wrapped(Fault(verb, 2, ZeroDivisionError("a defect")))
    with pytest.raises(ZeroDivisionError, match="a defect"):
        origin.do(kind, **fields)

    assert_nothing_half(origin)


@pytest.mark.parametrize("target", ["out", "new"])
@pytest.mark.parametrize("place", [0, 700, -1])
def test_a_chunk_that_a_store_has_wrong_is_named_with_it(
    origin: Workspace, wrapped: Callable[..., list[FaultyStore]], target: str, place: int
) -> None:
    prepared(origin, "extract", "fetch")
    index = origin.index("blob.caibx")
    chunk_id = index.id(place % len(index))
    wrapped(answers={chunk_id: ChunkInvalidError(chunk_id, "store", "it was made up")})
    ended = origin.do("extract", index="blob.caibx", target=target, stores=["store"])

    assert ended.summary == (4, "failed")
    assert ended.message == f"store store: chunk {chunk_id.hex()} is invalid: it was made up"
    assert not (origin / "new").exists()
    assert_nothing_half(origin)


@pytest.mark.parametrize("place", [0, 700, -1])
def test_a_chunk_that_no_store_has_is_named_with_all_of_them(origin: Workspace, place: int) -> None:
    prepared(origin, "extract", "fetch")
    index = origin.index("blob.caibx")
    chunk_id = index.id(place % len(index)).hex()
    for store in ("store", "origin"):
        (origin / store / chunk_id[:4] / f"{chunk_id}.cacnk").unlink()
    ended: Ended = origin.do(
        "extract", index="blob.caibx", target="out", stores=["store", "origin"]
    )

    assert ended.summary == (5, "failed")
    assert ended.message == f"chunk {chunk_id} is missing from store, origin"
    assert_nothing_half(origin)
