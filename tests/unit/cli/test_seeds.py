"""`--seed`, `--seed-dir` and what goes with them, as scripts for desync write them."""

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import click
import pytest

from desync_jobs.cli.main import main
from desync_jobs.cli.seeds import declared_seeds
from tests.operations.seeded import NEW, OLD, index_file, put_pair
from tests.workspace import Workspace


class Ended(NamedTuple):
    code: int
    out: str
    err: str


Run = Callable[..., Ended]


@pytest.mark.parametrize(
    ("text", "index", "blob"),
    [
        ("old.caibx", "old.caibx", "old"),
        ("/srv/a:b/old.img.caibx", "/srv/a:b/old.img.caibx", "/srv/a:b/old.img"),
        ("old.caibx:/dev/sda2", "old.caibx", "/dev/sda2"),
        ("index:blob:reserved", "index", "blob"),
        ("index:blob:", "index", "blob"),
        ("index:blob:a:b", "index", "blob"),
        ("index:blob.caibx", "index:blob.caibx", "index:blob"),
    ],
)
def test_a_seed_is_an_index_with_its_blob_beside_it_or_named(
    text: str, index: str, blob: str
) -> None:
    assert declared_seeds([text], []) == [{"index": index, "blob": blob}]


@pytest.mark.parametrize("text", ["", "old", ":", "old:", ":blob", ":blob:more", "old.caidx"])
def test_a_seed_without_an_index_or_a_blob_is_refused(text: str) -> None:
    with pytest.raises(click.UsageError) as refused:
        declared_seeds([text], [])

    assert refused.value.message == (
        f"--seed {text}: give an index that ends in .caibx, INDEX:BLOB, or a directory"
    )


def test_a_directory_is_a_tree_even_where_its_name_looks_like_an_index(tmp_path: Path) -> None:
    (tmp_path / "x.caibx").mkdir()

    assert declared_seeds([f"{tmp_path}/x.caibx"], []) == [{"tree": f"{tmp_path}/x.caibx"}]


def test_seeds_come_before_directories_each_in_their_order() -> None:
    assert declared_seeds(["b.caibx", "a.caibx"], ["d", "c"]) == [
        {"index": "b.caibx", "blob": "b"},
        {"index": "a.caibx", "blob": "a"},
        {"directory": "d"},
        {"directory": "c"},
    ]
    assert declared_seeds([], []) == []


CORRUPTED = OLD[:50_000] + b"damage" + OLD[50_006:]
SHORTER = NEW[:300_000] + NEW[310_000:]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pairs good and bad, as desync's own tests have them; `new` is what is extracted."""
    workspace = Workspace(tmp_path_factory.mktemp("data"))
    workspace.make("new", NEW)
    workspace.make("old", OLD, store="old.store")
    put_pair(workspace / "corrupted", CORRUPTED, OLD)
    put_pair(workspace / "wrong-index", NEW, SHORTER)
    (workspace / "no-data.caibx").write_bytes(index_file(OLD))
    (workspace / "no-data-of-new.caibx").write_bytes(index_file(NEW))
    (workspace / "empty").mkdir()
    return workspace.path


