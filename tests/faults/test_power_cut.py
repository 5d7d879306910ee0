"""The order in which a run makes things durable, as the kernel is asked: what refers comes last."""

import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from desync_jobs.testing.programs import require_program
from tests.vectors.inputs import ctr
from tests.workspace import Workspace

CALLS = "syncfs,sync,fsync,fdatasync,rename,renameat,renameat2,link,linkat"
UNFINISHED = "<unfinished ...>"
PATH = re.compile(r'"([^"]*)"|<([^<>"]*)>')


@dataclass(frozen=True)
class Call:
    """One system call: when it began and ended, by line of the trace, and on what."""

    name: str
    began: int
    ended: int
    paths: tuple[str, ...]
    """Of its arguments: descriptors as the files they are."""


class Trace:
    """What a run asked of the kernel, in order."""

    def __init__(self, lines: list[str], folder: Path) -> None:
        self.folder = folder
        self.calls: list[Call] = []
        unfinished: dict[str, tuple[int, str]] = {}
        for number, line in enumerate(lines):
            process, _, text = line.partition(" ")
            text = text.strip()
            if text.endswith(UNFINISHED):
                unfinished[process] = number, text.removesuffix(UNFINISHED)
            elif text.startswith("<..."):
                began, text = unfinished.pop(process)
                self._add(text, began, number)
            elif "(" in text:
                self._add(text, number, number)

    def _add(self, text: str, began: int, ended: int) -> None:
        name, _, arguments = text.partition("(")
        found = [quoted or known for quoted, known in PATH.findall(arguments)]
        paths = tuple(path.removeprefix(f"{self.folder}/") for path in found)
        if not paths[-1].endswith(".pyc"):  # which Python keeps for itself
            self.calls.append(Call(name, began, ended, paths))

    def one(self, name: str, path: str) -> Call:
        """Return the only call of that name on that path."""
        (call,) = [one for one in self.calls if one.name == name and path in one.paths]
        return call

    def chunks(self, store: str) -> list[Call]:
        """Return the renames that gave chunks of `store` their names."""
        return [
            call
            for call in self.calls
            if call.name.startswith("rename") and call.paths[-1].startswith(f"{store}/")
        ]


@pytest.fixture
def traced(workspace: Workspace, environment: Mapping[str, str]) -> "Traced":
    return Traced(workspace.path, environment, require_program("strace"))


@dataclass(frozen=True)
class Traced:
    """Runs the program under strace."""

    folder: Path
    environment: Mapping[str, str]
    strace: str

    def __call__(self, *arguments: str) -> Trace:
        tracing = [self.strace, "-f", "-y", "-qq", "-s", "4096", "-o", "trace", "-e", CALLS]
        if subprocess.run([*tracing, "true"], cwd=self.folder, check=False).returncode:
            pytest.skip("this machine does not let strace trace")
        subprocess.run(
            [*tracing, sys.executable, "-m", "desync_jobs", *arguments],
            cwd=self.folder,
            env=self.environment,
            check=True,
        )
        return Trace((self.folder / "trace").read_text().splitlines(), self.folder)


def assert_in_order(*calls: Call) -> None:
    for earlier, later in pairwise(calls):
        assert earlier.ended < later.began, (earlier, later)


def assert_published(trace: Trace, hidden: str, name: str) -> Call:
    """The file was on the disk before its name was, and its name when the run ended."""
    folder = str(trace.folder)
    synced = trace.one("fsync", hidden)
    renamed = trace.one("rename", hidden)
    assert renamed.paths == (hidden, name)
    assert_in_order(synced, renamed, trace.one("fsync", folder))
    return renamed


def test_chunks_are_on_the_disk_before_the_index_that_names_them(
    traced: Traced, workspace: Workspace
) -> None:
    (workspace / "blob").write_bytes(ctr(5_000_000))
    trace = traced("make", "-s", "store", "blob.caibx", "blob")
    chunks = trace.chunks("store")
    renamed = assert_published(trace, ".blob.caibx.desync-run.tmp", "blob.caibx")
    synced = trace.one("syncfs", "store")

    assert len(chunks) == len(workspace.index("blob.caibx")) > 1
    assert max(call.ended for call in chunks) < synced.began
    assert_in_order(synced, renamed)


def test_chunks_of_a_run_that_was_killed_are_synced_by_the_next(
    traced: Traced, workspace: Workspace
) -> None:
    """They are found there, and nobody knows whether they are on the disk yet."""
    workspace.make("blob", ctr(100_000))
    (workspace / "blob.caibx").unlink()
    trace = traced("make", "-m", "2:8:32", "-s", "store", "blob.caibx", "blob")

    assert trace.chunks("store") == []
    assert_in_order(trace.one("syncfs", "store"), trace.one("rename", "blob.caibx"))


@pytest.mark.parametrize(
    "command",
    [
        ("chop", "-s", "filled", "blob.caibx", "blob"),
        ("cache", "-s", "store", "-c", "filled", "blob.caibx"),
    ],
    ids=["chop", "cache"],
)
def test_chunks_that_a_run_was_asked_to_keep_are_on_the_disk_when_it_ends(
    traced: Traced, workspace: Workspace, command: tuple[str, ...]
) -> None:
    index = workspace.make("blob", ctr(400_000))
    trace = traced(*command)
    chunks = trace.chunks("filled")

    assert len(chunks) == len(index)
    assert max(call.ended for call in chunks) < trace.one("syncfs", "filled").began


def test_a_target_is_on_the_disk_before_it_takes_its_name(
    traced: Traced, workspace: Workspace
) -> None:
    workspace.make("blob", ctr(100_000))
    trace = traced("extract", "-s", "store", "blob.caibx", "copy")

    assert_published(trace, ".copy.desync-run.tmp", "copy")
    assert len(trace.calls) == 3


@pytest.mark.parametrize("there", [False, True], ids=["new", "there"])
def test_a_target_in_place_is_on_the_disk_when_the_run_ends(
    traced: Traced, workspace: Workspace, there: bool
) -> None:
    workspace.make("blob", ctr(100_000))
    if there:
        (workspace / "copy").write_bytes(bytes(50_000))
    trace = traced("extract", "-k", "-s", "store", "blob.caibx", "copy")
    calls = [trace.one("fsync", "copy")]
    if not there:
        calls.append(trace.one("fsync", str(workspace.path)))

    assert_in_order(*calls)
    assert len(trace.calls) == len(calls)


def test_a_listing_is_on_the_disk_before_it_takes_its_name(
    traced: Traced, workspace: Workspace
) -> None:
    workspace.make("blob", ctr(100_000))
    (workspace / "job.toml").write_text(
        'version = 1\n[operations.a]\nkind = "list-chunks"\nindex = "blob.caibx"\noutput = "list"\n'
    )
    trace = traced("job.toml", "-q")

    assert_published(trace, ".list.desync-run.tmp", "list")
