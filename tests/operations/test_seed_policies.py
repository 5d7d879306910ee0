"""Every place of a seed × every damage × every policy: the right bytes, or one clear error."""

import os
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from desync_jobs.report.events import PhaseStarted
from tests.faults.chunkfiles import scratch_folder
from tests.filesystems.mounting import attached_file
from tests.operations.seeded import NEW, OLD, extract, index_file
from tests.vectors.inputs import ctr
from tests.workspace import Collector, How, Workspace

POLICIES = ("fail", "skip", "regenerate")
SECTOR = 512

DAMAGES: dict[str, tuple[bytes, bytes]] = {
    "corrupted": (OLD[:20_000] + b"\xff" * 10_000 + OLD[30_000:], OLD),
    "truncated": (OLD[:45_000], OLD),
    "with a stale index": (OLD, ctr(30_000, b"earlier") + OLD),
}
"""What the seed is, and what its index describes."""


@contextmanager
def beside(workspace: Workspace, blob: bytes) -> Iterator[Path]:
    (workspace / "old").write_bytes(blob)
    yield workspace / "old"


@contextmanager
def in_a_folder_that_takes_no_file(workspace: Workspace, blob: bytes) -> Iterator[Path]:
    folder = workspace / "locked"
    folder.mkdir()
    (folder / "old").write_bytes(blob)
    folder.chmod(0o555)
    yield folder / "old"
    assert os.listdir(folder) == ["old"]


@contextmanager
def on_another_file_system(workspace: Workspace, blob: bytes) -> Iterator[Path]:
    scratch = scratch_folder()
    if scratch is None or os.stat(scratch).st_dev == workspace.path.stat().st_dev:
        pytest.skip("there is no second file system")
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        (Path(folder) / "old").write_bytes(blob)
        yield Path(folder) / "old"


@contextmanager
def the_target_itself(workspace: Workspace, blob: bytes) -> Iterator[Path]:
    (workspace / "copy").write_bytes(blob)
    yield workspace / "copy"


@contextmanager
def a_link_to_the_target(workspace: Workspace, blob: bytes) -> Iterator[Path]:
    (workspace / "copy").write_bytes(blob)
    (workspace / "old").hardlink_to(workspace / "copy")
    yield workspace / "old"


@contextmanager
def a_device(workspace: Workspace, blob: bytes) -> Iterator[Path]:
    (workspace / "backing").write_bytes(blob + bytes(-len(blob) % SECTOR))
    with attached_file(workspace / "backing") as device:
        yield Path(device)


PLACES = {
    place.__name__.replace("_", " "): place
    for place in (
        beside,
        in_a_folder_that_takes_no_file,
        on_another_file_system,
        the_target_itself,
        a_link_to_the_target,
        a_device,
    )
}
OWN = ("the target itself", "a link to the target")


@pytest.mark.parametrize("in_place", [False, True], ids=["beside", "in place"])
@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("place", PLACES)
def test_the_result_is_right_or_there_is_one_error(
    release: Workspace,
    asked: Counter[bytes],
    place: str,
    damage: str,
    policy: str,
    in_place: bool,
) -> None:
    blob, described = DAMAGES[damage]
    copy = release / "copy"
    copy.write_bytes(b"what was here before" * 20_000)
    (release / "old.caibx").write_bytes(index_file(described))
    collected = Collector()
    with PLACES[place](release, blob) as seed:
        before = copy.read_bytes()
        release.seeds["old"] = {"blob": str(seed), "index": "old.caibx"}
        fields = {"seeds": ["old"], "in_place": in_place}
        how = How(reporter=collected)
        ended = extract(release, how, invalid_seeds=policy, **fields)
        after = copy.read_bytes()
        again = extract(release, invalid_seeds="skip", **fields)
        seed_after = seed.read_bytes()[: len(blob)]
    phases = [one.phase for one in collected.events if isinstance(one, PhaseStarted)]

    # What an earlier run began in place is not what its index says, which is nobody's fault.
    if policy == "fail" and not (in_place and place in OWN):
        assert ended.summary == (4, "failed")
        assert ended.message.startswith(f"seed old ({seed}) is not what its index says: it lacks ")
        assert ended.message.endswith("; allow invalid seeds or mend this one")
        assert ended.warnings == []
        assert in_place or after == before
    else:
        assert ended.summary == (0, "done"), ended.message
        assert after == NEW
        assert len(ended.warnings) == 1
        assert set(asked.values()) == {1}
        assert again.summary == (0, "unchanged")
    assert phases.count("indexing seed old") == (policy == "regenerate")
    assert copy.read_bytes() == NEW
    assert place in OWN or seed_after == blob
    assert not list(release.path.glob(".*"))
