"""Directories of seeds: every index with its blob beside it, and nothing else is in the way."""

import os
import resource
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from desync_jobs.testing.programs import require_program
from tests.conftest import command_line
from tests.operations.seeded import NEW, OLD, OTHER, Expected, extract, index_file, put_pair
from tests.vectors.inputs import ctr
from tests.workspace import Ended, Workspace, ids_of


@pytest.fixture
def folder(release: Workspace) -> Path:
    """An empty directory, declared as the seed `all`."""
    (release / "seeds").mkdir()
    release.seeds["all"] = {"directory": "seeds"}
    return release / "seeds"


def done(release: Workspace, **fields: object) -> Ended:
    """Extract with the seeds of the directory; it must succeed, and in no time."""
    ended = extract(release, seeds=["all"], **fields)
    assert ended.summary == (0, "done"), ended.message
    assert (release / "copy").read_bytes() == NEW
    return ended


def fetched_with(release: Workspace, *blobs: bytes) -> dict[bytes, int]:
    """Return what is asked of the store where the seeds are these blobs."""
    held: set[bytes] = set()
    for blob in blobs:
        (release / "scratch").write_bytes(index_file(blob))
        held |= set(ids_of(release.index("scratch")))
    return dict.fromkeys(Expected(release.index("new.caibx"), NEW, held).fetched, 1)


def test_every_pair_is_a_seed_however_deep(
    release: Workspace, folder: Path, asked: Counter[bytes]
) -> None:
    (folder / "a" / "b" / "c").mkdir(parents=True)
    put_pair(folder / "old", OLD)
    put_pair(folder / "a" / "b" / "c" / "other.img", OTHER)
    put_pair(folder / "a" / "useless", ctr(50_000, b"useless"))
    put_pair(folder / "empty", b"")
    ended = done(release)

    assert ended.warnings == []
    assert ended.statistics["seeds"] == 1 + 4
    assert asked == fetched_with(release, OLD, OTHER)


def test_a_directory_without_seeds_is_no_failure(
    release: Workspace, folder: Path, asked: Counter[bytes]
) -> None:
    (folder / "old").write_bytes(OLD)
    ended = done(release)

    assert ended.warnings == []
    assert ended.statistics["seeds"] == 1
    assert asked == fetched_with(release)


def test_seeds_of_a_directory_come_by_name_and_are_called_by_their_paths(
    release: Workspace, folder: Path
) -> None:
    (folder / "sub").mkdir()
    put_pair(folder / "sub" / "second", OLD)
    put_pair(folder / "first", OLD)
    fields = {"index": "new.caibx", "target": "copy", "stores": ["store"], "seeds": ["all"]}
    plan = release.plan({"x": {"kind": "extract", **fields}})
    reads = {one.place: one.chunks for one in plan.steps[0].cost.reads}

    assert reads["seed all:first"] > 0
    assert reads["seed all:sub/second"] == 0


def put_index(path: Path) -> None:
    path.write_bytes(index_file(OTHER))


def index_of_folder(folder: Path) -> None:
    (folder / "x").mkdir()
    put_index(folder / "x.caibx")


def folder_like_index(folder: Path) -> None:
    (folder / "x.caibx").mkdir()
    (folder / "x").write_bytes(OTHER)


def pipe_like_index(folder: Path) -> None:
    os.mkfifo(folder / "x.caibx")
    (folder / "x").write_bytes(OTHER)


def pipe_like_blob(folder: Path) -> None:
    os.mkfifo(folder / "x")
    put_index(folder / "x.caibx")


def dead_link_like_index(folder: Path) -> None:
    (folder / "x.caibx").symlink_to("nowhere")
    (folder / "x").write_bytes(OTHER)


def dead_link_like_blob(folder: Path) -> None:
    (folder / "x").symlink_to("nowhere")
    put_index(folder / "x.caibx")


JUNK: dict[str, Callable[[Path], object]] = {
    "an index without a blob": lambda folder: put_index(folder / "x.caibx"),
    "a blob without an index": lambda folder: (folder / "x").write_bytes(OTHER),
    "an index of a folder": index_of_folder,
    "a folder like an index": folder_like_index,
    "a pipe like an index": pipe_like_index,
    "a pipe like a blob": pipe_like_blob,
    "an index without a name": lambda folder: put_index(folder / ".caibx"),
    "another suffix": lambda folder: put_pair(folder / "x", OTHER).rename(folder / "x.caidx"),
    "a dead link like an index": dead_link_like_index,
    "a dead link like a blob": dead_link_like_blob,
}


