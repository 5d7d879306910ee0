"""How a place shows a registry who it is, and to whom it does not."""

import json
import threading
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qs, urlsplit

import pytest

from desync_jobs.errors import StoreError, UsageError
from desync_jobs.stores.http.messages import Response
from desync_jobs.stores.oci.access import RegistryAccess
from desync_jobs.stores.oci.login import Login
from desync_jobs.testing.chunks import make_chunks
from desync_jobs.testing.store_contract import ids_of, plain_of
from tests.servers.certificates import Authority
from tests.servers.fake_registry import FakeRegistry
from tests.servers.http_places import QUICK, http_client
from tests.servers.oci_places import oci_place, oci_store
from tests.servers.scripted import Received, Reply, ScriptedServer, scripted_server

BASIC = f"Basic {b64encode(b'ali:open: sesame').decode()}"
NAMES = [f"0000/{number}" for number in range(20)]


@dataclass
class TokenServer:
    """Gives everybody a token for what is asked, or to those who log in as `only`."""

    only: str | None = None
    answer: dict[str, object] = field(default_factory=dict)
    """Fields of every answer, besides the token."""
    given: dict[str, frozenset[str]] = field(default_factory=dict)
    """Scopes by token."""
    url: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, request: Received) -> Reply:
        query = parse_qs(urlsplit(request.target).query) | parse_qs(request.body.decode())
        shown = request.headers.get("authorization") or query.get("refresh_token", [None])[0]
        if self.only is not None and shown != self.only:
            return Reply(401, b"who are you?")
        with self.lock:
            token = f"token{len(self.given)}"
            self.given[token] = frozenset(" ".join(query.get("scope", [])).split())
        return Reply(body=json.dumps({"token": token, **self.answer}).encode())


@dataclass
class Guard:
    """Lets those into a registry who have a token for what they do."""

    tokens: TokenServer
    challenges: str = 'Bearer realm="{url}/token?x=1",service="s v",scope="{scope}"'

    def __call__(self, request: Received) -> Reply | None:
        action = {"GET": "pull", "HEAD": "pull", "DELETE": "delete"}.get(
            request.method, "push,pull"
        )
        scope = f"repository:any:{action}"
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if scope in self.tokens.given.get(token, ()):
            return None
        challenge = self.challenges.format(url=self.tokens.url, scope=scope)
        return Reply(401, b"no", {"WWW-Authenticate": challenge})


@dataclass
class Guarded:
    """A registry behind a guard, with the token server that the guard trusts."""

    registry: FakeRegistry
    server: ScriptedServer
    tokens: TokenServer
    token_server: ScriptedServer
    guard: Guard

    @property
    def url(self) -> str:
        return f"oci+http://127.0.0.1:{self.server.port}/any"


@pytest.fixture
def guarded() -> Iterator[Guarded]:
    tokens = TokenServer()
    guard = Guard(tokens)
    registry = FakeRegistry(guard)
    with (
        scripted_server(otherwise=tokens) as token_server,
        scripted_server(otherwise=registry) as server,
    ):
        tokens.url = token_server.url
        yield Guarded(registry, server, tokens, token_server, guard)


@pytest.fixture
def ali(monkeypatch: pytest.MonkeyPatch) -> str:
    """Have Ali logged in; return what he shows a server that asks for a password."""
    monkeypatch.setenv("DESYNC_OCI_USERNAME", "ali")
    monkeypatch.setenv("DESYNC_OCI_PASSWORD", "open: sesame")
    return BASIC


def test_a_token_is_asked_for_once_and_again_for_what_it_is_not_good_for(
    guarded: Guarded, ali: str
) -> None:
    chunks = make_chunks(20)
    store = oci_store(guarded.url)
    guarded.tokens.only = ali
    store.fetch(ids_of(chunks))
    store.put(chunks)
    for entry in store.entries():
        store.remove(entry)
        break

    begin = "/token?x=1&service=s+v"
    pull, push, delete = (
        f"&scope=repository%3Aany%3A{actions}" for actions in ("pull", "push%2Cpull", "delete")
    )
    assert [one.target for one in guarded.token_server.received] == [
        f"{begin}{pull}",
        f"{begin}{pull}{push}",
        f"{begin}{delete}{pull}{push}",
    ]
    assert len(guarded.registry.tags) == 19
    # The password went to the token server alone.
    shown = {one.headers.get("authorization") for one in guarded.server.received}
    assert shown == {None, "Bearer token0", "Bearer token1", "Bearer token2"}


