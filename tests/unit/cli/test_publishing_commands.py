"""`desync-run migrate` and `desync-run publish`, as somebody uses them who reads their help."""

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.servers.nginx import free_port
from tests.vectors.inputs import ctr
from tests.workspace import chunk_files

Run = Callable[..., CompletedProcess[bytes]]

PUBLISH = ("publish", "v1.caibx", "-s", "build", "--to", "www", "--indexes-to", "images")


@pytest.fixture
def built(tmp_path: Path, desync_run: Run) -> Path:
    """A directory with a store `build` and two indexes."""
    for name in ("v1", "v2"):
        (tmp_path / name).write_bytes(ctr(60_000, name.encode()))
        (tmp_path / "build").mkdir(exist_ok=True)
        sizes = ("-m", "2:8:32")
        desync_run("make", f"{name}.caibx", name, "-s", "build", *sizes)
    return tmp_path


def told(ended: CompletedProcess[bytes]) -> tuple[int, str]:
    return ended.returncode, ended.stderr.decode().removeprefix("desync-run: ").rstrip("\n")


def test_a_release_goes_to_several_places_and_a_dry_run_says_so(
    built: Path, desync_run: Run
) -> None:
    command = (
        *PUBLISH, "--to", "far", "--indexes-to", "far-images", "--alias", "latest.caibx=v1.caibx",
        "--pointer", "LATEST=v1.caibx", "--head", "head.json",
    )  # fmt: skip
    dry = desync_run(*command, "--dry-run")
    before = sorted(path.name for path in built.iterdir())
    done = desync_run(*command, "--json")

    assert dry.returncode == 0
    assert (
        b"index v1.caibx, alias latest.caibx, pointer LATEST and head head.json to be written in "
        b"far-images and images\n"
    ) in dry.stdout
    assert b"for store mirror-1" in dry.stdout
    assert before == ["build", "v1", "v1.caibx", "v2", "v2.caibx"]
    (outcome,) = json.loads(done.stdout)["operations"]
    assert (done.returncode, outcome["statistics"]["files_written"]) == (0, 8)
    assert chunk_files(built / "images") == chunk_files(built / "far-images")
    assert chunk_files(built / "far") == chunk_files(built / "www")
    assert (built / "images" / "LATEST").read_text() == "v1.caibx\n"


def test_an_index_is_published_where_it_is(built: Path, desync_run: Run) -> None:
    command = (*PUBLISH[:-1], ".", "--alias", "latest.caibx=v1.caibx")

    assert told(desync_run(*command)) == (0, "")
    assert (built / "latest.caibx").read_bytes() == (built / "v1.caibx").read_bytes()
    assert b'"unchanged"' in desync_run(*command, "--json").stdout


WRONG = {
    ("--to", "a", "--to", "b"): (64, "give --to once, or once for each --indexes-to"),
    ("--pointer", "LATEST"): (64, "--pointer 'LATEST': write NAME=INDEX"),
    ("--alias", "a=v1.caibx", "--alias", "a=v1.caibx"): (
        64, "--alias 'a=v1.caibx': a is given twice",
    ),
    ("--alias", "latest.caibx=v2.caibx"): (
        64,
        ("command line: operations.publish.aliases.'latest.caibx': "
        "no index here is called 'v2.caibx'; there is v1.caibx"),
    ),
    ("--head", "a/b"): (
        64,
        ("command line: operations.publish.head: "
        "'a/b' is no plain name; it is the name of a file beside the indexes"),
    ),
    ("--head", "v1.caibx"): (
        64, "command line: operations.publish.head: 'v1.caibx' is the name of another file there",
    ),
    ("--indexes-to", "images/"): (
        64, "command line: operations.publish.mirrors.0.indexes_to: gets the same already",
    ),
}  # fmt: skip


@pytest.mark.parametrize("more", WRONG)
def test_a_mistake_in_what_is_published_is_told_in_a_line(
    built: Path, desync_run: Run, more: tuple[str, ...]
) -> None:
    assert told(desync_run(*PUBLISH, *more)) == WRONG[more]
    assert not (built / "images").exists()


def test_a_migration_is_shown_done_and_done_no_more(built: Path, desync_run: Run) -> None:
    (built / "images").mkdir()
    for name in ("v1", "v2"):
        (built / f"{name}.caibx").rename(built / "images" / f"{name}.caibx")
    command = (
        "migrate", "-s", "build", "--to", "new", "--root", "images", "--indexes-to", "moved",
        "--remove-gone", "--new-digest", "sha256", "--id-map", "ids", "--read-back",
        "--report", "report.json",
    )  # fmt: skip
    dry = desync_run(*command, "--dry-run", "--json")
    before = sorted(path.name for path in built.iterdir())
    done = desync_run(*command)
    again = desync_run(*command, "--dry-run")

    (step,) = json.loads(dry.stdout)["steps"]
    assert (step["action"], step["kind"]) == ("run", "migrate")
    assert before == ["build", "images", "v1", "v2"]
    assert told(done) == (0, "")
    assert again.returncode == 0
    assert again.stdout.endswith(b"Nothing to do.\n")
    copied = desync_run("extract", "-s", "new", "moved/v2.caibx", "copy")
    assert told(copied) == (0, "")
    assert (built / "copy").read_bytes() == (built / "v2").read_bytes()


def test_what_cannot_be_migrated_is_told_with_what_to_do(built: Path, desync_run: Run) -> None:
    place = f"127.0.0.1:{free_port()}"

    def migrated(*arguments: str) -> tuple[int, str]:
        return told(desync_run("migrate", "-s", "build", "-e", "1", *arguments))

    code, message = migrated("--to", f"oci+http://{place}/x", "v1.caibx")
    assert (code, "Could not connect to server" in message) == (1, True), message
    assert migrated("--to", "new", "--root", "nowhere") == (
        1, f"{built}/nowhere is not a directory; correct it or create it",
    )  # fmt: skip
    assert migrated("--to", "new", "v1.caibx", "--indexes-to", f"oci+http://{place}/x") == (
        64,
        (
            f"command line: operations.migrate.indexes_to: 'oci+http://{place}/x': an OCI registry "
            "keeps no indexes"
        ),
    )
