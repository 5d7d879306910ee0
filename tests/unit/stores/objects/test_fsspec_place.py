"""What places on file systems of fsspec do when the network or the manifest is wrong."""

import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import fsspec
import pytest

from desync_jobs.errors import StoreError, UsageError
from desync_jobs.stores.objects.base import TooLarge
from desync_jobs.stores.objects.fsspec_files import Live
from tests.servers.http_places import QUICK
from tests.servers.s3_places import open_remote
from tests.servers.scripted import End, Reply, scripted_server

ANYBODY = {"anonymous": True}
WHOLE = Reply(body=b"content")
ONCE = replace(QUICK, attempts=1)

BROKEN = {
    "reset in the body": Reply(body=b"cont", length=7, end=End.RESET),
    "closed in the body": Reply(body=b"cont", length=7, end=End.CLOSED),
    "no status line": Reply(raw=b"\x00\x01garbage\r\n\r\n", end=End.CLOSED),
    "internal error": Reply(500, b"oops"),
    "too many requests": Reply(429),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_google_is_asked_again_after_a_broken_answer(
    broken: Reply, monkeypatch: pytest.MonkeyPatch
) -> None:
    with scripted_server(broken, WHOLE, broken) as server:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", server.url)
        place = open_remote("gs://bucket/p", credentials=ANYBODY)
        assert place.get(["x y"], 100) == [b"content"]
        assert place.traffic().retries == 1
        once = open_remote("gs://bucket/p", ONCE, credentials=ANYBODY)
        with pytest.raises(StoreError, match=r"^store far: cannot read gs://bucket/p/x: .*1 of 1"):
            once.get(["x"], 100)

        assert len(server.received) == 3
        assert server.received[0].target == "/storage/v1/b/bucket/o/p%2Fx%20y?alt=media"


def test_google_is_left_alone_as_long_as_it_asks_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted_server(Reply(503, headers={"Retry-After": "1"}), WHOLE) as server:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", server.url)
        began = time.monotonic()
        open_remote("gs://bucket", credentials=ANYBODY).get(["x"], 100)

    assert time.monotonic() - began >= 1


def test_answers_of_google_that_cannot_be_used_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    no_bucket = b'{"error": {"message": "The specified bucket does not exist."}}'
    replies = [
        Reply(404, b"No such object: bucket/x"),
        Reply(404, no_bucket),
        Reply(403, b'{"error": {"message": "Anonymous caller"}}'),
        Reply(body=b"x", length=1 << 40, end=End.STALLED),
        Reply(body=b"garbage"),
    ]
    with scripted_server(*replies) as server:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", server.url)
        place = open_remote("gs://bucket", ONCE, credentials=ANYBODY)
        assert place.get(["x"], 100) == [None]
        with pytest.raises(StoreError, match="HTTP 404: The specified bucket"):
            place.get(["x"], 100)
        with pytest.raises(StoreError, match=r"HTTP 403: Anonymous caller$"):
            place.get(["x"], 100)
        assert place.get(["x"], 100) == [TooLarge(1 << 40)]
        with pytest.raises(StoreError, match=r"cannot look for .*the answer is not JSON"):
            place.sizes(["x"])


def test_a_silent_server_is_left_after_the_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted_server(otherwise=Reply(body=b"x", length=7, end=End.STALLED)) as server:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", server.url)
        place = open_remote("gs://bucket", replace(ONCE, timeout=0.2), credentials=ANYBODY)
        with pytest.raises(StoreError, match="no answer in time"):
            place.get(["x"], 100)


def test_a_key_file_of_google_that_is_not_there_is_told_when_it_is_used() -> None:
    place = open_remote("gs://bucket", credentials={"file": "/no/such"})

    with pytest.raises(UsageError, match=r"^store far: credentials\.file: /no/such cannot be read"):
        place.get(["x"], 100)


def test_without_gcsfs_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gcsfs", None)

    with pytest.raises(UsageError) as caught:
        open_remote("gs://bucket")

    assert str(caught.value) == "store far: gs needs gcsfs: pip install 'desync-jobs[gcs]'"


def test_a_scheme_that_fsspec_does_not_know_is_told() -> None:
    with pytest.raises(UsageError, match=r"^store far: fsspec does not know nosuch://$"):
        open_remote("nosuch://somewhere")


def test_a_time_limit_that_cannot_be_obeyed_is_refused() -> None:
    with pytest.raises(UsageError, match=r"^store far: policy\.timeout: the file system of memory"):
        open_remote("memory://x", policy_table={"timeout": "1s"})


def test_an_argument_that_the_file_system_does_not_take_is_told(tmp_path: Path) -> None:
    place = open_remote(f"dir://{tmp_path}", options={"target_protocol": "nosuch"})
    with pytest.raises(UsageError, match=r"^store far: dir://"):
        place.get(["x"], 100)


class SecretiveFiles(fsspec.AbstractFileSystem):  # type: ignore[misc]  # fsspec has no types
    """Has one file, for who knows the password."""

    protocol = "secretive"
    password = "first"  # noqa: S105 - of a test

    def cat_file(self, path: str, *_: object) -> bytes:
        if self.storage_options["password"] != SecretiveFiles.password:
            raise PermissionError(f"not for you: {path}")
        return b"content"


def test_a_secret_option_is_looked_up_again_when_it_is_refused(tmp_path: Path) -> None:
    fsspec.register_implementation("secretive", SecretiveFiles, clobber=True)
    secret = tmp_path / "password"
    secret.write_text("first")
    place = open_remote("secretive://x", secret_options={"password": {"file": str(secret)}})

    assert place.get(["a"], 100) == [b"content"]
    SecretiveFiles.password = "second"  # noqa: S105 - as above
    with pytest.raises(StoreError, match=r"cannot read secretive://x/a: not for you: x/a$"):
        place.get(["a"], 100)
    secret.write_text("second")
    assert place.get(["a"], 100) == [b"content"]
    assert place.traffic().retries == 1


def test_many_threads_open_a_file_system_once() -> None:
    opened: list[Mapping[str, Any]] = []

    def make(arguments: Mapping[str, Any]) -> object:
        opened.append(arguments)
        return object()

    live = Live(lambda: {"a": 1}, make)
    threads = [threading.Thread(target=live.current) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert opened == [{"a": 1}]
    assert not live.renew_after(PermissionError())
