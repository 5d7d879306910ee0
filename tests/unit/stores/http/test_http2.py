"""HTTP/2, and what else only a real server and a real home directory show."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from desync_jobs.errors import StoreError
from desync_jobs.stores.http.client import HttpClient
from desync_jobs.stores.http.options import HttpOptions, Tls
from desync_jobs.stores.http.place import HttpPlace
from desync_jobs.stores.policy.hosts import Budget
from desync_jobs.stores.policy.values import NeverStopped
from tests.servers.certificates import Authority
from tests.servers.http_places import QUICK, http_client
from tests.servers.nginx import free_port, running_nginx
from tests.servers.scripted import Reply, scripted_server

NAMES = [f"{number:04x}" for number in range(64)]


@pytest.mark.parametrize("concurrency", [1, 64])
def test_http_2_is_spoken_where_the_server_does(tmp_path: Path, concurrency: int) -> None:
    authority = Authority(tmp_path / "ca")
    certificate = authority.ca.issue_cert("localhost")
    certificate.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "server.pem"))
    port = free_port()
    more = (
        f"listen 127.0.0.1:{port} ssl http2; ssl_certificate {tmp_path}/server.pem; "
        f"ssl_certificate_key {tmp_path}/server.pem;"
    )
    url = f"https://localhost:{port}/h2"
    with running_nginx(tmp_path / "nginx", more=more) as nginx:
        policy = replace(QUICK, concurrency=concurrency)
        place = HttpPlace("web", url, http_client(url, policy, tls=Tls(authority.file)))
        contents = [os.urandom(100_000) for _ in NAMES]
        place.put(list(zip(NAMES, contents, strict=True)), "x/y")

        assert place.sizes([*NAMES, "absent"]) == [100_000] * 64 + [None]
        assert place.get([*NAMES, "absent"], 1 << 20) == [*contents, None]
        protocols = {
            line.split('"')[1].split()[-1]
            for line in (nginx.directory / "access.log").read_text().splitlines()
        }
        assert protocols == {"HTTP/2.0"}


def place_with_netrc(url: str, netrc: bool) -> HttpPlace:
    options = HttpOptions(QUICK, netrc=netrc)
    return HttpPlace("web", url, HttpClient("store web", options, Budget(QUICK), NeverStopped()))


def test_netrc_is_used_where_asked_for_and_for_its_host_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / ".netrc"
    file.write_text("machine 127.0.0.1 login user password secret\n")
    file.chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    with scripted_server(otherwise=Reply(body=b"x")) as other:
        moved = Reply(302, headers={"Location": f"http://localhost:{other.port}/there"})
        with scripted_server(otherwise=moved) as server:
            assert place_with_netrc(server.url, netrc=True).get(["x"], 10) == [b"x"]
            assert place_with_netrc(server.url, netrc=False).get(["x"], 10) == [b"x"]

            sent = [one.headers.get("authorization") for one in server.received]
        assert sent == ["Basic dXNlcjpzZWNyZXQ=", None]
        assert ["authorization" in one.headers for one in other.received] == [False, False]


def test_a_connection_that_takes_too_long_ends_with_its_own_limit() -> None:
    # An address for documentation, which nobody answers or which has no route.
    place = HttpPlace(
        "web",
        "http://192.0.2.1",
        http_client("http://192.0.2.1", replace(QUICK, attempts=1, connect_timeout=0.2)),
    )

    with pytest.raises(StoreError, match=r"cannot read http://192.0.2.1/x: .*\(curl (7|28)\)"):
        place.get(["x"], 10)