@pytest.fixture
def extract(
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Run:
    """Extract to `out` with some arguments, `@` standing for the folder of the data."""
    monkeypatch.chdir(tmp_path)

    def run(arguments: str, index: str = "new") -> Ended:
        given = arguments.replace("@", f"{data}/").split()
        code = main(["extract", *given, f"{data}/{index}.caibx", "out"])
        return Ended(code, *capfd.readouterr())

    return run


@pytest.mark.parametrize(
    "arguments",
    [
        "-s @store --seed @old.caibx",
        "-s @store --seed @old.caibx --seed @new.caibx",
        "-s @store --seed-dir @ --skip-invalid-seeds",
        "-s @store --seed @no-data.caibx:@old",
        "-s @store --seed @no-data.caibx:@old:reserved",
        "-s @store --seed @no-data.caibx:@old --seed @no-data-of-new.caibx:@new",
        "-s @store --seed @no-data.caibx:@old --seed @new.caibx",
        "-s @store --seed @corrupted.caibx --skip-invalid-seeds",
        "-s @empty --seed @corrupted.caibx --seed @new.caibx --skip-invalid-seeds",
        "-s @store --seed @new.caibx --seed-dir @",
        "-s @empty --seed @corrupted.caibx --seed @new.caibx",
        "-s @empty --seed @new.caibx",
        "-s @store --seed @corrupted.caibx --regenerate-invalid-seeds",
        "-s @empty --seed @wrong-index.caibx --regenerate-invalid-seeds",
        "-k -s @store --seed @corrupted.caibx --regenerate-invalid-seeds -n 1",
    ],
)
def test_what_works_with_desync_works(extract: Run, arguments: str) -> None:
    ended = extract(arguments)

    assert (ended.code, ended.out) == (0, ""), ended.err
    assert Path("out").read_bytes() == NEW


@pytest.mark.parametrize(
    ("arguments", "index", "code", "said"),
    [
        ("-s @store --seed @corrupted.caibx", "new", 4, "is not what its index says"),
        ("-s @store --seed @nothing", "new", 64, "give an index that ends in .caibx"),
        ("-s @store --seed @nothing.caibx:@old", "new", 5, "nothing.caibx: index does not exist"),
        ("-s @store --seed @no-data.caibx", "new", 1, "no-data: blob does not exist"),
        (
            "-s @empty --seed @corrupted.caibx --seed @new.caibx",
            "old",
            4,
            "is not what its index says",
        ),
        ("-s @old.store --seed @wrong-index.caibx", "old", 4, "is not what its index says"),
        (
            "-s @old.store --seed @wrong-index.caibx --seed @new.caibx",
            "old",
            4,
            "is not what its index says",
        ),
        (
            "-s @store --seed @old.caibx --regenerate-invalid-seeds --skip-invalid-seeds",
            "new",
            64,
            "give --skip-invalid-seeds or --regenerate-invalid-seeds, not both",
        ),
        ("-s @store --seed-dir @nowhere", "new", 1, "nowhere is not a directory"),
        ("--seed @new.caibx", "new", 64, "missing option '-s'"),
    ],
)
def test_what_fails_with_desync_fails_with_one_clear_error(
    extract: Run, arguments: str, index: str, code: int, said: str
) -> None:
    ended = extract(arguments, index)

    assert ended.code == code, ended.err
    assert said in ended.err
    assert "Traceback" not in ended.err
    assert not Path("out").exists()


def test_statistics_count_seeds_and_what_came_from_them(extract: Run) -> None:
    ended = extract("-s @empty --seed @new.caibx --print-stats")
    statistics = json.loads(ended.out)

    assert ended.code == 0
    assert statistics["seeds"] == 2
    assert statistics["chunks-from-store"] == 0
    assert statistics["chunks-from-seeds"] == statistics["chunks-total"]
    assert statistics["bytes-total"] == len(NEW)


def test_a_skipped_seed_is_a_warning_on_standard_error(extract: Run) -> None:
    ended = extract("-s @store --seed @corrupted.caibx --skip-invalid-seeds")

    assert ended.code == 0
    assert "is not what its index says: taken from elsewhere: 1 chunk\n" in ended.err


def test_a_printed_manifest_declares_the_seeds(extract: Run) -> None:
    ended = extract(
        "-s store --seed a.caibx --seed i:b --seed-dir d --skip-invalid-seeds --print-manifest"
    )
    manifest = tomllib.loads(ended.out)

    assert ended.code == 0
    assert manifest["seeds"] == {
        "seed-1": {"index": "a.caibx", "blob": "a"},
        "seed-2": {"index": "i", "blob": "b"},
        "seed-3": {"directory": "d"},
    }
    assert manifest["operations"]["extract"]["seeds"] == ["seed-1", "seed-2", "seed-3"]
    assert manifest["operations"]["extract"]["invalid_seeds"] == "skip"


@pytest.mark.parametrize("arguments", ["--seed @new.caibx", "--seed-dir @"])
def test_a_stream_takes_what_seeds_have(
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    arguments: str,
) -> None:
    """The store has nothing; the index is another file than that of the seed."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wanted.caibx").write_bytes((data / "new.caibx").read_bytes())
    given = arguments.replace("@", f"{data}/").split()
    code = main(["cat", "-s", f"{data}/empty", *given, "wanted.caibx", "out"])

    assert code == 0, capfd.readouterr().err
    assert (tmp_path / "out").read_bytes() == NEW
