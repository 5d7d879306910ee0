import random
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

Run = Callable[..., CompletedProcess[bytes]]

JOB = """\
version = 1

[stores.origin]
url = "origin"

[limits]
max_deletion_share = "100%"

[operations.collect]
kind = "prune"
store = "origin"
grace = "0s"

[[operations.collect.roots]]
url = "images"
tombstones = ["two.*"]
"""


def test_a_plan_writes_down_everything_that_would_go(tmp_path: Path, desync_run: Run) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "origin").mkdir()
    for seed, name in enumerate(("one", "two")):
        (tmp_path / name).write_bytes(random.Random(seed).randbytes(150_000))
        desync_run("make", "-s", "origin", f"images/{name}.caibx", name)
    (tmp_path / "job.toml").write_text(JOB)
    kept = set(desync_run("list-chunks", "images/one.caibx").stdout.decode().split())

    planned = desync_run("plan", "job.toml", "--deletions", "gone")
    lines = (tmp_path / "gone").read_text().splitlines()
    every = {path.stem: path.stat().st_size for path in (tmp_path / "origin").rglob("*.cacnk")}

    assert planned.returncode == 0
    assert lines[0] == "collect: index images: two.caibx"
    assert lines[1:] == [
        f"collect: chunk {name} compressed {every[name]}" for name in sorted(set(every) - kept)
    ]
    assert f"deletes  {len(lines) - 1} chunks of {len(every)} in origin" in planned.stdout.decode()
    assert desync_run("job.toml").returncode == 0
    assert {path.stem for path in (tmp_path / "origin").rglob("*.cacnk")} == kept
