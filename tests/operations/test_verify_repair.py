"""`verify` that repairs, samples, reports, and goes on after an interruption."""

import json
import random
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from desync_jobs.assembly.cancel import Cancel
from desync_jobs.errors import ChunkInvalidError
from desync_jobs.execute import stock_parts
from desync_jobs.formats.index import Index
from desync_jobs.stores import leasing
from desync_jobs.stores import open as opening
from desync_jobs.stores.base import BATCH_CHUNKS, ChunkStore, StoredEntry
from desync_jobs.testing.faulty import FaultyStore
from tests.blobs import blob
from tests.workspace import How, Workspace, chunk_file, chunk_files, ids_of, overwrite, stamps


@pytest.fixture
def made(workspace: Workspace) -> Index:
    """The index of a blob whose chunks are in `store`, and in `good` as well."""
    index = workspace.make("blob", blob("first"))
    shutil.copytree(workspace / "store", workspace / "good")
    return index


def damage(workspace: Workspace, ids: Sequence[bytes], store: str = "store") -> list[str]:
    for chunk_id in ids:
        overwrite(chunk_file(workspace / store, chunk_id), b"damage")
    return sorted(one.hex() for one in ids)


def some(index: Index, step: int = 5) -> list[bytes]:
    return sorted(set(ids_of(index)))[::step]


@pytest.fixture
def examined(monkeypatch: pytest.MonkeyPatch) -> Counter[bytes]:
    """How often each chunk file was read."""
    counted: Counter[bytes] = Counter()
    plainly = opening.open_store

    class Counting(FaultyStore):
        def examine(self, entries: Sequence[StoredEntry]) -> list[ChunkInvalidError | None]:
            counted.update(entry.id for entry in entries)
            return super().examine(entries)

    def open_store(*arguments: Any) -> ChunkStore:
        return Counting(plainly(*arguments))

    monkeypatch.setattr(opening, "open_store", open_store)
    return counted


def test_damaged_chunks_are_replaced_from_another_store(workspace: Workspace, made: Index) -> None:
    whole = chunk_files(workspace / "store")
    bad = damage(workspace, some(made))
    ended = workspace.do("verify", store="store", repair_from=["good"], report="r.json")
    again = workspace.do("verify", store="store")

    assert ended.summary == (0, "done")
    assert (ended.statistics["damaged"], ended.statistics["replaced"]) == (bad, len(bad))
    assert chunk_files(workspace / "store") == whole
    assert [one["action"] for one in json.loads((workspace / "r.json").read_bytes())] == [
        "replaced"
    ] * len(bad)
    assert ended.warnings[0] == (
        f"store store: chunk {bad[0]} is invalid: it is neither zstd nor xz nor gzip; replaced"
    )
    assert again.summary == (0, "done")


def test_what_no_source_has_stays_and_is_told(workspace: Workspace, made: Index) -> None:
    lost, spoilt, kept = some(made)[:3]
    damage(workspace, [lost, spoilt, kept])
    chunk_file(workspace / "good", lost).unlink()
    damage(workspace, [spoilt], "good")
    ended = workspace.do("verify", store="store", repair_from=["good"], report="-")
    found = {one["chunk"]: one for one in json.loads(ended.output)}

    assert ended.summary == (4, "failed")
    assert ended.message == (
        "store store: 2 chunks are damaged, and cannot be had from good: "
        + " and ".join(sorted([lost.hex(), spoilt.hex()]))
    )
    assert ended.statistics["replaced"] == 1
    assert found[kept.hex()]["action"] == "replaced"
    assert found[lost.hex()]["reason"].endswith("; good lacks it")
    assert "; so is that of good: " in found[spoilt.hex()]["reason"]
    assert chunk_file(workspace / "store", lost).read_bytes() == b"damage"


def test_a_group_and_a_store_whose_chunks_nobody_verifies_give_good_copies_only(
    workspace: Workspace, made: Index
) -> None:
    bad = some(made)[:2]
    damage(workspace, bad)
    damage(workspace, bad[:1], "good")
    shutil.copytree(workspace / "good", workspace / "other")
    workspace.places["good"] = {"skip_verify": True}
    workspace.groups["both"] = {"members": ["good", "other"]}
    ended = workspace.do("verify", store="store", repair_from=["both"])

    assert ended.summary == (4, "failed")
    assert ended.statistics["replaced"] == 1


def test_a_store_that_is_not_to_be_verified_is_verified(workspace: Workspace, made: Index) -> None:
    workspace.places["store"] = {"skip_verify": True, "compression": "none", "reads": "either"}
    chunk_file(workspace / "store", made.id(3)).unlink()
    chunk_file(workspace / "store", made.id(3), "").write_bytes(b"another text")
    ended = workspace.do("verify", store="store")

    assert ended.summary == (4, "failed")
    assert ended.statistics["damaged"] == [made.id(3).hex()]


