"""Extractions through stores of which some fail while others serve: whom they ask, how often."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Any

import pytest

from tests.servers.scripted import Received, Reply, scripted_server
from tests.servers.web import Spoil, Web, plainly
from tests.vectors.inputs import ctr
from tests.workspace import Ended, Workspace, chunk_file, chunk_files, overwrite

BLOB = ctr(3 << 20, b"groups")
QUICK = {"attempts": 1, "backoff": "1ms", "timeout": "10s"}
NAMES = ("a", "b", "c")
EXTRACT: Mapping[str, Any] = {"index": "blob.caibx", "target": "out"}


class Webs:
    """The stores `a`, `b` and `c`: each a server of its own over the same chunks."""

    def __init__(self, workspace: Workspace, servers: ExitStack) -> None:
        self.workspace = workspace
        self.index = workspace.make("blob", BLOB)
        self.chunks = len({self.index.id(at) for at in range(len(self.index))})
        self.of = {name: Web(workspace / "store") for name in NAMES}
        for name, web in self.of.items():
            server = servers.enter_context(scripted_server(otherwise=web))
            workspace.places[name] = {"url": server.url, "policy": QUICK}

    def spoil(self, **spoils: Spoil) -> None:
        for name, spoil in spoils.items():
            self.of[name].spoil = spoil

    def extract(self, *stores: str, **fields: Any) -> Ended:
        return self.workspace.do("extract", stores=list(stores), **EXTRACT, **fields)

    def given(self, ended: Ended) -> dict[str, int]:
        """Return how many chunks each store gave."""
        return {name: one["chunks"] for name, one in ended.statistics["stores"].items()}


@pytest.fixture
def webs(workspace: Workspace) -> Iterator[Webs]:
    with ExitStack() as servers:
        yield Webs(workspace, servers)


def down(request: Received, right: Reply, turn: int) -> Reply:
    del request, right, turn
    return Reply(500)


class UpAfter:
    """Fails the first `up` requests, and every one after the first `down`."""

    def __init__(self, up: int, down: int = 1 << 30) -> None:
        self.number = 0
        self._up = range(up, down)

    def __call__(self, request: Received, right: Reply, turn: int) -> Reply | None:
        del request, right, turn
        self.number += 1
        return None if self.number - 1 in self._up else Reply(500)


def group(workspace: Workspace, fail_back: str = "30s") -> None:
    workspace.groups["all"] = {"members": list(NAMES), "fail_back": fail_back}


def test_a_group_whose_members_fail_in_turn_serves_all_the_same(webs: Webs) -> None:
    group(webs.workspace)
    # The first is down, the second goes down in the middle.
    webs.spoil(a=down, b=UpAfter(0, 130))
    ended = webs.extract("all")

    given = webs.given(ended)
    assert ended.summary == (0, "done"), ended.message
    assert (webs.workspace / "out").read_bytes() == BLOB
    assert sum(given.values()) == webs.chunks
    assert given["a"] == 0
    assert 0 < given["b"] <= 130
    assert given["c"] == webs.chunks - given["b"]
    assert [warning.split(":")[1].strip() for warning in ended.warnings] == ["store a", "store b"]
    assert all("; the other members are asked" in one for one in ended.warnings)
    # Two threads, each with no more than what is in flight at once: not one request a chunk.
    assert webs.of["a"].asked.total() <= 2 * 64
    assert webs.of["c"].repeated == 0


def test_a_member_that_is_well_again_is_gone_back_to_and_told(webs: Webs) -> None:
    group(webs.workspace, fail_back="1ms")
    webs.spoil(a=UpAfter(1))
    ended = webs.extract("all")

    assert ended.summary == (0, "done"), ended.message
    assert (webs.workspace / "out").read_bytes() == BLOB
    assert webs.given(ended)["a"] > 0
    assert sum(webs.given(ended).values()) == webs.chunks
    assert "HTTP 500" in ended.warnings[0]
    assert ended.warnings[1] == "failover group all: a answers again"


def test_a_group_of_which_all_fail_says_so_once_and_names_the_last(webs: Webs) -> None:
    group(webs.workspace)
    webs.spoil(a=down, b=down, c=down)
    ended = webs.extract("all")

    assert ended.summary == (1, "failed")
    assert ended.message.startswith("failover group all: store ")
    assert "HTTP 500 Internal Server Error" in ended.message
    assert len(ended.warnings) == 3
    assert not (webs.workspace / "out").exists()


def test_two_members_that_take_turns_in_failing_are_as_good_as_one(webs: Webs) -> None:
    group(webs.workspace, fail_back="1ms")
    webs.of["c"].root = webs.workspace / "nothing"

    def failing_once(remainder: int) -> Spoil:
        """Fail the first request for each third chunk."""
        return lambda request, _, turn: (
            Reply(500) if not turn and int(request.target[1:5], 16) % 3 == remainder else None
        )

    webs.spoil(a=failing_once(0), b=failing_once(1))
    ended = webs.extract("all")

    assert ended.summary == (0, "done"), ended.message
    assert (webs.workspace / "out").read_bytes() == BLOB
    assert webs.given(ended)["a"] + webs.given(ended)["b"] == webs.chunks


def test_a_store_that_may_be_skipped_is_and_is_told_once(webs: Webs) -> None:
    webs.workspace.places["a"]["on_error"] = "skip"
    webs.spoil(a=down)
    ended = webs.extract("a", "b")

    assert ended.summary == (0, "done"), ended.message
    assert webs.given(ended) == {"a": 0, "b": webs.chunks}
    assert (webs.workspace / "out").read_bytes() == BLOB
    (warning,) = ended.warnings
    assert warning.startswith("store a: cannot read ")
    assert warning.endswith("; the store is passed over")


def test_what_a_skipped_store_may_have_is_not_called_missing(webs: Webs) -> None:
    webs.workspace.places["a"]["on_error"] = "skip"
    webs.of["b"].root = webs.workspace / "nothing"
    webs.spoil(a=down)
    ended = webs.extract("a", "b")

    assert ended.summary == (1, "failed")
    assert ended.message.startswith("store a: cannot read ")
    assert not (webs.workspace / "out").exists()


def test_a_store_that_may_not_be_skipped_ends_the_run(webs: Webs) -> None:
    webs.spoil(a=down)
    ended = webs.extract("a", "b")

    assert ended.summary == (1, "failed")
    assert ended.message.startswith("store a: cannot read ")
    assert webs.of["b"].asked.total() == 0


def test_a_slow_store_is_raced_by_the_next_one(webs: Webs) -> None:
    webs.workspace.places["a"]["hedge_after"] = "50ms"
    webs.spoil(a=lambda _, right, __: Reply(body=right.body, after=1.0))
    ended = webs.extract("a", "b")

    assert ended.summary == (0, "done"), ended.message
    assert (webs.workspace / "out").read_bytes() == BLOB
    assert ended.statistics["stores"]["b"]["chunks"] == webs.chunks


def test_a_store_that_is_quick_is_not_raced(webs: Webs) -> None:
    webs.workspace.places["a"]["hedge_after"] = "10s"
    ended = webs.extract("a", "b")

    assert ended.summary == (0, "done"), ended.message
    assert webs.given(ended) == {"a": webs.chunks, "b": 0}
    assert webs.of["b"].asked.total() == 0


def test_a_chunk_that_is_damaged_in_one_store_is_taken_from_another(webs: Webs) -> None:
    chunk = webs.index.id(7).hex()
    webs.spoil(a=lambda one, _, __: Reply(body=b"garbage") if chunk in one.target else None)
    ended = webs.extract("a", "b")

    assert ended.summary == (0, "done"), ended.message
    assert (webs.workspace / "out").read_bytes() == BLOB
    assert webs.given(ended) == {"a": webs.chunks - 1, "b": 1}
    assert webs.of["b"].read() == {f"{chunk}.cacnk"}


def test_a_damaged_chunk_of_the_cache_is_mended_from_afar(webs: Webs) -> None:
    workspace = webs.workspace
    first = webs.extract("a", cache="near")
    bad = [chunk_file(workspace / "near", webs.index.id(at)) for at in (3, 100, 200)]
    right = chunk_files(workspace / "near")
    for path, content in zip(bad, (b"", b"garbage", bad[0].read_bytes()), strict=True):
        overwrite(path, content)
    (workspace / "out").unlink()
    webs.of["a"].asked.clear()
    again = webs.extract("a", cache="near")

    assert [first.summary, again.summary] == [(0, "done")] * 2
    assert (workspace / "out").read_bytes() == BLOB
    assert webs.of["a"].read() == {path.name for path in bad}
    assert chunk_files(workspace / "near") == right


def test_a_cache_that_may_not_grow_stays_small_and_serves(webs: Webs) -> None:
    workspace = webs.workspace
    limit = 1 << 20
    workspace.places["near"] = {"url": "near", "max_size": limit}
    group(workspace)
    webs.spoil(a=UpAfter(0, 200))
    ended = [webs.extract("all", cache="near")]
    sizes = [sum(map(len, chunk_files(workspace / "near").values()))]
    (workspace / "out").unlink()
    webs.spoil(a=plainly)
    ended.append(webs.extract("all", cache="near"))
    sizes.append(sum(map(len, chunk_files(workspace / "near").values())))

    assert [one.summary for one in ended] == [(0, "done")] * 2
    assert (workspace / "out").read_bytes() == BLOB
    assert all(limit // 2 < size <= limit for size in sizes)
    assert chunk_files(workspace / "near").items() <= chunk_files(workspace / "store").items()