@pytest.mark.parametrize("policy", ["fail", "skip", "regenerate"])
@pytest.mark.parametrize("junk", JUNK)
def test_what_is_no_pair_is_passed_over_in_silence(
    release: Workspace, folder: Path, asked: Counter[bytes], junk: str, policy: str
) -> None:
    put_pair(folder / "old", OLD)
    JUNK[junk](folder)
    ended = done(release, invalid_seeds=policy)

    assert ended.warnings == []
    assert asked == fetched_with(release, OLD)


BROKEN: dict[str, bytes] = {
    "empty": b"",
    "text": b"not an index, by far" * 20,
    "cut short": index_file(OTHER)[:-17],
    "only a head": index_file(OTHER)[:64],
}


@pytest.mark.parametrize("broken", BROKEN)
def test_a_malformed_index_is_passed_over_and_said(
    release: Workspace, folder: Path, asked: Counter[bytes], broken: str
) -> None:
    put_pair(folder / "old", OLD)
    put_pair(folder / "x", OTHER)
    (folder / "x.caibx").write_bytes(BROKEN[broken])
    ended = done(release)

    assert len(ended.warnings) == 1
    assert ended.warnings[0].startswith(f"{folder}/x.caibx: ")
    assert ended.warnings[0].endswith("; it is not used as a seed")
    assert asked == fetched_with(release, OLD)


@pytest.mark.parametrize("name", ["x", "x.caibx"])
def test_a_loop_of_links_is_passed_over_and_said(
    release: Workspace, folder: Path, asked: Counter[bytes], name: str
) -> None:
    put_pair(folder / "old", OLD)
    put_pair(folder / "x", OTHER)
    (folder / name).unlink()
    (folder / name).symlink_to(name)
    ended = done(release)
    looping = f"{folder}/{name}: cannot be looked at: Too many levels of symbolic links"

    assert ended.warnings == [f"{looping}; it is not used as a seed"]
    assert asked == fetched_with(release, OLD)


def test_an_index_with_another_digest_is_passed_over_and_said(
    release: Workspace, folder: Path, asked: Counter[bytes]
) -> None:
    put_pair(folder / "old", OLD)
    release.make("other", OTHER, digest="sha256", store=None)
    for name in ("other", "other.caibx"):
        shutil.move(release / name, folder)
    ended = done(release)

    assert ended.warnings == ["seed all:other: has another digest than the index; it is not used"]
    assert asked == fetched_with(release, OLD)


