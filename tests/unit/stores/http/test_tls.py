"""Whom a client trusts, and who it says it is."""

from collections.abc import Callable
from pathlib import Path

import pytest

from desync_jobs.errors import StoreError, UsageError
from desync_jobs.stores.http.options import Tls
from desync_jobs.stores.http.place import HttpPlace
from tests.servers.certificates import Authority
from tests.servers.http_places import http_client
from tests.servers.scripted import Reply, ScriptedServer, scripted_server

WHOLE = Reply(body=b"content")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("trusted") / "ca")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("stranger") / "ca")


def get(server: ScriptedServer, tls: Tls) -> bytes | object:
    place = HttpPlace("web", server.url, http_client(server.url, tls=tls))
    return place.get(["x"], 100)[0]


@pytest.mark.parametrize("alone", [True, False])
def test_an_own_authority_is_trusted(authority: Authority, alone: bool) -> None:
    with scripted_server(otherwise=WHOLE, tls=authority.server()) as server:
        assert get(server, Tls(authority.file, ca_only=alone)) == b"content"


@pytest.mark.parametrize(
    ("alone", "content"), [(False, b"content"), (True, None)], ids=["besides", "alone"]
)
def test_an_own_authority_is_trusted_besides_the_system_s_or_alone(
    authority: Authority,
    stranger: Authority,
    monkeypatch: pytest.MonkeyPatch,
    alone: bool,
    content: bytes | None,
) -> None:
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", stranger.file)
    with scripted_server(otherwise=WHOLE, tls=stranger.server()) as server:
        tls = Tls(authority.file, ca_only=alone)
        if content is None:
            with pytest.raises(StoreError, match=r"\(curl 60\)$"):
                get(server, tls)
        else:
            assert get(server, tls) == content


def test_an_unknown_authority_is_refused_at_once(authority: Authority, stranger: Authority) -> None:
    with scripted_server(otherwise=WHOLE, tls=stranger.server()) as server:
        with pytest.raises(StoreError, match=r"SSL certificate.* \(curl 60\)$"):
            get(server, Tls(authority.file))

        assert server.connections == 1
        assert server.received == []


def test_a_certificate_of_another_host_is_refused(authority: Authority) -> None:
    with scripted_server(otherwise=WHOLE, tls=authority.server("other.example")) as server:
        with pytest.raises(StoreError, match=r"\(curl 60\)$"):
            get(server, Tls(authority.file))

        assert server.received == []


def test_nothing_is_verified_where_that_is_asked_for(stranger: Authority) -> None:
    with scripted_server(otherwise=WHOLE, tls=stranger.server("other.example")) as server:
        assert get(server, Tls(trust_insecure=True)) == b"content"


def test_a_client_certificate_is_shown(authority: Authority) -> None:
    context = authority.server(asks_for=authority.file)
    with scripted_server(otherwise=WHOLE, tls=context) as server:
        shown = Tls(
            authority.file, client_cert=authority.client_cert, client_key=authority.client_key
        )

        assert get(server, shown) == b"content"
        with pytest.raises(StoreError, match="cannot read https://localhost"):
            get(server, Tls(authority.file))


def without_file(make: Callable[[str], Tls], tmp_path: Path) -> str:
    with scripted_server(otherwise=WHOLE) as server:
        url = server.url.replace("http:", "https:")
        with pytest.raises((StoreError, UsageError)) as caught:
            HttpPlace("web", url, http_client(url, tls=make(str(tmp_path / "none.pem")))).get(
                ["x"], 100
            )
    return str(caught.value)


def test_a_missing_file_of_authorities_is_told(tmp_path: Path) -> None:
    besides = without_file(Tls, tmp_path)

    assert besides.startswith("cannot read the certificate authorities in ")
    assert besides.endswith("none.pem: No such file or directory")
    assert "none.pem" in without_file(lambda path: Tls(path, ca_only=True), tmp_path)
    assert "none.pem" in without_file(lambda path: Tls(client_cert=path), tmp_path)
