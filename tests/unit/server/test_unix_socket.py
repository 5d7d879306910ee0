"""Listening at a path: what is abandoned is replaced, and nothing else is."""

import os
import socket
from pathlib import Path

import pytest

from desync_jobs.errors import ServerError
from desync_jobs.server.unix_socket import unix_listener


def _abandoned(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))


def _connect(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))


def test_clients_connect_while_it_lasts_and_nothing_is_left(tmp_path: Path) -> None:
    with unix_listener(str(tmp_path / "sock")):
        _connect(tmp_path / "sock")

    assert list(tmp_path.iterdir()) == []


def test_a_socket_that_nobody_serves_is_replaced(tmp_path: Path) -> None:
    _abandoned(tmp_path / "sock")

    with unix_listener(str(tmp_path / "sock")):
        _connect(tmp_path / "sock")


def test_a_live_server_keeps_its_socket(tmp_path: Path) -> None:
    path = str(tmp_path / "sock")
    with unix_listener(path):
        with pytest.raises(ServerError) as caught, unix_listener(path):
            pass
        _connect(tmp_path / "sock")

    assert str(caught.value) == f"cannot listen on {path}: another server does"


def test_a_server_with_more_to_do_than_it_can_keeps_its_socket(tmp_path: Path) -> None:
    path = str(tmp_path / "sock")
    with socket.socket(socket.AF_UNIX) as busy, socket.socket(socket.AF_UNIX) as waiting:
        busy.bind(path)
        busy.listen(0)
        waiting.connect(path)

        with pytest.raises(ServerError, match="another server does"), unix_listener(path):
            pass


def test_a_file_that_is_no_socket_stays(tmp_path: Path) -> None:
    (tmp_path / "sock").write_bytes(b"precious")

    with pytest.raises(ServerError, match="it is there and no socket; choose another"):
        unix_listener(str(tmp_path / "sock")).__enter__()
    assert (tmp_path / "sock").read_bytes() == b"precious"


def test_the_socket_of_a_successor_is_not_removed(tmp_path: Path) -> None:
    path = tmp_path / "sock"
    with unix_listener(str(path)) as first:
        first.close()
        with unix_listener(str(path)):
            pass
        _abandoned(path)

    assert path.is_socket()


@pytest.mark.parametrize(
    ("name", "why"),
    [("missing/sock", "no such file or directory"), ("x" * 120, "choose a shorter one")],
)
def test_a_path_that_cannot_be_is_told(tmp_path: Path, name: str, why: str) -> None:
    with pytest.raises(ServerError, match=why):
        unix_listener(os.path.join(tmp_path, name)).__enter__()
