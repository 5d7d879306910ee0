"""Block devices as seeds and as targets with seeds: loop devices, which need root."""

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from desync_jobs.formats.index import parse_index
from desync_jobs.report.events import PhaseStarted
from tests.filesystems.mounting import attached
from tests.operations.seeded import NEW, OLD, Expected, declare, extract, index_file
from tests.vectors.inputs import ctr
from tests.workspace import Collector, How, Workspace, ids_of

SECTOR = 512

Attach = Callable[[bytes], str]


@pytest.fixture
def attach(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attach]:
    """Return a function that makes a device of some bytes, filled up to a sector."""
    folder = tmp_path_factory.mktemp("devices")
    with ExitStack() as devices:
        names = (folder / f"backing{number}" for number in count())
        yield lambda blob: devices.enter_context(attached(next(names), padded(blob)))


def padded(blob: bytes) -> bytes:
    return blob + b"\xee" * (-len(blob) % SECTOR)


def content(device: str, size: int = len(NEW)) -> bytes:
    with Path(device).open("rb") as file:
        return file.read(size)


def declare_device(workspace: Workspace, device: str, blob: bytes | None) -> None:
    """Declare a device as the seed `device`, with the index of `blob` or an automatic one."""
    workspace.seeds["device"] = {"blob": device}
    if blob is not None:
        (workspace / "device.caibx").write_bytes(index_file(blob))
        workspace.seeds["device"]["index"] = "device.caibx"


def test_a_device_is_a_seed(release: Workspace, attach: Attach, asked: Counter[bytes]) -> None:
    device = attach(OLD)
    declare_device(release, device, OLD)
    held = set(ids_of(release.index("device.caibx")))
    expected = Expected(release.index("new.caibx"), NEW, held)
    ended = extract(release, seeds=["device"])

    assert ended.summary == (0, "done")
    assert (release / "copy").read_bytes() == NEW
    assert asked == dict.fromkeys(expected.fetched, 1)
    assert expected.statistics.items() <= ended.statistics.items()
    assert content(device, len(OLD)) == OLD


def test_one_device_is_updated_from_another(
    release: Workspace, attach: Attach, asked: Counter[bytes]
) -> None:
    """The two slots of an appliance: one runs, the other gets the next release."""
    running, other = attach(OLD), attach(b"\xff" * (len(NEW) + 100_000))
    declare_device(release, running, OLD)
    held = set(ids_of(release.index("device.caibx")))
    expected = Expected(release.index("new.caibx"), NEW, held)
    fields = {"target": other, "seeds": ["device"], "in_place": True}
    ended = extract(release, **fields, blob_digest=hashlib.new("sha512_256", NEW).hexdigest())
    again = extract(release, **fields)

    assert (ended.summary, again.summary) == ((0, "done"), (0, "unchanged"))
    assert content(other) == NEW
    assert asked == dict.fromkeys(expected.fetched, 1)
    assert content(running, len(OLD)) == OLD


@pytest.mark.parametrize("name", ["itself", "another node", "link"])
def test_a_device_is_updated_from_itself(
    release: Workspace, attach: Attach, asked: Counter[bytes], name: str, tmp_path: Path
) -> None:
    device = attach(OLD + bytes(len(NEW)))
    seed = str(tmp_path / "node")
    if name == "itself":
        seed = device
    elif name == "link":
        Path(seed).symlink_to(device)
    else:
        os.mknod(seed, 0o60600, os.stat(device).st_rdev)
    declare_device(release, seed, OLD)
    held = set(ids_of(release.index("device.caibx")))
    expected = Expected(release.index("new.caibx"), NEW, held, OLD + bytes(len(NEW)))
    ended = extract(release, target=device, seeds=["device"], in_place=True)

    assert ended.summary == (0, "done")
    assert ended.warnings == []
    assert content(device) == NEW
    assert asked == dict.fromkeys(expected.fetched, 1)


def test_a_file_is_the_seed_of_a_device(
    release: Workspace, attach: Attach, asked: Counter[bytes]
) -> None:
    device = attach(b"\xff" * len(NEW))
    names = declare(release, [OLD, NEW[:300_000]])
    ended = extract(release, target=device, seeds=names, in_place=True)

    assert ended.summary == (0, "done")
    assert content(device) == NEW
    assert len(asked) == ended.statistics["chunks_from_store"]


@pytest.mark.parametrize("policy", ["fail", "skip", "regenerate"])
def test_a_device_that_is_smaller_than_its_index_says_costs_fetches_or_is_one_error(
    release: Workspace, attach: Attach, policy: str
) -> None:
    device = attach(OLD[:204_800])
    declare_device(release, device, OLD)
    ended = extract(release, seeds=["device"], invalid_seeds=policy)

    if policy == "fail":
        assert ended.summary == (4, "failed")
        assert ended.message.startswith(f"seed device ({device}) is not what its index says: ")
    else:
        assert ended.summary == (0, "done")
        assert (release / "copy").read_bytes() == NEW


def times_indexed(release: Workspace) -> int:
    collected = Collector()
    ended = extract(release, How(reporter=collected), seeds=["device"])
    assert ended.summary == (0, "done"), ended.message
    assert (release / "copy").read_bytes() == NEW
    (release / "copy").unlink()
    phases = [one.phase for one in collected.events if isinstance(one, PhaseStarted)]
    return phases.count("indexing seed device")


def write_at(device: str, offset: int, data: bytes) -> None:
    with Path(device).open("r+b") as file:
        file.seek(offset)
        file.write(data)


@pytest.mark.usefixtures("cache_home")
def test_the_index_of_a_device_is_kept_until_a_sample_differs(
    release: Workspace, attach: Attach
) -> None:
    device = attach(OLD)
    declare_device(release, device, None)
    before = [times_indexed(release) for _ in range(2)]
    write_at(device, 0, b"the first chunk is always looked at")
    after = [times_indexed(release) for _ in range(2)]

    assert (before, after) == ([1, 0], [1, 0])


@pytest.mark.usefixtures("cache_home")
def test_the_index_of_a_device_outlives_its_node(
    release: Workspace, attach: Attach, tmp_path: Path
) -> None:
    """As it is made anew at each start of the system."""
    node = tmp_path / "node"
    found = os.stat(attach(OLD)).st_rdev
    os.mknod(node, 0o60600, found)
    declare_device(release, str(node), None)
    first = times_indexed(release)
    node.rename(tmp_path / "before")
    os.mknod(node, 0o60600, found)

    assert [first, times_indexed(release)] == [1, 0]


@pytest.mark.usefixtures("cache_home")
def test_a_change_between_the_samples_costs_fetches_once(
    release: Workspace, attach: Attach
) -> None:
    """As the running root file system has many of: no run may fail for that."""
    blob = ctr(3_000_000, b"first") + OLD[:400_000] + ctr(3_000_000, b"last")
    device = attach(blob)
    declare_device(release, device, None)
    first = times_indexed(release)
    index = parse_index(index_file(padded(blob)), "device")
    wanted = set(ids_of(release.index("new.caibx")))
    sampled = set(np.linspace(0, len(index) - 1, 64).astype(int).tolist())
    place = next(at for at in range(len(index)) if index.id(at) in wanted and at not in sampled)
    write_at(device, index.start(place), b"changed")
    ended = extract(release, target="other", seeds=["device"])

    assert first == 1
    assert ended.summary == (0, "done")
    assert (release / "other").read_bytes() == NEW
    assert ended.warnings == [
        f"seed device ({device}) is not what its index says: taken from elsewhere: 1 chunk"
    ]
    assert [times_indexed(release) for _ in range(2)] == [1, 0]