def test_anybody_may_ask_for_a_token(guarded: Guarded) -> None:
    assert oci_place(guarded.url).sizes(NAMES) == [None] * 20
    assert [one.headers.get("authorization") for one in guarded.token_server.received] == [None]


def test_threads_ask_for_one_token_and_do_different_things(guarded: Guarded) -> None:
    chunks = make_chunks(40)
    store = oci_store(guarded.url)
    with ThreadPoolExecutor(8) as threads:
        list(
            threads.map(
                lambda turn: (
                    store.put(chunks[turn * 5 : turn * 5 + 5])
                    if turn % 2
                    else store.fetch(ids_of(chunks))
                ),
                range(8),
            )
        )
        list(threads.map(lambda turn: store.put(chunks[turn * 5 : turn * 5 + 5]), range(8)))

    assert plain_of(store.fetch(ids_of(chunks))) == [chunk.plain for chunk in chunks]
    assert len(guarded.tokens.given) == 2


def test_a_token_that_is_no_longer_taken_is_renewed_once(guarded: Guarded) -> None:
    place = oci_place(guarded.url)
    place.sizes(NAMES)
    guarded.tokens.given["token0"] = frozenset()

    assert place.sizes(NAMES) == [None] * 20
    assert list(guarded.tokens.given) == ["token0", "token1"]


def test_a_registry_that_takes_no_token_is_not_asked_for_ever(guarded: Guarded) -> None:
    guarded.registry.first = lambda one: replace(guarded.guard(one) or Reply(), status=401)
    guarded.guard.challenges = guarded.guard.challenges.replace("{scope}", "other")

    with pytest.raises(StoreError, match=r"HTTP 401 Unauthorized: no; give credentials, or log in"):
        oci_place(guarded.url).sizes(NAMES[:1])
    assert (len(guarded.server.received), len(guarded.tokens.given)) == (2, 1)


@pytest.mark.parametrize(
    ("life", "kept"),
    [(300, 269), (60, 53), (None, 53), (1, 53), (-1, 53), ("x", 53), (1e300, 77000), (True, 53)],
)
def test_a_token_is_used_until_shortly_before_it_expires(
    guarded: Guarded, life: object, kept: float
) -> None:
    now = 1000.0
    guarded.tokens.answer = {} if life is None else {"expires_in": life}
    access = RegistryAccess(
        "store hub",
        lambda: None,
        lambda _: http_client(guarded.tokens.url),
        secure=False,
        clock=lambda: now,
    )
    challenge = f'Bearer realm="{guarded.tokens.url}/"'
    refusal = Response(401, b"", 0, headers={"www-authenticate": challenge})

    assert access.current() == (1, ())
    assert access.renew(1, refusal)
    now += kept
    assert access.current() == (2, ("Authorization: Bearer token0",))
    now += max(2.0, kept / 50)
    assert access.current() == (3, ("Authorization: Bearer token1",))


@pytest.mark.parametrize(
    "answer",
    [
        {"token": ""},
        {"token": "a b"},
        {"token": "a\r\nHost: x"},
        {"token": ["x"]},
        {"token": "ü"},
        {"token": "a" * 70_000},
        {"token": None, "padding": "a" * (1 << 20)},
    ],
    ids=lambda one: str(one)[:30],
)
def test_what_is_no_token_is_an_error(guarded: Guarded, answer: dict[str, object]) -> None:
    guarded.tokens.answer = answer

    with pytest.raises(StoreError, match=r"^store hub: cannot get a token from .* no token in it$"):
        oci_place(guarded.url).sizes(NAMES)


