"""A store goes from casync's xz over zstd and encryption to plain files, killed on the way.

`MIGRATED_CHUNKS=5000` moves as many chunks as that, killed as often.
"""

import os
import random
import signal
import subprocess
import time
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

from tests.conftest import Run, command_line
from tests.interop.casync import casync
from tests.vectors.inputs import ctr, text
from tests.workspace import Workspace, chunk_files

CHUNKS = int(os.environ.get("MIGRATED_CHUNKS", "200"))
KEY = {"DESYNC_ENCRYPTION_KEY": "07" * 32}
HOPS = ("xz", "zstd", "sealed", "plain")

JOB = """\
version = 1
engine = {{ kind = "local", workers = 2 }}

[stores.xz]
url = "xz"

[stores.zstd]
url = "zstd"

[stores.sealed]
url = "sealed"
encryption = {{ algorithm = "aes-256-gcm" }}

[stores.plain]
url = "plain"
compression = "none"

[operations.hop]
kind = "migrate"
stores = ["{source}"]
store = "{target}"
progress = "{target}.progress"
report = "{report}"
"""


def killed_at(folder: Path, environment: Mapping[str, str], target: Path, count: int) -> bool:
    """Run the job and kill it when `target` has `count` files; tells whether that came to pass."""
    process = subprocess.Popen(command_line(["job.toml"]), cwd=folder, env=dict(environment))
    while process.poll() is None:
        if sum(1 for _ in target.glob("????/*")) >= count:
            process.kill()
        time.sleep(0.001)
    return process.wait(timeout=60) == -signal.SIGKILL


def test_a_migration_that_is_killed_anywhere_ends_as_one_that_is_not(
    tmp_path: Path, desync_run: Run, environment: Mapping[str, str]
) -> None:
    seed = random.randrange(1 << 32)
    chosen = random.Random(seed)
    size = CHUNKS << 12
    (tmp_path / "blob").write_bytes(ctr(size // 2, b"killed") + text(size // 2))
    casync(
        tmp_path, "make", "--compression=xz", "--chunk-size=4096", "--store=xz", "blob.caibx",
        "blob",
    )  # fmt: skip
    original = chunk_files(tmp_path / "xz")
    kills = 0
    for source, target in pairwise(HOPS):
        job = JOB.format(source=source, target=target, report=f"{target}.json")
        (tmp_path / "job.toml").write_text(job)
        for _ in range(2):
            there = sum(1 for _ in (tmp_path / target).glob("????/*"))
            count = there + chosen.randrange(1, max(2, len(original) - there))
            kills += killed_at(tmp_path, {**environment, **KEY}, tmp_path / target, count)
        ended = desync_run("job.toml", **KEY)
        assert ended.returncode == 0, (seed, ended.stderr)
        assert not (tmp_path / f"{target}.progress").exists()
        again = desync_run("job.toml", "--json", **KEY)
        assert b'"unchanged"' in again.stdout
        (tmp_path / "job.toml").write_text(job.replace(f"{target}.json", "another.json"))
        desync_run("job.toml", **KEY)
        assert (tmp_path / "another.json").read_bytes() == (
            tmp_path / f"{target}.json"
        ).read_bytes()

    plain = {
        name: data
        for name, data in chunk_files(tmp_path / "plain").items()
        if not name.endswith(".tmp")
    }
    assert kills > 0, seed
    assert {f"{name}.cacnk" for name in plain} == set(original)
    for store in ("zstd", "plain"):
        casync(tmp_path, "extract", f"--store={store}", "blob.caibx", f"copy-{store}")
        assert (tmp_path / f"copy-{store}").read_bytes() == (tmp_path / "blob").read_bytes()
    verified = desync_run("verify", "-s", "zstd")
    assert verified.returncode == 0


def test_what_a_killed_migration_copied_and_a_prune_removed_is_copied_again(
    workspace: Workspace, desync_run: Run, environment: Mapping[str, str]
) -> None:
    # So many chunks that the file of progress tells of some, and some are left.
    sizes = {"chunk_size": "512B:1KiB:4KiB"}
    workspace.make("blob", ctr(2 << 20, b"collected"), store="xz", **sizes)
    workspace.make("kept", ctr(1 << 19, b"collected"), store="xz", **sizes)
    (workspace / "job.toml").write_text(JOB.format(source="xz", target="zstd", report="report"))
    command = command_line(["job.toml"])
    process = subprocess.Popen(command, cwd=workspace.path, env={**environment, **KEY})
    while process.poll() is None and not (workspace / "zstd.progress").exists():
        time.sleep(0.001)
    process.kill()
    killed = process.wait(timeout=60) == -signal.SIGKILL
    copied = chunk_names(workspace.path / "zstd")
    pruned = desync_run("prune", "-y", "--max-deletion-share=100%", "-s", "zstd", "kept.caibx")
    left = chunk_names(workspace.path / "zstd")
    ended = desync_run("job.toml", **KEY)

    assert killed
    assert pruned.returncode == 0, pruned.stderr
    assert left < copied < chunk_names(workspace.path / "xz")
    assert ended.returncode == 0, ended.stderr
    assert chunk_names(workspace.path / "zstd") == chunk_names(workspace.path / "xz")


def chunk_names(store: Path) -> set[str]:
    """Return the names of the chunk files of a store, without what a killed writer left."""
    return {path.name for path in store.glob("????/*.cacnk")}
