"""The contract of stores over SFTP, on a real OpenSSH server."""

import os
import re
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Final
from urllib.parse import quote

import pytest

from desync_jobs.errors import StoreError
from desync_jobs.stores.objects.base import ObjectPlace
from desync_jobs.stores.policy.values import Policy
from desync_jobs.testing.programs import require_program
from tests.contract.links import LINKED, linked, make_linked
from tests.contract.remote_contract import RemoteContract
from tests.servers.http_places import QUICK
from tests.servers.relay import Relay
from tests.servers.s3_places import open_remote
from tests.servers.sftp_places import make_home
from tests.servers.sshd import Sshd, running_sshd

_PLACES: Final = count()


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    directory = tmp_path_factory.mktemp("sftp")
    with running_sshd(directory / "server") as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(make_home(server, directory / "home")))
        patch.delenv("SSH_AUTH_SOCK", raising=False)
        yield server


@pytest.fixture
def root(sshd: Sshd) -> Path:
    """The directory of a place; it does not exist."""
    return sshd.directory / f"place {next(_PLACES)}" / "ü%41+"


@pytest.fixture
def place(sshd: Sshd, root: Path) -> ObjectPlace:
    return open_remote(sshd.url("sftp", Path(quote(str(root)))))


class TestSftp(RemoteContract):
    @pytest.fixture
    def place(self, sshd: Sshd, root: Path) -> ObjectPlace:
        return open_remote(sshd.url("sftp", Path(quote(str(root)))))


def test_links_are_listed_with_what_they_lead_to(place: ObjectPlace, root: Path) -> None:
    make_linked(root)

    assert linked(place) == LINKED


def test_objects_are_files_and_unfinished_ones_are_not_listed(
    place: ObjectPlace, root: Path
) -> None:
    place.put([("ab/x.cacnk", b"content")], "")
    (root / "ab" / f"{'0' * 64}.1a2b.tmp").write_bytes(b"of a killed writer")
    (root / "ab" / ".tmp-cacnk.123").write_bytes(b"of a killed desync")
    os.mkfifo(root / "ab" / "pipe")

    assert (root / "ab" / "x.cacnk").read_bytes() == b"content"
    assert [entry.name for entry in place.entries("")] == ["ab/x.cacnk"]


@pytest.fixture
def relay(sshd: Sshd) -> Iterator[Relay]:
    relay = Relay(sshd.port)
    known = sshd.known_hosts.read_text()
    key = known.partition(" ")[2]
    sshd.known_hosts.write_text(f"{known}[127.0.0.1]:{relay.port} {key}")
    yield relay
    relay.close()
    sshd.known_hosts.write_text(known)


def through(relay: Relay, sshd: Sshd, root: Path, policy: Policy = QUICK) -> ObjectPlace:
    return open_remote(f"sftp://{sshd.user}@127.0.0.1:{relay.port}{quote(str(root))}", policy)


def test_one_connection_serves_everybody_and_is_made_again_when_it_is_cut(
    relay: Relay, sshd: Sshd, root: Path
) -> None:
    place = through(relay, sshd, root)
    names = [f"{number:02d}" for number in range(50)]
    place.put([(name, name.encode()) for name in names], "")
    before = relay.connections
    relay.cut()

    assert place.get(names, 100) == [name.encode() for name in names]
    assert (before, relay.connections) == (1, 2)


def test_a_connection_that_is_cut_within_a_body_is_an_error_or_another_attempt(
    relay: Relay, sshd: Sshd, root: Path
) -> None:
    data = bytes(range(256)) * 4096
    again = through(relay, sshd, root)
    again.put([("x", data)], "")
    relay.cut_after(500_000)
    assert again.get(["x"], len(data)) == [data]
    assert again.traffic().retries == 1
    once = through(relay, sshd, root, replace(QUICK, attempts=1))
    once.sizes(["x"])
    relay.cut_after(500_000)
    with pytest.raises(StoreError, match=r"^store far: cannot read sftp://.*/x: .*attempt 1 of 1"):
        once.get(["x"], len(data))