def test_a_login_that_the_token_server_refuses_is_an_error(guarded: Guarded, ali: str) -> None:
    guarded.tokens.only = "somebody else"

    with pytest.raises(StoreError) as caught:
        oci_place(guarded.url).sizes(NAMES)
    assert "cannot get a token from" in str(caught.value)
    assert "HTTP 401 Unauthorized: who are you?" in str(caught.value)
    assert ali not in str(caught.value)
    assert "sesame" not in str(caught.value)


def test_an_identity_token_is_shown_instead_of_a_password(guarded: Guarded) -> None:
    guarded.tokens.only = "refresh&me"
    refusal = Response(
        401,
        b"",
        0,
        headers={"www-authenticate": f'Bearer realm="{guarded.tokens.url}/",service=s,scope="a b"'},
    )
    access = RegistryAccess(
        "store hub",
        lambda: Login("", "", "refresh&me"),
        lambda _: http_client(guarded.tokens.url),
        secure=False,
    )

    assert access.renew(1, refusal)
    (request,) = guarded.token_server.received
    assert request.method == "POST"
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert parse_qs(request.body.decode()) == {
        "service": ["s"],
        "scope": ["a b"],
        "client_id": ["desync-run"],
        "grant_type": ["refresh_token"],
        "refresh_token": ["refresh&me"],
    }


@pytest.mark.parametrize(
    "realm", ["", "ftp://x/", "//x", "http://u:p@x/", "http://[/", "http://a b/"]
)
def test_a_token_server_that_is_none_is_an_error(guarded: Guarded, realm: str) -> None:
    guarded.guard.challenges = f'Bearer realm="{realm}"'

    with pytest.raises(StoreError, match=r"as its token server, which is none$"):
        oci_place(guarded.url).sizes(NAMES)


def test_nothing_is_shown_to_a_token_server_without_tls(
    guarded: Guarded, ali: str, authority: Authority
) -> None:
    with scripted_server(otherwise=guarded.registry, tls=authority.server()) as secure:
        place = oci_place(f"oci+https://localhost:{secure.port}/any", tls={"ca": authority.file})
        with pytest.raises(StoreError, match=r"has TLS and its token server .* nothing is sent"):
            place.sizes(NAMES)

    assert ali
    assert guarded.token_server.received == []


@contextmanager
def open_to(authorization: str, challenge: str) -> Iterator[tuple[ScriptedServer, str]]:
    """Serve a registry that wants to see `authorization`."""
    refusal = Reply(401, headers={"WWW-Authenticate": challenge})
    registry = FakeRegistry(
        lambda one: None if one.headers.get("authorization") == authorization else refusal
    )
    with scripted_server(otherwise=registry) as server:
        yield server, f"oci+http://127.0.0.1:{server.port}/any"


def test_a_password_is_shown_only_when_asked_for(ali: str) -> None:
    with open_to(ali, 'Negotiate, Basic realm="x"') as (server, url):
        place = oci_place(url)
        place.put([("0000/x", b"content")], "any")
        before = len(server.received)

        assert place.get(["0000/x"], 10) == [b"content"]
        assert {one.headers.get("authorization") for one in server.received[before:]} == {ali}
        assert "authorization" not in server.received[0].headers


@pytest.mark.parametrize("challenge", ["", "Negotiate", 'Digest realm="x"'])
def test_a_challenge_that_nobody_understands_is_answered_by_nothing(
    ali: str, challenge: str
) -> None:
    with open_to(ali, challenge) as (server, url):
        with pytest.raises(StoreError, match="HTTP 401"):
            oci_place(url).sizes(NAMES[:1])

        assert len(server.received) == 1


