"""The digest of the whole blob: asked for, and checked before anything is published."""

import hashlib
from collections import Counter
from pathlib import Path

import pytest

from tests.operations.seeded import NEW, OLD, declare, extract
from tests.workspace import Workspace, stamps

RIGHT = hashlib.new("sha512_256", NEW).hexdigest()
WRONG = hashlib.new("sha512_256", OLD).hexdigest()


def refused(path: Path) -> str:
    return (
        f"{path}: the blob has the digest {RIGHT}, not {WRONG}; "
        "the index is not that of the blob wanted"
    )


TARGETS = {"new": None, "old": OLD, "complete": NEW, "longer": NEW + b"more", "short": NEW[:300]}


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("target", TARGETS)
def test_the_right_digest_changes_nothing(release: Workspace, target: str, in_place: bool) -> None:
    there = TARGETS[target]
    if there is not None:
        (release / "copy").write_bytes(there)
    names = declare(release, [OLD])
    ended = extract(release, seeds=names, in_place=in_place, blob_digest=RIGHT)

    assert ended.summary == (0, "unchanged" if target == "complete" else "done")
    assert (release / "copy").read_bytes() == NEW


@pytest.mark.parametrize("target", TARGETS)
def test_a_wrong_digest_publishes_nothing(release: Workspace, target: str) -> None:
    there = TARGETS[target]
    if there is not None:
        (release / "copy").write_bytes(there)
    names = declare(release, [OLD])
    before = stamps(release.path)
    ended = extract(release, seeds=names, blob_digest=WRONG)

    assert ended.summary == (4, "failed")
    assert ended.message == refused(release / "copy")
    assert stamps(release.path) == before


@pytest.mark.parametrize("target", TARGETS)
def test_a_wrong_digest_in_place_is_a_failure_again_and_again(
    release: Workspace, target: str
) -> None:
    """The target is what the index says, but not what is wanted."""
    there = TARGETS[target]
    if there is not None:
        (release / "copy").write_bytes(there)
    names = declare(release, [OLD])
    ended = [
        extract(release, seeds=names, in_place=True, blob_digest=WRONG, invalid_seeds="skip")
        for _ in range(2)
    ]

    assert [one.summary for one in ended] == [(4, "failed")] * 2
    assert [one.message for one in ended] == [refused(release / "copy")] * 2


def test_a_complete_target_with_a_wrong_digest_is_refused_by_the_plan(release: Workspace) -> None:
    (release / "copy").write_bytes(NEW)
    fields = {"index": "new.caibx", "target": "copy", "stores": ["store"], "blob_digest": WRONG}
    plan = release.plan({"x": {"kind": "extract", **fields}})

    assert [str(step.error) for step in plan.blocked] == [refused(release / "copy")]


def test_the_digest_is_of_the_kind_that_the_index_has(workspace: Workspace) -> None:
    workspace.make("new", NEW, digest="sha256")
    right = extract(workspace, blob_digest=hashlib.sha256(NEW).hexdigest())
    wrong = extract(workspace, target="other", blob_digest=RIGHT)

    assert right.summary == (0, "done")
    assert wrong.summary == (4, "failed")


@pytest.mark.parametrize("digest", [hashlib.new("sha512_256", b"").hexdigest(), WRONG])
def test_an_empty_blob_has_a_digest_too(
    workspace: Workspace, asked: Counter[bytes], digest: str
) -> None:
    workspace.make("new", b"")
    ended = extract(workspace, blob_digest=digest)

    assert ended.summary == ((4, "failed") if digest == WRONG else (0, "done"))
    assert (workspace / "copy").exists() is (digest != WRONG)
    assert not asked


def test_the_digest_is_what_digest_prints(release: Workspace) -> None:
    (release / "blob").write_bytes(NEW)
    printed = release.do("digest", blob="blob").output.decode().strip()
    ended = extract(release, blob_digest=printed)

    assert ended.summary == (0, "done")
