import socket
import ssl
from contextlib import closing
from pathlib import Path

import pytest

from desync_jobs.errors import ServerError
from desync_jobs.manifest.serving import Address
from desync_jobs.server.listening import Certificates, bind, shared, urls
from desync_jobs.server.newcomers import keep_out, waiting
from tests.servers.certificates import Authority


def test_a_name_is_listened_on_at_each_of_its_addresses() -> None:
    sockets = bind(Address("localhost", 0))
    found = urls(sockets, "https")
    for one in sockets:
        one.close()

    assert found
    assert all(one.startswith(("https://127.0.0.1:", "https://[::1]:")) for one in found)


def test_no_name_stands_for_every_address_of_both_families() -> None:
    (one,) = bind(Address("", 0))
    with closing(one):
        port = one.getsockname()[1]
        socket.create_connection(("127.0.0.1", port), 20).close()


@pytest.mark.parametrize(
    ("host", "reason"),
    [("127.0.0.1", "address already in use"), ("192.0.2.1", "cannot assign requested address")],
)
def test_an_address_that_cannot_be_had_is_an_error(host: str, reason: str) -> None:
    (one,) = bind(Address("127.0.0.1", 0))
    port = one.getsockname()[1]
    with closing(one), pytest.raises(ServerError) as caught:
        bind(Address(host, port))

    assert str(caught.value) == f"cannot listen on {host}:{port}: {reason}"


def test_a_name_that_nobody_knows_is_an_error() -> None:
    with pytest.raises(ServerError, match=r"cannot listen on name\.invalid: "):
        bind(Address("name.invalid", 0))


def test_processes_share_one_address() -> None:
    sets = shared(bind(Address("127.0.0.1", 0)), 3)
    places = {one.getsockname() for sockets in sets for one in sockets}
    for sockets in sets:
        for one in sockets:
            one.close()

    assert [len(sockets) for sockets in sets] == [1, 1, 1]
    assert len(places) == 1


def test_who_waits_is_let_in_when_newcomers_are_kept_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as late:
        with socket.create_connection(listener.getsockname(), 20) as early:
            before = waiting(listener)
            keep_out(listener)
            late.settimeout(0.2)
            with pytest.raises(TimeoutError):
                late.connect(listener.getsockname())
            accepted, _ = listener.accept()
            with accepted:
                early.sendall(b"still here")
                received = accepted.recv(100)

        assert (before, received, waiting(listener)) == (1, b"still here", 0)


def test_certificates_are_read(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "own")
    cert, key = authority.server_files(tmp_path)
    one_way = Certificates(cert, key).context()
    both_ways = Certificates(cert, key, authority.file).context()

    assert (one_way.verify_mode, both_ways.verify_mode) == (ssl.CERT_NONE, ssl.CERT_REQUIRED)
    assert one_way.minimum_version == ssl.TLSVersion.TLSv1_2


def test_files_that_are_no_certificates_are_named(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "own")
    cert, key = authority.server_files(tmp_path)
    _, other = Authority(tmp_path / "other").server_files(tmp_path / "own")
    (tmp_path / "junk").write_text("junk")
    junk, none = str(tmp_path / "junk"), str(tmp_path / "none")
    for wrong, named in (
        (Certificates(none, key), none),
        (Certificates(cert, none), none),
        (Certificates(junk, key), junk),
        (Certificates(cert, other), other),
        (Certificates(cert, key, junk), f"certificate {junk} "),
        (Certificates(cert, key, none), f"certificate {none} "),
    ):
        with pytest.raises(ServerError) as caught:
            wrong.context()
        assert named in str(caught.value)
