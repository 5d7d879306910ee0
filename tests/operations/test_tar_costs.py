"""What an archive costs that goes into a store with prices: known before it is made."""

import json
import os
from decimal import Decimal
from pathlib import Path

import pytest

from tests.conftest import Run

JOB = """\
version = 1

[stores.paid]
url = "paid"
reads = "own"
prices = { currency = "EUR", put_1000 = 10, upload_gib = 1 }

[operations.pack]
kind = "tar"
directory = "tree"
index = "tree.caidx"
store = "paid"
chunk_size = "2KiB:8KiB:32KiB"
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A directory with 300 kB in it, what is left out of archives not counted."""
    top = tmp_path / "tree"
    (top / "a").mkdir(parents=True)
    (top / "a" / "file").write_bytes(os.urandom(200_000))
    (top / "other").write_bytes(os.urandom(100_000))
    (top / "a" / "left").write_bytes(bytes(1_000_000))
    (top / ".caexclude").write_text("left\n")
    os.setxattr(top / "other", "user.note", b"x" * 3000)
    (tmp_path / "job.toml").write_text(JOB)
    return top


@pytest.mark.parametrize("places", ["stores", "caches"])
def test_a_plan_says_how_large_the_archive_is_and_what_it_costs_at_the_most(
    tree: Path, desync_run: Run, places: str
) -> None:
    (tree.parent / "job.toml").write_text(JOB.replace("stores.", f"{places}."))
    (step,) = json.loads(desync_run("plan", "job.toml", "--json").stdout)["steps"]
    desync_run("tar", "tree.catar", "tree")
    size = (tree.parent / "tree.catar").stat().st_size
    (stored,) = step["writes"]
    before = sorted(os.listdir(tree.parent))
    dearest = Decimal(step["charge"]["upper"])
    assert desync_run("job.toml").returncode == 0
    chunks = len(list((tree.parent / "paid").rglob("*.cacnk")))

    assert size > 303_000
    assert (stored["bytes"], stored["exact"]) == (size, False)
    assert chunks <= stored["chunks"] == -(-size // 2048)
    assert Decimal(chunks) / 100 < dearest < Decimal(stored["chunks"]) / 100 + Decimal("0.001")
    assert before == ["job.toml", "tree", "tree.catar"]


def test_an_archive_that_may_cost_more_than_the_limit_is_not_begun(
    tree: Path, desync_run: Run
) -> None:
    refused = desync_run("job.toml", "--max-cost", "1.40 EUR")
    left = sorted(os.listdir(tree.parent))
    ended = desync_run("job.toml", "--max-cost", "1.60 EUR")

    assert refused.returncode == 8
    assert refused.stderr.startswith(b"desync-run: up to 1.50 EUR would be asked for it, more than")
    assert left == ["job.toml", "tree"]
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_of_a_tar_stream_nobody_knows_beforehand_what_it_costs(tree: Path, desync_run: Run) -> None:
    (tree / "a" / "file").rename(tree.parent / "stream")
    (tree.parent / "job.toml").write_text(
        JOB.replace('directory = "tree"', 'tar_stream = "stream"')
    )
    ended = desync_run("job.toml", "--max-cost", "100 EUR")

    assert ended.returncode == 8
    assert b"what is fetched or written is only known when it is done" in ended.stderr


def test_a_saved_plan_is_refused_where_the_archive_has_become_larger_by_an_attribute(
    tree: Path, desync_run: Run
) -> None:
    desync_run("plan", "job.toml", "-o", "saved.plan")
    os.setxattr(tree / "a" / "file", "user.note", b"x" * 3000)
    ended = desync_run("apply", "saved.plan")

    assert ended.returncode == 6
    assert b"operation pack: writes 150 chunks of " in ended.stderr
