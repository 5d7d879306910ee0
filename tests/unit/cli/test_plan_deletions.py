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


MIRROR = """
[stores.copy]
url = "copy"

[operations.mirror]
kind = "migrate"
stores = ["origin"]
store = "copy"
roots = [{ url = "images" }]
indexes_to = "mirror"
remove_gone = true
"""
CHECK = """
[stores.copy]
url = "copy"

[operations.check]
kind = "verify"
store = "copy"
repair = true
"""
MORE = """
[operations.more]
kind = "make"
blob = "one"
index = "images/more.caibx"
store = "origin"
"""


def test_what_other_operations_remove_and_what_is_not_known_yet_is_told_too(
    tmp_path: Path, desync_run: Run
) -> None:
    for name in ("images", "origin", "mirror", "copy"):
        (tmp_path / name).mkdir()
    (tmp_path / "mirror" / "gone.caibx").touch()
    (tmp_path / "one").write_bytes(b"content")
    desync_run("make", "-s", "origin", "images/one.caibx", "one")

    def told(text: str) -> str:
        (tmp_path / "job.toml").write_text(text)
        ended = desync_run("plan", "job.toml", "--deletions", "gone", "--quiet")
        assert (ended.returncode, ended.stderr) == (0, b"")
        return (tmp_path / "gone").read_text()

    head, collect = JOB.split("[operations.collect]")
    assert told(head + MIRROR) == "mirror: index mirror: gone.caibx\n"
    assert told(head + CHECK) == "check: not known yet: chunks that turn out to be damaged\n"
    assert told(f"{head}{MORE}[operations.collect]{collect}") == (
        "collect: not known yet, planned when more is done\n"
    )


def test_nobody_is_asked_where_nothing_says_what_is_needed(desync_run: Run) -> None:
    ended = desync_run("prune", "-s", "store", given=b"y\n")

    assert ended.returncode == 64
    assert ended.stderr.splitlines()[0] == (
        b"desync-run: no index says what is needed; name indexes, or a --root"
    )
