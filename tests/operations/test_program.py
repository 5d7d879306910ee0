"""What scripts written for desync rely on: command lines, what they print, exit codes."""

import json
import subprocess
import sys
from collections.abc import Callable
from subprocess import CompletedProcess

import pytest

from desync_jobs.formats.index import Index
from tests.blobs import blob
from tests.workspace import Workspace, chunk_file, ids_of

Run = Callable[..., CompletedProcess[bytes]]

FIRST = blob("first")


@pytest.fixture
def made(workspace: Workspace) -> Index:
    """The index of `blob`; its chunks are in two stores, whose names have commas."""
    workspace.places.update({"near": {"url": "a,b"}, "far": {"url": "c,d"}})
    index = workspace.make("blob", FIRST, store="near")
    for number, chunk_id in enumerate(sorted(set(ids_of(index)))):
        if number % 2:
            target = chunk_file(workspace / "c,d", chunk_id)
            target.parent.mkdir(parents=True, exist_ok=True)
            chunk_file(workspace / "a,b", chunk_id).rename(target)
    return index


def test_two_stores_a_cache_and_one_worker(
    workspace: Workspace, made: Index, desync_run: Run
) -> None:
    (workspace / "cache").mkdir()
    places = ("-s", "a,b", "-s", "c,d", "-c", "cache", "-n", "1", "--print-stats")
    ended = desync_run("extract", *places, "blob.caibx", "copy")
    again = desync_run("extract", *places, "blob.caibx", "copy")
    statistics = json.loads(ended.stdout)

    assert (ended.returncode, ended.stderr) == (0, b"")
    assert (workspace / "copy").read_bytes() == FIRST
    assert statistics["chunks-total"] == len(made)
    assert statistics["chunks-from-store"] == len(set(ids_of(made))) - 1
    assert statistics["chunks-from-store"] + statistics["chunks-from-seeds"] == len(made)
    assert (statistics["chunks-in-place"], statistics["bytes-total"]) == (0, len(FIRST))
    assert (again.returncode, again.stderr) == (0, b"")
    assert json.loads(again.stdout) == statistics | {
        "chunks-from-store": 0,
        "chunks-from-seeds": 0,
        "chunks-in-place": len(made),
        "bytes-copied-from-seeds": 0,
        "blocksize": json.loads(again.stdout)["blocksize"],
    }


def test_figures_have_desyncs_names_in_desyncs_order(
    workspace: Workspace, made: Index, desync_run: Run
) -> None:
    del made
    ended = desync_run("info", "-s", "a,b", "-s", "c,d", "blob.caibx")

    assert ended.returncode == 0
    assert list(json.loads(ended.stdout)) == [
        "total",
        "unique",
        "in-store",
        "in-seed",
        "in-cache",
        "not-in-seed-nor-cache",
        "size",
        "dedup-size-not-in-seed",
        "dedup-size-not-in-seed-nor-cache",
        "dedup-size-not-in-seed-nor-cache-compressed",
        "chunk-size-min",
        "chunk-size-avg",
        "chunk-size-max",
    ]
    assert workspace.do("info", index="blob.caibx", stores=["near", "far"]).output == ended.stdout


def test_sizes_are_counted_in_kib(workspace: Workspace, made: Index, desync_run: Run) -> None:
    del made
    ended = desync_run("make", "-m", "2:8:32", "again.caibx", "blob")

    assert ended.returncode == 0
    assert (workspace / "again.caibx").read_bytes() == (workspace / "blob.caibx").read_bytes()


@pytest.mark.parametrize(
    "arguments",
    [
        ("make", "-n", "0", "new.caibx", "blob"),
        ("make", "-m", "0:0:0", "new.caibx", "blob"),
        ("extract", "blob.caibx", "new"),
        ("extract", "-s", "a,b", "blob.caibx", "./blob.caibx"),
        ("cat", "-s", "a,b", "-o", "-1", "blob.caibx", "new"),
        ("cache", "-s", "a,b", "blob.caibx"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_meant_is_refused_with_64(
    workspace: Workspace, made: Index, desync_run: Run, arguments: tuple[str, ...]
) -> None:
    del made
    before = {path.name for path in workspace.path.iterdir()}
    ended = desync_run(*arguments)

    assert (ended.returncode, ended.stdout) == (64, b"")
    assert ended.stderr.startswith(b"desync-run: ")
    assert {path.name for path in workspace.path.iterdir()} == before


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("extract", "-s", "a,b", "absent.caibx", "new"), 5),
        (("extract", "-s", "a,b", "blob.caibx", "new"), 5),
        (("extract", "-s", "absent", "blob.caibx", "new"), 1),
        (("verify-index", "blob.caibx", "other"), 4),
        (("make", "new.caibx", "absent"), 1),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else str(value),
)
def test_the_exit_code_tells_what_went_wrong(
    workspace: Workspace, made: Index, desync_run: Run, arguments: tuple[str, ...], code: int
) -> None:
    del made
    (workspace / "other").write_bytes(b"!" + FIRST[1:])
    ended = desync_run(*arguments)

    assert (ended.returncode, ended.stdout) == (code, b"")
    assert len(ended.stderr.splitlines()) == 1
    assert not (workspace / "new").exists()


def test_an_extraction_imports_no_more_than_it_uses(workspace: Workspace) -> None:
    workspace.make("blob", FIRST)
    arguments = ["extract", "-s", "store", "blob.caibx", "copy"]
    code = (
        "import sys; from desync_jobs.cli.main import main;"
        f"code = main({arguments!r});"
        "heavy = {'asyncio', 'cryptography', 'nacl', 'numpy.ma', 'pycurl', 'rich', 'subprocess'};"
        "sys.exit(f'{code} {heavy & set(sys.modules)}')"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=workspace.path, capture_output=True, check=False
    )

    assert ended.stderr.decode() == "0 set()\n"


@pytest.mark.parametrize(
    "arguments",
    [["untar", "tree.catar", "copy"], ["list", "tree.catar"], ["tar", "new.catar", "tree"]],
    ids=lambda arguments: arguments[0],
)
def test_an_archive_that_is_a_file_takes_neither_numpy_nor_what_is_about_chunks(
    workspace: Workspace, arguments: list[str]
) -> None:
    (workspace / "tree").mkdir()
    workspace.do("tar", directory="tree", archive="tree.catar")
    code = (
        "import sys; from desync_jobs.cli.main import main;"
        f"code = main({arguments!r});"
        "others = ('formats.index', 'formats.tar', 'execute.blob_range', 'planner.holdings',"
        " 'manifest.operations.extract', 'assembly.cutting', 'stores.local', 'stores.open',"
        " 'stores.leases.ledger', 'stores.objects.base');"
        "found = ['numpy'] if 'numpy' in sys.modules else [];"
        "found += [one for one in others if f'desync_jobs.{one}' in sys.modules];"
        "sys.exit(f'{code} {found}')"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=workspace.path, capture_output=True, check=False
    )

    assert ended.stderr.decode() == "0 []\n"
