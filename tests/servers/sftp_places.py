"""A home directory whose SSH configuration knows a test's server, and nothing else."""

from pathlib import Path
from typing import Final

from tests.servers.sshd import Sshd

_CONFIGURATION: Final = """
Host *
    IdentityFile {sshd.client_key}
    IdentitiesOnly yes
    UserKnownHostsFile {sshd.known_hosts}
Host elsewhere
    HostName 127.0.0.1
    Port {sshd.port}
"""


def make_home(sshd: Sshd, home: Path) -> Path:
    """Make the directory `home`, for HOME; it also knows the server as `elsewhere`."""
    (home / ".ssh").mkdir(parents=True, mode=0o700)
    (home / ".ssh" / "config").write_text(_CONFIGURATION.format(sshd=sshd))
    return home