def test_a_sample_is_a_part_of_the_chunks(workspace: Workspace) -> None:
    workspace.make("blob", blob("first"), chunk_size="64B:256B:1KiB")
    total = len(chunk_files(workspace / "store"))
    runs = [workspace.do("verify", store="store", sample=f"{share}%") for share in (1, 30, 30, 100)]
    counts = [one.statistics["chunks"] for one in runs]

    assert [one.statistics["chunks_in_store"] for one in runs] == [total] * 4
    assert counts[0] < 0.1 * total
    assert 0.15 * total < counts[1] < 0.45 * total
    assert counts[3] == total


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"sample": "0%"}, "sample: 0% checks nothing"),
        ({"repair": True, "repair_from": ["good"]}, "repair: removes what repair_from would"),
        ({"repair_from": ["store"]}, "repair_from.0: 'store' is the store that is checked"),
        ({"progress": "p", "report": "p"}, "report: is the file of progress too"),
    ],
)
def test_keys_that_contradict_each_other_are_refused(
    workspace: Workspace, fields: dict[str, Any], problem: str
) -> None:
    with pytest.raises(Exception, match=problem):
        workspace.do("verify", store="store", **fields)


def test_the_same_damage_has_the_same_report(workspace: Workspace, made: Index) -> None:
    bad = damage(workspace, some(made))
    for name, workers in (("one", 1), ("two", 4)):
        workspace.do("verify", How(workers=workers), store="store", report=name)
    sound = workspace.do("verify", store="good", report="-")
    report = json.loads((workspace / "one").read_bytes())

    assert (workspace / "one").read_bytes() == (workspace / "two").read_bytes()
    assert report == [
        {
            "chunk": chunk,
            "problem": "damaged",
            "store": "store",
            "reason": "it is neither zstd nor xz nor gzip",
            "action": "none",
            "form": "compressed",
            "size": 6,
        }
        for chunk in bad
    ]
    assert sound.output == b"[]\n"