def test_what_may_not_be_read_is_passed_over_and_said(
    release: Workspace, folder: Path, environment: Mapping[str, str]
) -> None:
    """Without the privileges of root, for whom no mode counts."""
    for name in ("index", "blob", "old"):
        put_pair(folder / name, OTHER if name != "old" else OLD)
    (folder / "locked").mkdir()
    put_pair(folder / "locked" / "image", OTHER)
    for name in ("index.caibx", "blob", "locked"):
        (folder / name).chmod(0)
    store = str(release.places["store"]["url"])
    program = ("extract", "new.caibx", "copy", "-s", store, "--seed-dir", "seeds")
    privileges: tuple[str, ...] = ()
    if os.geteuid() == 0:
        privileges = (require_program("setpriv"), "--bounding-set=-all", "--inh-caps=-all", "--")
    ended = subprocess.run(
        [*privileges, *command_line(program)],
        cwd=release.path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    (folder / "locked").chmod(0o700)

    assert ended.returncode == 0, ended.stderr
    assert (release / "copy").read_bytes() == NEW
    for warned in (
        f"{folder}/index.caibx: cannot be opened: Permission denied; it is not used as a seed",
        f"{folder}/blob: cannot be opened: Permission denied; it is not used as a seed",
        f"{folder}/locked: cannot be listed: Permission denied; no seed is taken from it",
    ):
        assert warned in ended.stderr


def test_links_to_directories_are_not_followed_and_make_no_loop(
    release: Workspace, folder: Path, asked: Counter[bytes]
) -> None:
    put_pair(folder / "old", OLD)
    (folder / "sub").mkdir()
    (folder / "sub" / "up").symlink_to("..")
    (folder / "self").symlink_to(".")
    (release / "elsewhere").mkdir()
    put_pair(release / "elsewhere" / "other", OTHER)
    (folder / "elsewhere").symlink_to("../elsewhere")
    ended = done(release)

    assert ended.warnings == []
    assert ended.statistics["seeds"] == 1 + 1
    assert asked == fetched_with(release, OLD)


def test_links_to_files_are_followed(
    release: Workspace, folder: Path, asked: Counter[bytes]
) -> None:
    put_pair(release / "elsewhere", OLD)
    (folder / "old").symlink_to("../elsewhere")
    (folder / "old.caibx").symlink_to("../elsewhere.caibx")
    done(release)

    assert asked == fetched_with(release, OLD)


def test_the_directory_itself_may_be_a_link(
    release: Workspace, folder: Path, asked: Counter[bytes]
) -> None:
    put_pair(folder / "old", OLD)
    (release / "link").symlink_to("seeds")
    release.seeds["all"] = {"directory": "link"}
    done(release)

    assert asked == fetched_with(release, OLD)


@pytest.mark.parametrize("there", [None, b"a file"])
def test_a_directory_that_is_none_is_refused(release: Workspace, there: bytes | None) -> None:
    release.seeds["all"] = {"directory": "nowhere"}
    if there is not None:
        (release / "nowhere").write_bytes(there)
    ended = extract(release, seeds=["all"], invalid_seeds="skip")

    assert ended.summary == (1, "failed")
    assert ended.message == (
        f"seed all: {release.path}/nowhere is not a directory; correct it or create it"
    )


@pytest.mark.parametrize("way", ["seeds", "link", "seeds/../seeds"])
def test_the_index_that_is_extracted_is_no_seed(
    release: Workspace, folder: Path, asked: Counter[bytes], way: str
) -> None:
    """The blob beside it is what is to be replaced."""
    shutil.move(release / "new.caibx", folder / "image.caibx")
    (folder / "image").write_bytes(OLD)
    (release / "link").symlink_to("seeds")
    release.seeds["all"] = {"directory": way}
    ended = extract(release, index="seeds/image.caibx", target="seeds/image", seeds=["all"])
    shutil.copy(folder / "image.caibx", release / "new.caibx")

    assert ended.summary == (0, "done")
    assert ended.warnings == []
    assert (folder / "image").read_bytes() == NEW
    assert ended.statistics["seeds"] == 1
    assert asked == fetched_with(release)


def test_a_copy_of_the_index_that_is_extracted_is_a_seed_with_all_chunks(
    release: Workspace, folder: Path, asked: Counter[bytes]
) -> None:
    put_pair(folder / "image", NEW)
    assert (folder / "image.caibx").read_bytes() == (release / "new.caibx").read_bytes()
    done(release)

    assert not asked


def test_damaged_seeds_of_a_directory_are_skipped_where_that_is_allowed(
    release: Workspace, folder: Path, asked: Counter[bytes]
) -> None:
    put_pair(folder / "a", OTHER, OLD)
    put_pair(folder / "b", OLD)
    put_pair(folder / "c", OTHER[:70_000], OTHER)
    failed = extract(release, seeds=["all"])
    before = dict(asked)
    ended = done(release, invalid_seeds="skip")

    assert failed.summary == (4, "failed")
    assert failed.message.startswith(f"seed all:a ({folder}/a) is not what its index says: ")
    assert before == {}
    assert any(warning.startswith("seed all:a ") for warning in ended.warnings)
    assert asked == fetched_with(release, OLD, OTHER[:70_000])


def test_more_seeds_than_files_may_be_open_are_no_trouble(release: Workspace, folder: Path) -> None:
    """Only those that have something to give are opened."""
    useless = ctr(5_000, b"useless")
    for number in range(300):
        put_pair(folder / f"useless{number}", useless)
    put_pair(folder / "old", OLD)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, hard))
    try:
        ended = done(release)
        catted = release.do("cat", index="new.caibx", stores=["store"], seeds=["all"])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    assert ended.statistics["seeds"] == 1 + 301
    assert catted.output == NEW
