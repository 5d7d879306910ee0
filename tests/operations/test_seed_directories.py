"""Directories of seeds: every index with its blob beside it, and nothing else is in the way."""

import os
import resource
import shutil
from collections import Counter
from pathlib import Path

import pytest

from tests.operations.seeded import NEW, OLD, OTHER, extract, extracted, fetched_with, put_pair
from tests.vectors.inputs import ctr
from tests.workspace import Workspace


def test_every_pair_is_a_seed_however_deep(
    release: Workspace, folder: Path, asked: Counter[bytes]
) -> None:
    (folder / "a" / "b" / "c").mkdir(parents=True)
    put_pair(folder / "old", OLD)
    put_pair(folder / "a" / "b" / "c" / "other.img", OTHER)
    put_pair(folder / "a" / "useless", ctr(50_000, b"useless"))
    put_pair(folder / "empty", b"")
    ended = extracted(release, seeds=["all"])

    assert ended.warnings == []
    assert ended.statistics["seeds"] == 1 + 4
    assert asked == fetched_with(release, OLD, OTHER)


def test_a_directory_without_seeds_is_no_failure(
    release: Workspace, folder: Path, asked: Counter[bytes]
) -> None:
    (folder / "old").write_bytes(OLD)
    ended = extracted(release, seeds=["all"])

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
    ended = extracted(release, seeds=["all"])

    assert ended.warnings == []
    assert ended.statistics["seeds"] == 1 + 1
    assert asked == fetched_with(release, OLD)


def test_links_to_files_are_followed(
    release: Workspace, folder: Path, asked: Counter[bytes]
) -> None:
    put_pair(release / "elsewhere", OLD)
    (folder / "old").symlink_to("../elsewhere")
    (folder / "old.caibx").symlink_to("../elsewhere.caibx")
    extracted(release, seeds=["all"])

    assert asked == fetched_with(release, OLD)


def test_the_directory_itself_may_be_a_link(
    release: Workspace, folder: Path, asked: Counter[bytes]
) -> None:
    put_pair(folder / "old", OLD)
    (release / "link").symlink_to("seeds")
    release.seeds["all"] = {"directory": "link"}
    extracted(release, seeds=["all"])

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
    extracted(release, seeds=["all"])

    assert not asked


def test_damaged_seeds_of_a_directory_are_skipped_where_that_is_allowed(
    release: Workspace, folder: Path, asked: Counter[bytes]
) -> None:
    put_pair(folder / "a", OTHER, OLD)
    put_pair(folder / "b", OLD)
    put_pair(folder / "c", OTHER[:70_000], OTHER)
    failed = extract(release, seeds=["all"])
    before = dict(asked)
    ended = extracted(release, seeds=["all"], invalid_seeds="skip")

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
    # Earlier tests may have left connections that are open until somebody looks for garbage.
    left = len(os.listdir("/proc/self/fd"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (left + 190, hard))
    try:
        ended = extracted(release, seeds=["all"])
        catted = release.do("cat", index="new.caibx", stores=["store"], seeds=["all"])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    assert ended.statistics["seeds"] == 1 + 301
    assert catted.output == NEW
