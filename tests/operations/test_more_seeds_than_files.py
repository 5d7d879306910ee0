"""More seeds than a process may have files open."""

import resource
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from subprocess import CompletedProcess

import numpy as np
import pytest

from desync_jobs.formats.index import Index, serialize_index
from desync_jobs.manifest.write import manifest_text
from tests.vectors.inputs import ctr
from tests.workspace import Workspace

Limited = Callable[..., CompletedProcess[bytes]]

SEEDS = 120
CHUNK = 4096
BLOB = ctr(SEEDS * CHUNK, b"more seeds than files")


@pytest.fixture
def scattered(workspace: Workspace) -> Index:
    """The index of BLOB; each of its chunks is in a seed of its own, and in no other place."""
    whole = workspace.make("blob", BLOB, chunk_size=f"{CHUNK}:{CHUNK}:{CHUNK}")
    (workspace / "blob").unlink()
    (workspace / "seeds").mkdir()
    (workspace / "empty").mkdir()
    for number in range(SEEDS):
        path = workspace / "seeds" / f"{number:03}"
        path.write_bytes(BLOB[number * CHUNK : (number + 1) * CHUNK])
        end, id_ = np.array([CHUNK], np.uint64), whole.ids[number : number + 1].copy()
        one = Index(whole.flags, whole.sizes, end, id_)
        path.with_suffix(".caibx").write_bytes(serialize_index(one))
    return whole


@pytest.mark.parametrize("in_place", [(), ("--in-place",)])
def test_every_seed_serves_an_extraction(
    workspace: Workspace, scattered: Index, run_limited: Limited, in_place: tuple[str, ...]
) -> None:
    del scattered
    source = ("-s", "empty", "--seed-dir", "seeds")
    ended = run_limited("extract", "blob.caibx", "copy", *source, *in_place)

    assert (ended.returncode, ended.stderr) == (0, b"")
    assert (workspace / "copy").read_bytes() == BLOB


def test_seeds_that_are_wrong_are_taken_from_elsewhere_in_every_group(
    workspace: Workspace, scattered: Index, run_limited: Limited
) -> None:
    del scattered
    for number in (0, 50, SEEDS - 1):
        (workspace / "seeds" / f"{number:03}").write_bytes(bytes(CHUNK))
    (workspace / "seeds" / "070").unlink()
    source = ("-s", "store", "--seed-dir", "seeds", "--skip-invalid-seeds")
    ended = run_limited("extract", "blob.caibx", "copy", *source)

    assert ended.returncode == 0, ended.stderr
    assert len(ended.stderr.splitlines()) == 3
    assert (workspace / "copy").read_bytes() == BLOB


def test_cat_uses_as_many_as_may_be_open_and_says_so(
    workspace: Workspace, scattered: Index, run_limited: Limited
) -> None:
    del scattered
    workspace.seeds["all"] = {"directory": "seeds"}
    fields = {"index": "blob.caibx", "output": "copy", "stores": ["store"], "seeds": ["all"]}
    job = workspace.job({"cat": {"kind": "cat", **fields}})
    (workspace / "job.toml").write_text(manifest_text(job.spec))
    ended = run_limited("job.toml", "--quiet")

    assert ended.returncode == 0
    assert (workspace / "copy").read_bytes() == BLOB
    assert ended.stderr == (
        b"desync-run: warning: cat: seed all:024 and those after it are not used: 24 are open, "
        b"half as many as files may be; raise that limit (ulimit -n)\n"
    )


def test_a_process_has_as_many_files_open_as_it_is_let(
    tmp_path: Path, environment: Mapping[str, str]
) -> None:
    def few() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (20, 333))

    code = "from desync_jobs.cli.main import process; process()"
    ended = subprocess.run(
        [sys.executable, "-c", code, "doctor", "--json"],
        capture_output=True,
        cwd=tmp_path,
        env=dict(environment),
        timeout=60,
        check=True,
        preexec_fn=few,
    )

    assert b'"limit": 333,' in ended.stdout