def test_no_more_is_removed_than_limits_allow(
    workspace: Workspace, made: Index, desync_run: Any
) -> None:
    ids = sorted(set(ids_of(made)))
    bad = damage(workspace, ids[: len(ids) // 2 + 1])
    before = stamps(workspace / "store")
    ended = workspace.do("verify", store="store", repair=True, progress="p", report="r")
    kept = stamps(workspace / "store") == before
    options = ("--progress", "p", "--max-deletion-share", "100%", "--json")
    allowed = desync_run("verify", "-s", "store", "--repair", *options)
    (after,) = json.loads(allowed.stdout)["operations"]

    assert ended.summary == (8, "failed")
    assert "more than max_deletion_share = 50%; nothing is removed" in ended.message
    assert kept
    assert ended.statistics["damaged"] == bad
    assert len(json.loads((workspace / "r").read_bytes())) == len(bad)
    assert allowed.returncode == 4
    assert after["statistics"]["removed"] == len(bad)
    assert after["statistics"]["chunks_before"] == after["statistics"]["chunks"] == len(ids)
    assert not (workspace / "p").exists()


def test_a_damaged_chunk_that_somebody_replaces_before_its_removal_stays(
    workspace: Workspace, made: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = some(made)[:2]
    damage(workspace, [first, second])
    plainly = leasing.take_lease

    def publish_meanwhile(*arguments: Any) -> Any:
        path = chunk_file(workspace / "store", first)
        overwrite(path, chunk_file(workspace / "good", first).read_bytes())
        return plainly(*arguments)

    monkeypatch.setattr(leasing, "take_lease", publish_meanwhile)
    ended = workspace.do("verify", store="store", repair=True)

    assert ended.summary == (4, "failed")
    assert ended.statistics["removed"] == 1
    assert chunk_file(workspace / "store", first).exists()
    assert not chunk_file(workspace / "store", second).exists()


class StopAfter(FaultyStore):
    """A store during whose n-th batch the run is asked to stop."""

    def __init__(self, inner: ChunkStore, cancel: Cancel, batches: int) -> None:
        super().__init__(inner)
        self._stop = cancel
        self._left = batches

    def examine(self, entries: Sequence[StoredEntry]) -> list[ChunkInvalidError | None]:
        self._left -= 1
        if not self._left:
            self._stop.stop("SIGINT")
        return super().examine(entries)


@pytest.mark.parametrize("in_parts", [False, True])
def test_an_interrupted_verification_goes_on_where_it_was(
    workspace: Workspace,
    examined: Counter[bytes],
    monkeypatch: pytest.MonkeyPatch,
    *,
    in_parts: bool,
) -> None:
    data = random.Random(1).randbytes(40_000 if in_parts else 500_000)
    index = workspace.make("blob", data, chunk_size="64B:256B:1KiB")
    total = len(chunk_files(workspace / "store"))
    batches = total // 4 if in_parts else total // BATCH_CHUNKS // 3 + 3
    if in_parts:
        monkeypatch.setattr("desync_jobs.execute.operations.verify._CUT", stock_parts.Cut(least=1))
    bad = damage(workspace, some(index, 40))
    whole = workspace.do("verify", store="store", report="whole")
    examined.clear()
    counting = opening.open_store
    fields = {"store": "store", "progress": "p", "report": "r"}
    codes: list[int] = []
    while True:
        cancel = Cancel()

        def open_store(*arguments: Any, cancel: Cancel = cancel) -> ChunkStore:
            return StopAfter(counting(*arguments), cancel, batches)

        with monkeypatch.context() as patch:
            patch.setattr(opening, "open_store", open_store)
            ended = workspace.do("verify", How(cancel=cancel, workers=1), **fields)
        codes.append(ended.result.exit_code)
        if codes[-1] != 130 or len(codes) == 20:
            break
        assert (workspace / "p").exists()
        assert not (workspace / "r").exists()

    assert len(codes) > 1
    assert ended.summary == (4, "failed")
    assert ended.statistics["damaged"] == bad == whole.statistics["damaged"]
    assert ended.statistics["chunks"] == total == len(examined)
    assert sum(examined.values()) <= total + (len(codes) - 1) * 3 * BATCH_CHUNKS
    assert (workspace / "r").read_bytes() == (workspace / "whole").read_bytes()
    assert not (workspace / "p").exists()


_KILLED = """
import os, signal, sys
from desync_jobs.execute import examining, verification
from desync_jobs.cli.main import main

verification._EVERY = verification._SHARE = 0
examine, left = examining.Examining.examine, [6]

def examine_or_die(self, entries):
    left[0] -= 1
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
    return examine(self, entries)

examining.Examining.examine = examine_or_die
sys.argv = ["desync-run", "verify", "-s", "store", "--progress", "p", "-n", "1"]
main()
"""
"""The program, killed as it begins the sixth batch, which writes its progress after each."""


def test_a_verification_that_was_killed_goes_on_where_it_was(
    workspace: Workspace, examined: Counter[bytes]
) -> None:
    index = workspace.make("blob", random.Random(1).randbytes(200_000), chunk_size="64B:256B:1KiB")
    bad = damage(workspace, some(index, 40))
    killed = subprocess.run(
        [sys.executable, "-c", _KILLED], cwd=workspace.path, capture_output=True, check=False
    )
    before = json.loads((workspace / "p").read_bytes())
    ended = workspace.do("verify", store="store", progress="p")
    total = len(chunk_files(workspace / "store"))

    assert killed.returncode == -signal.SIGKILL
    assert before["chunks"] > 0
    assert ended.statistics["chunks_before"] == before["chunks"]
    assert sum(examined.values()) == total - before["chunks"]
    assert ended.statistics["damaged"] == bad
    assert not (workspace / "p").exists()


def test_progress_of_something_else_is_refused(workspace: Workspace, made: Index) -> None:
    damage(workspace, sorted(set(ids_of(made))))
    workspace.do("verify", store="store", repair=True, progress="p")
    (workspace / "q").write_bytes(b"a shopping list")
    other = workspace.do("verify", store="good", repair=True, progress="p")
    sampled = workspace.do("verify", store="store", repair=True, progress="p", sample="5%")
    foreign = workspace.do("verify", store="good", progress="q")

    assert other.message.endswith(
        "p: is the progress of another verification, with another store; "
        "remove it, or name another file"
    )
    assert "with another sample" in sampled.message
    assert foreign.message.endswith(
        "q: is not the progress of a verification; remove it, or name another file"
    )
    assert (workspace / "q").read_bytes() == b"a shopping list"


def test_the_command_repairs_from_a_group_and_reports(
    workspace: Workspace, made: Index, desync_run: Any, tmp_path: Path
) -> None:
    (bad,) = damage(workspace, [made.id(4)])
    (tmp_path / "none").mkdir()
    options = ("--repair-from", "none|good", "--sample", "100%", "--report", "-")
    ended = desync_run("verify", "-s", "store", *options)

    assert ended.returncode == 0
    assert [one["chunk"] for one in json.loads(ended.stdout)] == [bad]