def test_a_password_from_the_manifest_comes_first_and_is_looked_up_again_when_refused(
    ali: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("USER_NAME", "baba")
    monkeypatch.setenv("PASS_WORD", "old")
    new = f"Basic {b64encode(b'baba:new').decode()}"
    credentials = {"username": {"env": "USER_NAME"}, "password": {"env": "PASS_WORD"}}
    with open_to(new, "Basic") as (server, url):
        place = oci_place(url, credentials=credentials)
        with pytest.raises(StoreError, match="HTTP 401"):
            place.sizes(NAMES[:1])
        monkeypatch.setenv("PASS_WORD", "new")

        assert place.sizes(NAMES[:1]) == [None]
        old = f"Basic {b64encode(b'baba:old').decode()}"
        shown = [one.headers.get("authorization") for one in server.received]
        assert shown == [None, old, old, new]
        assert ali not in shown


def test_an_anonymous_place_shows_nothing(ali: str) -> None:
    with open_to(ali, "Basic") as (server, url):
        with pytest.raises(StoreError, match="HTTP 401"):
            oci_place(url, credentials={"anonymous": True}).sizes(NAMES[:1])

        assert [one.headers.get("authorization") for one in server.received] == [None]


def test_a_password_without_a_user_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESYNC_OCI_PASSWORD", "open: sesame")
    with open_to("x", "Basic") as (_, url), pytest.raises(UsageError) as caught:
        oci_place(url).sizes(NAMES[:1])

    assert str(caught.value) == (
        "store hub: DESYNC_OCI_PASSWORD is set and DESYNC_OCI_USERNAME is not; set both"
    )


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_blob_that_is_elsewhere_is_asked_for_without_credentials(
    guarded: Guarded, ali: str, host: str
) -> None:
    chunk = make_chunks(1)[0]
    oci_store(guarded.url).put([chunk])
    with scripted_server(otherwise=FakeRegistry(blobs=guarded.registry.blobs)) as other:

        def away(request: Received) -> Reply | None:
            if request.method == "GET" and "/blobs/" in request.target:
                location = f"http://{host}:{other.port}{request.target}"
                return Reply(307, headers={"Location": location})
            return guarded.guard(request)

        guarded.registry.first = away

        assert plain_of(oci_store(guarded.url).fetch([chunk.id])) == [chunk.plain]
        assert ali
        assert ["authorization" in one.headers for one in other.received] == [False]


def test_whoever_is_redirected_to_has_no_say_in_what_is_shown(guarded: Guarded, ali: str) -> None:
    refusal = Reply(401, headers={"WWW-Authenticate": f'Bearer realm="{guarded.tokens.url}/"'})
    with scripted_server(otherwise=refusal) as other:
        moved = Reply(307, headers={"Location": f"{other.url}/x"})
        guarded.registry.first = lambda _: moved
        with pytest.raises(StoreError, match="HTTP 401"):
            oci_place(guarded.url).sizes(NAMES[:1])

    assert ali
    assert guarded.token_server.received == []


def test_content_is_sent_elsewhere_without_credentials(guarded: Guarded, ali: str) -> None:
    elsewhere = FakeRegistry(blobs=guarded.registry.blobs)
    with scripted_server(otherwise=elsewhere) as other:
        guarded.registry.location = f"{other.url}/v2/any/blobs/uploads/1"
        oci_place(guarded.url).put([("0000/x", b"content")], "any")

        assert ali
        assert [one.method for one in other.received] == ["PUT", "PUT"]
        assert ["authorization" in one.headers for one in other.received] == [False, False]
    assert list(guarded.registry.tags) == ["x"]


def test_limits_of_a_policy_hold_for_token_servers_too(guarded: Guarded) -> None:
    replies = iter([Reply(503), Reply(429, headers={"Retry-After": "0"})])
    with scripted_server(otherwise=lambda one: next(replies, None) or guarded.tokens(one)) as busy:
        guarded.tokens.url = busy.url

        assert oci_place(guarded.url).sizes(NAMES) == [None] * 20
        assert len(busy.received) == 3

    guarded.tokens.given.clear()
    with pytest.raises(StoreError, match=r"cannot get a token from .*\(attempt 2 of 2\)$"):
        oci_place(guarded.url, replace(QUICK, attempts=2)).sizes(NAMES)


def test_a_login_is_not_shown_by_itself() -> None:
    assert "secret" not in repr(Login("ali", "secret", "secret"))
