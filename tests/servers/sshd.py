"""A real OpenSSH server with keys of its own, and the client configured for it."""

import getpass
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from desync_jobs.testing.programs import require_program
from tests.servers.nginx import free_port, wait_for_port

_SERVER: Final = """
ListenAddress 127.0.0.1
Port {port}
HostKey {directory}/host_key
PidFile none
AuthorizedKeysFile {directory}/client_key.pub
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitUserEnvironment no
MaxStartups 100
MaxSessions 100
Subsystem sftp {sftp}
{more}
"""
_CLIENT: Final = """
Host *
    Port {port}
    IdentityFile {directory}/client_key
    IdentitiesOnly yes
    UserKnownHostsFile {directory}/known_hosts
    GlobalKnownHostsFile none
    StrictHostKeyChecking yes
    BatchMode yes
    LogLevel ERROR
"""


@dataclass(frozen=True, slots=True)
class Sshd:
    """A running server on 127.0.0.1 that knows one key, the client's."""

    port: int
    user: str
    directory: Path
    program: Path
    """A client program that knows the server, its port too, and has the key: for
    `CASYNC_SSH_PATH`, because casync has no way to say a port."""

    @property
    def client_key(self) -> Path:
        """The private key that the server lets in."""
        return self.directory / "client_key"

    @property
    def known_hosts(self) -> Path:
        """The file that knows the server's key."""
        return self.directory / "known_hosts"

    def url(self, scheme: str, path: Path) -> str:
        """Return where `path` is by way of this server."""
        return f"{scheme}://{self.user}@127.0.0.1:{self.port}{path}"


@contextmanager
def running_sshd(directory: Path, *, more: str = "", sftp: str = "internal-sftp") -> Iterator[Sshd]:
    """Run sshd in `directory`; `more` is put at the end of its configuration.

    `sftp` is the program that serves files.
    """
    program = require_program("sshd")
    ssh = require_program("ssh")
    directory.mkdir(parents=True, exist_ok=True)
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # it refuses to start without
    for name in ("host_key", "client_key"):
        _make_key(directory / name)
    port = free_port()
    host_key = (directory / "host_key.pub").read_text()
    (directory / "known_hosts").write_text(f"[127.0.0.1]:{port} {host_key}")
    (directory / "sshd_config").write_text(
        _SERVER.format(port=port, directory=directory, more=more, sftp=sftp)
    )
    (directory / "ssh_config").write_text(_CLIENT.format(directory=directory, port=port))
    client = directory / "ssh"
    client.write_text(f'#!/bin/sh\nexec {ssh} -F {directory}/ssh_config "$@"\n')
    client.chmod(0o755)
    log = directory / "log"
    command = [program, "-D", "-f", str(directory / "sshd_config"), "-E", str(log)]
    with subprocess.Popen(command) as process:
        try:
            wait_for_port(port, process)
            yield Sshd(port, getpass.getuser(), directory, client)
        finally:
            process.terminate()


def _make_key(path: Path) -> None:
    command = [require_program("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", str(path)]
    subprocess.run(command, check=True)