def test_a_writer_that_is_cut_off_leaves_what_was_there(
    relay: Relay, sshd: Sshd, root: Path
) -> None:
    place = through(relay, sshd, root, replace(QUICK, attempts=1))
    place.put([("ab/x", b"old")], "")
    relay.cut_after(500_000)
    with pytest.raises(StoreError, match="cannot write"):
        place.put([("ab/x", bytes(1 << 20))], "")

    assert (root / "ab/x").read_bytes() == b"old"
    assert [entry.name for entry in place.entries("")] == ["ab/x"]


def test_an_alias_of_the_users_configuration_is_known(root: Path) -> None:
    place = open_remote(f"sftp://elsewhere{quote(str(root))}")
    place.put([("x", b"content")], "")

    assert (root / "x").read_bytes() == b"content"


def test_a_host_whose_key_is_not_known_is_refused_at_once(
    relay: Relay, sshd: Sshd, root: Path
) -> None:
    sshd.known_hosts.write_text("")
    with pytest.raises(StoreError, match=r"Host key is not trusted.*[^)]$"):
        through(relay, sshd, root).get(["x"], 10)

    assert relay.connections == 1


def test_a_key_that_the_host_does_not_know_is_refused_at_once(
    relay: Relay, sshd: Sshd, root: Path
) -> None:
    authorized = sshd.client_key.with_suffix(".pub")
    known = authorized.read_text()
    authorized.write_text("")
    with pytest.raises(StoreError, match="Permission denied"):
        through(relay, sshd, root).get(["x"], 10)
    authorized.write_text(known)

    assert relay.connections == 1


def test_a_server_that_says_nothing_is_left_after_the_time_limit(root: Path) -> None:
    policy = replace(QUICK, attempts=1, connect_timeout=0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        began = time.monotonic()
        with pytest.raises(StoreError, match="attempt 1 of 1"):
            open_remote(f"sftp://127.0.0.1:{port}{quote(str(root))}", policy).get(["x"], 10)

    assert time.monotonic() - began < 5


def test_what_is_no_file_cannot_be_read(sshd: Sshd, root: Path) -> None:
    place = open_remote(sshd.url("sftp", Path(quote(str(root)))))
    place.put([("ab/x", b"content")], "")

    with pytest.raises(StoreError, match=r"cannot read .*/ab: "):
        place.get(["ab"], 1 << 20)
    assert place.sizes(["ab", "ab/x"]) == [None, 7]


def requests(directory: Path, monkeypatch: pytest.MonkeyPatch, flags: str) -> list[str]:
    """Write a chunk through a server with `flags`, and return what was asked of it, in order."""
    server = require_program("sftp-server")
    log, program = directory / "requests", directory / "sftp-server"
    directory.mkdir()
    program.write_text(f"#!/bin/sh\nexec {server} -e -l DEBUG1 {flags} 2>>{log}\n")
    program.chmod(0o755)
    with running_sshd(directory / "server", sftp=str(program)) as sshd:
        monkeypatch.setenv("HOME", str(make_home(sshd, directory / "home")))
        place = open_remote(sshd.url("sftp", directory / "place"))
        place.put([("ab/x.cacnk", b"content")], "")
    assert (directory / "place/ab/x.cacnk").read_bytes() == b"content"
    return re.findall(r"^(fsync|posix-rename|open|write) ", log.read_text(), re.MULTILINE)


def test_a_file_is_synced_before_it_gets_its_name_where_the_server_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    able = requests(tmp_path / "able", monkeypatch, "")
    unable = requests(tmp_path / "unable", monkeypatch, "-P fsync")

    assert able[-2:] == ["fsync", "posix-rename"]
    assert "fsync" not in unable
    assert unable[-1] == "posix-rename"
