import hashlib
import os
from threading import Thread

import pytest

from tests.blobs import NAMES, blob
from tests.workspace import How, Workspace, stamp


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("digest", "algorithm"), [(None, "sha512_256"), ("sha256", "sha256")])
@pytest.mark.parametrize("source", ["file", "pipe"])
def test_the_digest_of_a_blob_is_a_line_of_hex(
    workspace: Workspace, name: str, digest: str | None, algorithm: str, source: str
) -> None:
    (workspace / "blob").write_bytes(blob(name))
    how = How(given=blob(name) if source == "pipe" else None)
    ended = workspace.do("digest", how, blob="-" if source == "pipe" else "blob", digest=digest)
    text = hashlib.new(algorithm, blob(name)).hexdigest()

    assert ended.result.exit_code == 0
    assert ended.output.decode() == f"{text}\n"
    assert ended.statistics == {"bytes": len(blob(name)), "digest": text}


def test_digests_of_known_texts(workspace: Workspace) -> None:
    known = {
        b"": "c672b8d1ef56ed28ab87c3622c5114069bdd3ad7b8f9737498d0c01ecef0967a",
        b"foobar": "d014c752bc2be868e16330f47e0c316a5967bcbc9c286a457761d7055b9214ce",
        b"some data": "760ba4275e849e0777507db58f0d74fc05b30e10ccc27a99d50465f5b6639026",
    }
    found = {
        text: workspace.do("digest", How(given=text), blob="-").output.decode().strip()
        for text in known
    }

    assert found == known


def test_an_output_that_is_the_same_is_left_alone(workspace: Workspace) -> None:
    (workspace / "blob").write_bytes(blob("text"))
    first = workspace.do("digest", blob="blob", output="digest")
    before = stamp(workspace / "digest")
    second = workspace.do("digest", blob="blob", output="digest")
    (workspace / "blob").write_bytes(blob("random"))
    third = workspace.do("digest", blob="blob", output="digest")

    assert [one.summary for one in (first, second, third)] == [
        (0, "done"),
        (0, "unchanged"),
        (0, "done"),
    ]
    assert stamp(workspace / "digest") != before


def test_a_named_pipe_is_read(workspace: Workspace) -> None:
    os.mkfifo(workspace / "fifo")
    feeder = Thread(target=(workspace / "fifo").write_bytes, args=[blob("text")])
    feeder.start()
    ended = workspace.do("digest", blob="fifo")
    feeder.join()

    assert ended.output.decode().strip() == hashlib.new("sha512_256", blob("text")).hexdigest()


def test_what_is_no_blob_is_refused(workspace: Workspace) -> None:
    (workspace / "folder").mkdir()
    (workspace / "digest").write_bytes(b"what is there")
    ended = [workspace.do("digest", blob=name, output="digest") for name in ("absent", "folder")]

    assert [one.summary for one in ended] == [(1, "failed")] * 2
    assert (workspace / "digest").read_bytes() == b"what is there"


def test_the_output_is_never_the_blob(workspace: Workspace) -> None:
    (workspace / "blob").write_bytes(blob("text"))
    (workspace / "link").symlink_to("blob")
    ended = workspace.do("digest", blob="blob", output="link")

    assert ended.summary == (64, "failed")
    assert (workspace / "blob").read_bytes() == blob("text")
