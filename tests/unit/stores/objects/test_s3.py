"""What an S3 place does when the network, the server or the keys are not right."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from desync_jobs.core.kernel import best
from desync_jobs.errors import ChunkInvalidError, InterruptedRunError, StoreError, UsageError
from desync_jobs.stores.base import Chunk
from desync_jobs.stores.forms import ChunkForms
from desync_jobs.stores.objects.base import ObjectPlace, TooLarge
from desync_jobs.stores.objects.s3_session import bucket_region
from desync_jobs.stores.objects.store import ObjectStore
from desync_jobs.stores.policy.values import NeverStopped
from desync_jobs.stores.reader import Reader
from desync_jobs.testing.chunks import make_chunks
from tests.servers.certificates import Authority
from tests.servers.http_places import QUICK
from tests.servers.nginx import free_port
from tests.servers.s3_places import ENVIRONMENT, open_remote
from tests.servers.scripted import End, Received, Reply, scripted_server

WHOLE = Reply(body=b"content")
ONCE = replace(QUICK, attempts=1)


@pytest.fixture(autouse=True)
def _nothing_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


def error(code: str, more: str = "") -> bytes:
    return f"<Error><Code>{code}</Code><Message>Some reason.</Message>{more}</Error>".encode()


def signed_by(request: Received) -> str:
    """Return the key and region that a request is signed with, as `key/region`."""
    credential = request.headers["authorization"].partition("Credential=")[2]
    key, _, region, *_ = credential.split("/")
    return f"{key}/{region}"


BROKEN = {
    "reset in the body": Reply(body=b"cont", length=7, end=End.RESET),
    "reset at once": Reply(raw=b"", end=End.RESET),
    "closed in the body": Reply(body=b"cont", length=7, end=End.CLOSED),
    "closed at once": Reply(raw=b"", end=End.CLOSED),
    "closed in a header": Reply(raw=b"HTTP/1.1 200 OK\r\nContent-Le", end=End.CLOSED),
    "no length": Reply(body=b"content", length=None, end=End.CLOSED),
    "no status line": Reply(raw=b"\x00\x01garbage\r\n\r\n", end=End.CLOSED),
    "internal error": Reply(500, error("InternalError")),
    "slow down": Reply(503, error("SlowDown")),
    "too many requests": Reply(429),
    "request timeout": Reply(408),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_a_broken_answer_is_asked_for_again(broken: Reply) -> None:
    with scripted_server(broken, broken, WHOLE) as server:
        place = open_remote(f"s3+{server.url}/bucket/p")

        assert place.get(["x"], 100) == [b"content"]
        assert (place.traffic().requests, place.traffic().retries) == (3, 2)
        assert [one.target for one in server.received] == ["/bucket/p/x"] * 3


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_an_answer_that_stays_broken_is_an_error_with_no_attempt_too_many(broken: Reply) -> None:
    with scripted_server(otherwise=broken) as server:
        place = open_remote(f"s3+{server.url}/bucket/p", ONCE)
        with pytest.raises(
            StoreError, match=r"^store far: cannot read s3\+.*/bucket/p/x: .*1 of 1"
        ):
            place.get(["x"], 100)

        assert len(server.received) == 1


def test_a_missing_object_is_asked_for_once() -> None:
    with scripted_server(otherwise=Reply(404, error("NoSuchKey"))) as server:
        place = open_remote(f"s3+{server.url}/bucket")

        assert place.get(["x"], 100) == [None]
        assert place.sizes(["x"]) == [None]
        place.delete(["x"])
        assert [one.method for one in server.received] == ["GET", "HEAD", "DELETE"]


def test_an_object_over_the_limit_is_not_read() -> None:
    with scripted_server(Reply(body=bytes(8), length=1 << 40, end=End.STALLED)) as server:
        assert open_remote(f"s3+{server.url}/bucket").get(["x"], 100) == [TooLarge(1 << 40)]


def test_an_error_quotes_the_server_and_explains_a_403() -> None:
    with scripted_server(otherwise=Reply(403, error("AccessDenied"))) as server:
        place = open_remote(f"s3+{server.url}/bucket/p")
        with pytest.raises(StoreError) as caught:
            place.get(["x"], 100)

    assert str(caught.value) == (
        f"store far: cannot read s3+{server.url}/bucket/p/x: HTTP 403 Forbidden: AccessDenied: "
        "Some reason. (also the answer for an object that is missing, to who may not list the "
        "bucket)"
    )
    assert len(server.received) == 1


def test_a_put_sends_the_content_type_and_a_signed_body() -> None:
    with scripted_server(otherwise=Reply(headers={"ETag": '"x"'})) as server:
        open_remote(f"s3+{server.url}/bucket").put([("a b", b"content")], "application/zstd")

    (request,) = server.received
    assert (request.method, request.target, request.body) == ("PUT", "/bucket/a%20b", b"content")
    assert request.headers["content-type"] == "application/zstd"
    assert request.headers["user-agent"].startswith("desync-run/")


def stored(chunk: Chunk) -> bytes:
    return bytes(ChunkForms().encode(chunk))


@pytest.mark.parametrize("attempts", [1, 2])
def test_a_body_that_is_cut_short_but_well_formed_is_an_invalid_chunk(attempts: int) -> None:
    (chunk,) = make_chunks(1)
    data = stored(chunk)
    policy = replace(QUICK, attempts=attempts)
    with scripted_server(Reply(body=data[:-9]), otherwise=Reply(body=data)) as server:
        place = open_remote(f"s3+{server.url}/bucket", policy)
        store = ObjectStore(place, Reader(best()), ChunkForms(), policy)
        (answer,) = store.fetch([chunk.id])

    if attempts == 1:
        assert isinstance(answer, ChunkInvalidError)
    else:
        assert isinstance(answer, Chunk)
        assert answer.plain == chunk.plain
    assert len(server.received) == attempts


def test_a_server_that_is_silent_is_left_after_the_time_limit() -> None:
    with scripted_server(otherwise=Reply(body=b"cont", length=7, end=End.STALLED)) as server:
        place = open_remote(f"s3+{server.url}/bucket", replace(ONCE, timeout=0.2))
        began = time.monotonic()
        with pytest.raises(StoreError, match="no answer in time"):
            place.get(["x"], 100)

    assert 0.1 < time.monotonic() - began < 5


def test_nobody_there_is_an_error_that_says_so() -> None:
    place = open_remote(f"s3+http://127.0.0.1:{free_port()}/bucket")
    with pytest.raises(StoreError, match=r"Connection refused.*attempt 3 of 3"):
        place.get(["x"], 100)


class StoppedSoon(NeverStopped):
    def __init__(self) -> None:
        self.stopped = threading.Event()

    def check(self) -> None:
        if self.stopped.is_set():
            raise InterruptedRunError("stopped")


def test_a_run_that_is_stopped_waits_for_no_answer() -> None:
    stopper = StoppedSoon()
    with scripted_server(otherwise=Reply(after=60)) as server:
        place = open_remote(f"s3+{server.url}/bucket", stopper=stopper)
        threading.Timer(0.2, stopper.stopped.set).start()
        began = time.monotonic()
        with pytest.raises(InterruptedRunError):
            place.get(["x"] * 100, 100)

        assert time.monotonic() - began < 5


def test_no_more_requests_are_in_flight_than_allowed() -> None:
    with scripted_server(otherwise=Reply(body=b"x", after=0.01)) as server:
        place = open_remote(f"s3+{server.url}/bucket", replace(QUICK, concurrency=3))
        place.get([str(one) for one in range(30)], 100)

    assert server.most_at_once == 3


def test_secrets_are_looked_up_at_first_use_and_once_more_when_refused(tmp_path: Path) -> None:
    secret = tmp_path / "key"

    def answer(request: Received) -> Reply:
        return WHOLE if signed_by(request).startswith("NEW/") else Reply(403, error("Nonsense"))

    with scripted_server(otherwise=answer) as server:
        keys = {"access_key": {"file": "key"}, "secret_key": {"file": "key"}}
        place = open_remote(f"s3+{server.url}/bucket", directory=str(tmp_path), credentials=keys)
        with pytest.raises(UsageError, match=r"credentials.access_key: .*key cannot be read"):
            place.get(["x"], 100)
        secret.write_text("OLD")
        with pytest.raises(StoreError, match="Nonsense"):
            place.get(["x"], 100)
        refused = len(server.received)
        secret.write_text("NEW")

        assert place.get(["x", "y"], 100) == [b"content"] * 2
        assert refused == 1
        assert "NEW" not in repr(place.__dict__)


def keys_from_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "aws"
    file.write_text(
        "[default]\naws_access_key_id = DEFAULT\naws_secret_access_key = s\n"
        "[other]\naws_access_key_id = OTHER\naws_secret_access_key = s\naws_session_token = T\n"
    )
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    config = tmp_path / "config"
    config.write_text("[default]\nregion = here\n[profile other]\nregion = there\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))


KEYS: dict[str, tuple[dict[str, str], dict[str, Any], str]] = {
    "the manifest's before all": (
        {**ENVIRONMENT, "M": "MINE"},
        {"credentials": {"access_key": {"env": "M"}, "secret_key": {"env": "M"}}},
        "MINE/here",
    ),
    "desync's variables before AWS's": (
        {
            "S3_ACCESS_KEY": "S3KEY",
            "S3_SECRET_KEY": "s",
            "S3_REGION": "r",
            "AWS_ACCESS_KEY_ID": "AWS",
            "AWS_SECRET_ACCESS_KEY": "s",
        },
        {},
        "S3KEY/r",
    ),
    "AWS's variables before its file": (
        {"AWS_ACCESS_KEY_ID": "AWS", "AWS_SECRET_ACCESS_KEY": "s", "AWS_REGION": "r2"},
        {},
        "AWS/r2",
    ),
    "the default section": ({}, {}, "DEFAULT/here"),
    "the section of AWS_PROFILE": ({"AWS_PROFILE": "other"}, {}, "OTHER/there"),
    "the manifest's profile": (ENVIRONMENT, {"credentials": {"profile": "other"}}, "OTHER/there"),
    "the manifest's region": ({}, {"region": "mine"}, "DEFAULT/mine"),
}


@pytest.mark.parametrize(("environment", "fields", "expected"), KEYS.values(), ids=KEYS)
def test_keys_and_region_are_found_where_they_are_said(
    environment: dict[str, str],
    fields: dict[str, Any],
    expected: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ENVIRONMENT:
        monkeypatch.delenv(name)
    keys_from_files(tmp_path, monkeypatch)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with scripted_server(WHOLE) as server:
        open_remote(f"s3+{server.url}/bucket", **fields).get(["x"], 100)

    assert signed_by(server.received[0]) == expected
    token = server.received[0].headers.get("x-amz-security-token")
    assert token == ("T" if expected.startswith("OTHER") else None)


def test_anonymous_requests_are_not_signed() -> None:
    with scripted_server(WHOLE) as server:
        place = open_remote(f"s3+{server.url}/bucket", credentials={"anonymous": True})
        place.get(["x"], 100)

    assert "authorization" not in server.received[0].headers


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("[default]\n", r"\[other\]$|no section \[other\]"),
        ("[other]\nx = 1\n", "needs aws_access_key_id and aws_secret_access_key"),
        ("verysecret", "is not a credentials file of AWS"),
    ],
)
def test_a_credentials_file_that_is_not_right_is_an_error(
    file: str, message: str, tmp_path: Path
) -> None:
    (tmp_path / "aws").write_text(file)
    credentials = {"file": str(tmp_path / "aws"), "profile": "other"}
    place = open_remote("s3+http://127.0.0.1:1/bucket", credentials=credentials)
    with pytest.raises(UsageError, match=message) as caught:
        place.get(["x"], 100)

    assert "verysecret" not in str(caught.value)


@pytest.mark.parametrize("act", [lambda place: place.get(["x"], 9), lambda place: place.sizes("x")])
def test_the_region_is_learnt_from_a_refusal(act: Callable[[ObjectPlace], object]) -> None:
    def answer(request: Received) -> Reply:
        if signed_by(request).endswith("/garage"):
            return Reply(body=b"content")
        body = error("AuthorizationHeaderMalformed", "<Region>garage</Region>")
        return Reply(400, body)

    with scripted_server(otherwise=answer) as server:
        place = open_remote(f"s3+{server.url}/bucket")
        first = act(place)
        before = len(server.received)
        again = act(place)

    assert first == again
    assert len(server.received) - before == 1


def test_the_region_of_a_bucket_of_aws_is_told_by_a_header_of_any_answer() -> None:
    told = {"x-amz-bucket-region": "eu-west-9"}
    with scripted_server(Reply(403, headers=told), Reply(404)) as server:
        assert bucket_region(f"{server.url}/bucket", 5) == "eu-west-9"
        assert bucket_region(f"{server.url}/bucket", 5) is None


def test_a_private_authority_is_trusted_where_the_manifest_says_so(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "tls")
    with scripted_server(otherwise=WHOLE, tls=authority.server()) as server:
        url = f"s3+{server.url}/bucket"
        assert open_remote(url, tls={"ca": authority.file}).get(["x"], 9) == [b"content"]
        with pytest.raises(StoreError, match=r"certificate is not trusted \(UnknownIssuer\)$"):
            open_remote(url).get(["x"], 9)
        notices: list[str] = []
        place = open_remote(url, tls={"trust_insecure": True}, notices=notices)
        assert place.get(["x"], 9) == [b"content"]

    assert len(notices) == 1
    assert "NOT verified" in notices[0]


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a client certificate": ({"client_cert": "/c", "client_key": "/k"}, "tls.client_cert: "),
    "no other authorities": ({"ca": "/ca", "ca_only": True}, "tls.ca_only: "),
    "a file that is not there": ({"ca": "/no/such"}, "tls.ca: /no/such cannot be read"),
}


@pytest.mark.parametrize(("tls", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_obeyed_is_refused(tls: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=f"^store far: {message}"):
        open_remote("s3+https://host/bucket", tls=tls)


def test_a_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted_server(WHOLE) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        place = open_remote("s3+http://s3.example.org/bucket")

        assert place.get(["x"], 9) == [b"content"]
        assert proxy.received[0].target == "http://s3.example.org/bucket/x"


STYLES = {
    "?lookup=path": "http://s3.example.org/bucket/p/x",
    "?lookup=auto": "http://s3.example.org/bucket/p/x",
    "": "http://s3.example.org/bucket/p/x",
    "?lookup=dns": "http://bucket.s3.example.org/p/x",
}


@pytest.mark.parametrize(("query", "target"), STYLES.items())
def test_the_bucket_is_named_as_the_url_says(
    query: str, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with scripted_server(WHOLE) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        open_remote(f"s3+http://s3.example.org/bucket/p{query}").get(["x"], 9)

    assert proxy.received[0].target == target


def test_the_servers_of_aws_are_left_for_the_one_the_environment_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with scripted_server(WHOLE) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        open_remote("s3://bucket/p").get(["x"], 9)

    assert server.received[0].target == "/bucket/p/x"
